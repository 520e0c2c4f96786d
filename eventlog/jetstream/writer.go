package jetstream

import (
	"errors"
	"fmt"
	"time"

	"protokoll/eventlog"
	"protokoll/schemas"
)

const (
	// maxChunkFacts and maxChunkBytes are how much is handed to JetStream before its answer is awaited. Beyond 100,000
	// messages or 128 MiB it would drop messages without a word.
	maxChunkFacts = 4096
	maxChunkBytes = 32 << 20
	// unacknowledged is more than the numbers that can lie above a durable mark: one group, or one command of the largest
	// size. After an unclean stop the lane goes on above that.
	unacknowledged = 16384
	// sweepShare is the part of the reserve that sweeps leave free too: room for manifests and the keybook.
	sweepShare = 16
)

// write is the lane's writer. It runs until the queue is ended and empty.
func (l *lane) write() {
	defer l.settled.end()
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		if l.queue.few() {
			l.gather(timer)
		}
		group, last := l.queue.take()
		if len(group) > 0 {
			first, err := l.commit(group)
			l.settled.add(settlement{group, first, err})
		}
		e := l.queue.errand()
		if e != nil {
			e.done <- e.run()
		}
		if len(group) > 0 || e != nil {
			continue
		}
		if last {
			return
		}
		timer.Reset(l.untilRoll())
		select {
		case <-l.queue.wake:
		case <-timer.C:
			l.rollIfDue()
		}
	}
}

// gather waits until the group is large enough or its time is over. DESIGN §5 knows no timer; docs/decisions/0008 says why lane
// now has one.
func (l *lane) gather(timer *time.Timer) {
	d := l.log.cfg.Gather[l.id]
	if d <= 0 {
		return
	}
	timer.Reset(d)
	for {
		select {
		case <-timer.C:
			return
		case <-l.queue.wake:
			if !l.queue.few() {
				return
			}
		}
	}
}

// commit stores a group, or makes sure that nothing of it is ever seen, or stops the lane.
func (l *lane) commit(group []*part) (first uint64, err error) {
	if l.isStopped() {
		return 0, eventlog.ErrStopped
	}
	if err := l.prepare(group); errors.Is(err, eventlog.ErrUncertain) {
		return 0, err
	} else if err != nil {
		return 0, fmt.Errorf("lane %s: %w: %w", l.id, eventlog.ErrNoSpace, err)
	}
	first = l.next
	l.encipher(group)
	count := uint64(len(l.records))
	last, err := l.publish()
	switch {
	case errors.Is(err, errRefused):
		return 0, l.takeBack(first+count-1, err)
	case err == nil && last != first+count-1:
		err = fmt.Errorf("JetStream is at number %d instead of %d", last, first+count-1)
	}
	var fresh []blockEntry
	if err == nil {
		fresh, err = l.live.sync(l.log.cfg.disk)
	}
	if err != nil { // never tried again: the kernel may have forgotten what it could not write
		err = fmt.Errorf("%w: %w", eventlog.ErrUncertain, err)
		l.stop(err)
		return 0, err
	}
	l.advance(group, first, last, fresh)
	l.log.tellVoids()
	return first, nil
}

// prepare sees to it that there is room and a segment to write to.
func (l *lane) prepare(group []*part) error {
	need := uint64(0)
	for _, p := range group {
		need += uint64(p.bytes)
	}
	free, err := l.log.cfg.disk.free(l.log.cfg.Dir)
	if err != nil {
		return err
	}
	if free < l.reserve(group)+need {
		return fmt.Errorf("%d bytes free", free)
	}
	if l.live != nil && l.due() {
		if err := l.finish(); err != nil {
			return err
		}
	}
	if l.live == nil {
		return l.begin()
	}
	return nil
}

// reserve is how much free space a group must leave, in bytes. What makes room, and what accounts for it, may take from it.
func (l *lane) reserve(group []*part) uint64 {
	if group[0].moved || l.id == eventlog.Proof {
		return l.log.cfg.ReserveBytes / sweepShare
	}
	return l.log.cfg.ReserveBytes
}

// encipher makes the group's records in the writer's own memory, which JetStream has copied when publish returns.
func (l *lane) encipher(group []*part) {
	l.enciphered, l.records = l.enciphered[:0], l.records[:0]
	number, mark := l.next, l.Mark()
	size := 0
	for _, p := range group {
		size += p.bytes
	}
	if cap(l.enciphered) < size {
		l.enciphered = make([]byte, 0, size)
	}
	for _, p := range group {
		for i := range p.facts {
			start := len(l.enciphered)
			l.enciphered, l.plain = appendRecord(l.enciphered, l.plain, l.live.key, eventlog.Position{Lane: l.id, Number: number}, mark, &p.facts[i])
			l.records = append(l.records, l.enciphered[start:])
			number++
		}
	}
}

func (l *lane) publish() (last uint64, err error) {
	name, subj := l.live.name(), subject(l.id, l.live.id)
	for from := 0; from < len(l.records); {
		to, size := from, 0
		for to < len(l.records) && to-from < maxChunkFacts && (to == from || size+len(l.records[to]) <= maxChunkBytes) {
			size += len(l.records[to])
			to++
		}
		if last, err = l.line.publish(name, subj, l.records[from:to]); err != nil {
			return 0, err
		}
		from = to
	}
	return last, nil
}

// takeBack follows a write that JetStream refused. The stream is dead; what reached the disk above the mark is cut off, so
// that nobody ever sees what the receipts are about to call not stored. The lane goes on in another segment.
func (l *lane) takeBack(last uint64, cause error) error {
	if err := l.live.cut(l.log.cfg.disk); err != nil {
		err = fmt.Errorf("%w: %w", eventlog.ErrUncertain, err)
		l.stop(err)
		return err
	}
	l.void(last, schemas.VoidReason_FAILED_WRITE)
	w := l.live
	if err := l.finish(); err != nil {
		l.log.cfg.Logger.Warn("a segment that failed could not be closed yet", "lane", l.id.String(), "error", err.Error())
		if l.live == w {
			l.stop(fmt.Errorf("%w: %w", eventlog.ErrUncertain, err))
		}
	}
	l.log.untold.Store(true)
	return fmt.Errorf("lane %s: %w: %w", l.id, eventlog.ErrNoSpace, cause)
}

// advance moves the durable mark over a synced group and shows it to followers.
func (l *lane) advance(group []*part, first, last uint64, fresh []blockEntry) {
	if err := l.log.marks.put(l.id, last); err != nil {
		l.log.cfg.Logger.Warn("a durable mark could not be noted", "lane", l.id.String(), "error", err.Error())
	}
	l.chain.Lock()
	l.live.blocks = append(l.live.blocks, fresh...)
	l.tail.add(l.id, group, first, l.mark)
	l.mark, l.next = last, last+1
	for _, s := range l.sweeps {
		s.note(group)
	}
	close(l.changed)
	l.changed = make(chan struct{})
	l.chain.Unlock()
}

func (l *lane) isStopped() bool {
	l.chain.RLock()
	defer l.chain.RUnlock()
	return l.stopped != nil
}

// due tells whether the live segment is full or old.
func (l *lane) due() bool {
	if l.next-l.live.first >= l.log.cfg.SegmentEvents {
		return true
	}
	age := l.log.cfg.SegmentAge[l.id]
	return age > 0 && l.log.cfg.Clock().Sub(l.live.opened) >= age
}

// untilRoll is how long the writer may sleep without a segment getting too old.
func (l *lane) untilRoll() time.Duration {
	age := l.log.cfg.SegmentAge[l.id]
	if l.live == nil || age <= 0 {
		return 24 * time.Hour
	}
	return max(time.Second, age-l.log.cfg.Clock().Sub(l.live.opened))
}

// rollIfDue closes an old segment also when nothing is appended; the next one is made when it is needed.
func (l *lane) rollIfDue() {
	if l.live == nil || !l.due() || l.isStopped() {
		return
	}
	if err := l.finish(); err != nil {
		l.log.cfg.Logger.Warn("an old segment could not be closed yet", "lane", l.id.String(), "error", err.Error())
	}
}
