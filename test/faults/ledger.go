package faults

import (
	"fmt"
	"sync"
)

// ledger is what the tests know: who was promised what, and what came.
type ledger struct {
	mu       sync.Mutex
	messages map[string]*message
}

type message struct {
	to       string
	sent     int  // how often it was sent
	acked    bool // the server's <a/> covered it
	arrived  map[string]int
	settled  bool // the server answered a ping behind the recipient's acknowledgement of it
	late     bool // it came once more after that
	bounced  bool
	unlisted bool // it came without a stanza-id
}

func newLedger() *ledger { return &ledger{messages: map[string]*message{}} }

func (l *ledger) note(id string, f func(*message)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	m := l.messages[id]
	if m == nil {
		m = &message{arrived: map[string]int{}}
		l.messages[id] = m
	}
	f(m)
}

func (l *ledger) sent(id, to string) { l.note(id, func(m *message) { m.sent++; m.to = to }) }
func (l *ledger) acked(id string)    { l.note(id, func(m *message) { m.acked = true }) }
func (l *ledger) bounced(id string)  { l.note(id, func(m *message) { m.bounced = true }) }
func (l *ledger) settled(id string)  { l.note(id, func(m *message) { m.settled = true }) }

func (l *ledger) arrived(id, stanzaID string) {
	l.note(id, func(m *message) {
		m.arrived[stanzaID]++
		m.unlisted = m.unlisted || stanzaID == ""
		m.late = m.late || m.settled
	})
}

// totals are for the log.
func (l *ledger) totals() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	acked, arrived, again := 0, 0, 0
	for _, m := range l.messages {
		if m.acked {
			acked++
		}
		if len(m.arrived) > 0 {
			arrived++
		}
		if m.sent > 1 {
			again++
		}
	}
	return fmt.Sprintf("%d messages, %d acknowledged, %d arrived, %d sent more than once", len(l.messages), acked, arrived, again)
}

// faults compares promises with what came; complete says that everybody has fetched everything.
func (l *ledger) faults(complete bool) []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var out []string
	for id, m := range l.messages {
		switch {
		case m.sent == 0:
			out = append(out, id+" arrived and was never sent")
		case m.bounced:
			out = append(out, id+" was refused")
		case complete && m.acked && len(m.arrived) == 0:
			out = append(out, fmt.Sprintf("%s to %s was acknowledged and is lost", id, m.to))
		case len(m.arrived) > m.sent:
			out = append(out, fmt.Sprintf("%s was sent %d times and arrived under %d stanza-ids", id, m.sent, len(m.arrived)))
		case m.late:
			out = append(out, id+" came again after its acknowledgement was taken")
		case m.unlisted:
			out = append(out, id+" came without a stanza-id")
		}
	}
	return out
}
