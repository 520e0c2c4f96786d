package session

import (
	"strconv"
	"strings"
	"time"

	"protokoll/xmpp/frame"
	"protokoll/xmpp/router"
	"protokoll/xmpp/stream"
)

// Pings to clients without XEP-0198, XEP-0199: to notice that they are gone, and to learn that they have taken the messages
// that waited for them.

const pingPrefix = "ping-"

// confirmation holds letters that were written to a client that acknowledges nothing, until it answers a ping behind them.
type confirmation struct {
	asked   []*router.Duty // a ping behind these is on its way
	waiting []*router.Duty // sent since
	number  uint64         // of the last ping
	due     bool           // a ping leaves at the end of the turn
}

func (c *confirmation) all() []*router.Duty { return append(c.asked, c.waiting...) }

// confirmLater sends a ping behind a letter at the end of the turn. The caller holds mu.
func (s *Session) confirmLater(t *stream.Turn, d *router.Duty) {
	s.confirm.waiting = append(s.confirm.waiting, d)
	if !s.confirm.due && len(s.confirm.asked) == 0 {
		s.confirm.due = true
		t.After(s.askConfirm)
	}
}

// askConfirm pings behind the letters that were sent.
func (s *Session) askConfirm(t *stream.Turn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.confirm.due = false
	if s.stream == nil || len(s.confirm.waiting) == 0 {
		return
	}
	s.confirm.asked, s.confirm.waiting = s.confirm.waiting, nil
	s.ping(t)
}

// pingPayload is a request that every client answers. It is no <ping/>: Debian 12's go-sendxmpp takes whatever is not a <query/>
// for a null pointer and dies. Any answer, an error too, says what a pong says. XEP-0199 §4.1, docs/decisions/0005
const pingPayload = "<query xmlns='http://jabber.org/protocol/disco#info'/>"

// ping sends a ping. The caller holds mu.
func (s *Session) ping(t *stream.Turn) {
	s.confirm.number++
	tag := frame.Tag{Name: "iq", From: s.stream.Domain(), To: s.res.Full(), ID: pingPrefix + strconv.FormatUint(s.confirm.number, 10), Type: "get"}
	_ = t.Send(s.stream, tag.AppendTo(nil, []byte(pingPayload))) // a stream that ended says so by Closed
}

// pong takes the answer to a ping, be it an error: the client is there and has read what came before. XEP-0199 §4.1
func (s *Session) pong(f *frame.Frame, t *stream.Turn) bool {
	if string(f.Type) != "result" && string(f.Type) != "error" || !strings.HasPrefix(string(f.ID), pingPrefix) {
		return false
	}
	if f.To != nil && string(f.To) != s.home.domainOf(s) {
		return false
	}
	s.mu.Lock()
	if string(f.ID) != pingPrefix+strconv.FormatUint(s.confirm.number, 10) {
		s.mu.Unlock()
		return true
	}
	taken := s.confirm.asked
	s.confirm.asked = nil
	if len(s.confirm.waiting) > 0 && !s.confirm.due {
		s.confirm.due = true
		t.After(s.askConfirm)
	}
	s.mu.Unlock()
	s.home.Router.Settle(t, taken, nil)
	return true
}

func (h *Sessions) domainOf(s *Session) string {
	_, domain, _ := strings.Cut(s.res.Account.Bare(), "@")
	return domain
}

// startPings watches over a client without XEP-0198.
func (s *Session) startPings(st *stream.Stream) {
	l := &s.home.Limits
	st.SetIdleLimit(l.Ping + l.PingTimeout + time.Minute)
	s.home.Wheel.Set(&s.timer, l.Ping, s.checkSilence)
}

// checkSilence pings a client that said nothing for long. The stream's idle limit ends it if it does not answer. Called by
// the wheel.
func (s *Session) checkSilence() {
	s.mu.Lock()
	st := s.stream
	if st == nil || s.sm != nil || s.phase != live {
		s.mu.Unlock()
		return
	}
	limit := s.home.Limits.Ping
	quiet := s.home.Clock().Sub(st.LastRead())
	s.mu.Unlock()
	if quiet < limit {
		s.home.Wheel.Set(&s.timer, limit-quiet, s.checkSilence)
		return
	}
	s.home.Wheel.Set(&s.timer, limit, s.checkSilence)
	s.home.Router.Later(func(t *stream.Turn) {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.stream == st && len(s.confirm.asked) == 0 {
			s.ping(t)
		}
	})
}
