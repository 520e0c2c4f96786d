package stream

import (
	"time"

	"protokoll/xmpp/frame"
)

// Limits bounds what one peer, and all of them together, may take. What concerns a peer's stanzas is announced (XEP-0478)
// and enforced alike. A zero field means the default.
type Limits struct {
	Before frame.Limits // until the peer has signed in: 8,192 bytes, 32 elements
	After  frame.Limits // afterwards: 262,144 bytes

	Handshake time.Duration // for TLS
	Login     time.Duration // from the connection to the end of sign-in
	Idle      time.Duration // without a byte from a signed-in peer; a session may change its own
	Closing   time.Duration // for the peer's half of the closing handshake, and for what is still queued

	Queue         int // bytes that may wait for one peer before its stream ends with ErrSlow
	Attempts      int // refused sign-ins on one stream before it ends. RFC 6120 §6.4.5
	Streams       int // connections at once
	Handshakes    int // TLS handshakes at once; each takes a stack of its own, the others wait
	AccountStream int // signed-in streams of one account at once

	Rate        int // bytes a second that a signed-in peer may send in the long run
	Burst       int // bytes that it may send at once after a pause
	RateBefore  int // the same before sign-in
	BurstBefore int

	AccountRate  int // the same for all streams of an account together, from one to the next; 0: four times Rate
	AccountBurst int // 0: twice Burst
}

// Defaults of Limits.
const (
	DefaultHandshake      = 10 * time.Second
	DefaultLogin          = 30 * time.Second
	DefaultIdle           = 60 * time.Minute // phones sleep
	DefaultClosing        = 5 * time.Second
	DefaultQueue          = 1 << 20
	DefaultAttempts       = 3
	DefaultStreams        = 100_000
	DefaultHandshakes     = 1000
	DefaultAccountStreams = 100
	DefaultRate           = 1 << 20
	DefaultBurst          = 8 << 20
	DefaultRateBefore     = 16 << 10
	DefaultBurstBefore    = 64 << 10
)

// withDefaults fills in what is zero.
func (l Limits) withDefaults() Limits {
	if l.Before == (frame.Limits{}) {
		l.Before = frame.BeforeLogin()
	}
	if l.After == (frame.Limits{}) {
		l.After = frame.AfterLogin()
	}
	for _, d := range []struct {
		field *time.Duration
		value time.Duration
	}{
		{&l.Handshake, DefaultHandshake}, {&l.Login, DefaultLogin}, {&l.Idle, DefaultIdle}, {&l.Closing, DefaultClosing},
	} {
		if *d.field == 0 {
			*d.field = d.value
		}
	}
	for _, n := range []struct {
		field *int
		value int
	}{
		{&l.Queue, DefaultQueue}, {&l.Attempts, DefaultAttempts}, {&l.Streams, DefaultStreams}, {&l.Handshakes, DefaultHandshakes}, {&l.AccountStream, DefaultAccountStreams},
		{&l.Rate, DefaultRate}, {&l.Burst, DefaultBurst}, {&l.RateBefore, DefaultRateBefore}, {&l.BurstBefore, DefaultBurstBefore},
	} {
		if *n.field == 0 {
			*n.field = n.value
		}
	}
	if l.AccountRate == 0 {
		l.AccountRate = 4 * l.Rate
	}
	if l.AccountBurst == 0 {
		l.AccountBurst = 2 * l.Burst
	}
	return l
}
