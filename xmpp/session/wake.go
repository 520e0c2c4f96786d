package session

import "time"

// When a client that registered for notifications (XEP-0357) is notified: at once for what arrives while it waits to be resumed,
// and for what it did not acknowledge when its connection ended; and when a message stays unacknowledged on a connection that looks
// alive, as those of sleeping phones do. Package router notifies those whose sessions are over.

// wakeAfter is how long a connected client may take to acknowledge a message before it is notified.
const wakeAfter = 10 * time.Second

// wakeSoon has the client notified of what was just put into its queue. The caller holds mu.
func (s *Session) wakeSoon() {
	switch {
	case s.stream == nil:
		s.wake()
	case !s.waking:
		s.waking = true
		s.home.Wheel.Set(&s.timer, wakeAfter, s.overdue)
	}
}

// overdue is called by the wheel.
func (s *Session) overdue() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.waking = false
	if s.phase != live || s.sm == nil {
		return
	}
	m := s.sm
	if late := time.Duration(s.home.Clock().UnixNano() - m.askedAt); m.asking && late >= wakeAfter {
		s.wake()
	} else if m.asking && m.wakes() {
		s.waking = true
		s.home.Wheel.Set(&s.timer, wakeAfter-late, s.overdue)
	}
}

// wakes tells whether the client has not acknowledged what it should be notified of.
func (m *management) wakes() bool {
	for i := range m.queue {
		if m.queue[i].wakes {
			return true
		}
	}
	return false
}

// wake notifies the client of what it has not acknowledged, once. The caller holds mu.
func (s *Session) wake() {
	found := false
	for i := range s.sm.queue {
		found = found || s.sm.queue[i].wakes
		s.sm.queue[i].wakes = false
	}
	if found {
		s.home.Router.Wake(&s.res)
	}
}
