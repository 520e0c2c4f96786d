package jetstream

import (
	"sync"

	"protokoll/eventlog"
)

// settlement is a group whose receipts are due.
type settlement struct {
	group []*part
	first uint64 // number of its first event, if err is nil
	err   error
}

// settlements go from a lane's writer to its completion goroutine, in order. Their number is not bounded, so the writer never
// waits for a receipt's functions; these may append to a full queue, which the writer goes on emptying.
type settlements struct {
	mu    sync.Mutex
	some  *sync.Cond // signalled when one was added, or nothing more will come
	due   []settlement
	ended bool
}

func newSettlements() *settlements {
	s := new(settlements)
	s.some = sync.NewCond(&s.mu)
	return s
}

func (s *settlements) add(one settlement) {
	s.mu.Lock()
	s.due = append(s.due, one)
	s.mu.Unlock()
	s.some.Signal()
}

func (s *settlements) end() {
	s.mu.Lock()
	s.ended = true
	s.mu.Unlock()
	s.some.Signal()
}

// take waits for settlements. It returns none when nothing more will come.
func (s *settlements) take() []settlement {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.due) == 0 && !s.ended {
		s.some.Wait()
	}
	due := s.due
	s.due = nil
	return due
}

// settle runs receipts on a goroutine of its own, so that nothing done in them holds up the next group.
func (l *lane) settle() {
	for {
		due := l.settled.take()
		if len(due) == 0 {
			return
		}
		for _, s := range due {
			s.settle(l.id)
		}
	}
}

func (s settlement) settle(l eventlog.Lane) {
	number := s.first
	for _, p := range s.group {
		number += uint64(len(p.facts))
		p.receipt.Settle(eventlog.Position{Lane: l, Number: number - 1}, s.err)
	}
}
