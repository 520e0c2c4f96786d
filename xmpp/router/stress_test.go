package router

import (
	"fmt"
	"sync"
	"testing"

	"protokoll/xmpp/frame"
	"protokoll/xmpp/stream"
)

// TestManyAtOnce lets people bind, chat, subscribe, block and leave at the same time, for the race detector and for locks
// that wait for each other. F43
func TestManyAtOnce(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(c *Config) { c.Limits.Idle = 1 })
	names := []string{"anna", "bert", "cleo"}
	var wg sync.WaitGroup
	for n := range 9 {
		me, you := names[n%3], names[(n+1+n/3)%3]
		wg.Go(func() {
			for round := range 40 {
				p := f.bind(me, fmt.Sprint("r", n), n%2 == 0)
				for _, stanza := range []string{
					"<presence/>", "<iq type='get' id='1'><query xmlns='jabber:iq:roster'/></iq>",
					"<presence type='subscribe' to='" + you + "@example.org'/>",
					"<presence type='subscribed' to='" + you + "@example.org'/>",
					fmt.Sprintf("<message to='%s@example.org' type='chat' id='%d-%d'><body>hello</body></message>", you, n, round),
					"<iq type='set' id='2'><block xmlns='urn:xmpp:blocking'><item jid='" + you + "@example.org'/></block></iq>",
					"<iq type='set' id='3'><unblock xmlns='urn:xmpp:blocking'/></iq>",
					"<presence type='unsubscribe' to='" + you + "@example.org'/>",
					"<iq type='set' id='4'><query xmlns='jabber:iq:roster'><item jid='" + you + "@example.org' subscription='remove'/></query></iq>",
				} {
					p.say(stanza)
				}
				if n%3 == 0 {
					p.ack(100)
					p.hibernate()
					p.resume()
				}
				p.leave()
				f.sweepOnce()
			}
		})
	}
	wg.Wait()
	f.settleLater()
	f.Close()
}

// say is send for a test with many goroutines: the stanza is parsed anew each time.
func (p *phone) say(stanza string) {
	f, err := frame.Parse([]byte(stanza), frame.NSClient, frame.AfterLogin())
	if err != nil {
		p.f.t.Errorf("%s: %v", stanza, err)
		return
	}
	t := stream.NewTurn()
	defer t.End()
	switch f.Name {
	case frame.Message:
		err = p.f.Message(&p.res, &f, t)
	case frame.Presence:
		err = p.f.Presence(&p.res, &f, t)
	case frame.IQ:
		err = p.f.IQ(&p.res, &f, t)
	}
	if err != nil {
		p.f.t.Errorf("%s: %v", stanza, err)
	}
	p.pledge.Done(t)
	p.pledge = nil
}
