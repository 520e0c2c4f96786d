package soak

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"protokoll/test/wire"
)

// lose resets the connection and, where that is possible, mostly resumes the session on another.
func (p *person) lose() {
	old := p.current
	old.Drop()
	lost := time.Now()
	<-old.gone
	p.current = nil
	p.count("resets")
	if old.id == "" || p.chance(25) {
		return
	}
	away := time.Duration(p.Float64() * 1.3 * float64(p.Window))
	if p.chance(40) { // at the moment when the server gives up waiting
		away = p.Window + time.Duration(p.Float64()*float64(lateTimers))
	}
	if err := p.comeBack(old, lost, away); err != nil {
		p.fault("resume", err)
	}
}

// lateTimers is how much later than asked a deadline of the server may end: ticks, and what else it has to do.
const lateTimers = 200 * time.Millisecond

// comeBack resumes a session when it has been lost for so long, or begins another if it is too late.
func (p *person) comeBack(old *client, lost time.Time, away time.Duration) error {
	time.Sleep(time.Until(lost.Add(away - p.Window/10)))
	conn := p.connect()
	if conn == nil {
		return nil
	}
	time.Sleep(time.Until(lost.Add(away)))
	c := &client{Conn: conn, gone: make(chan struct{})}
	switch ok, err := c.resume(old); {
	case err != nil:
		c.Drop()
		return err
	case ok:
		p.count("resumed")
		p.current = c
		p.prove(c)
	default:
		after := time.Since(lost)
		p.count("resume refused")
		p.current = p.begin(conn, old.resource)
		if after < p.Window {
			return fmt.Errorf("refused %v after the loss (deaf: %v, wished for twice: %v)", after, old.deaf, away == 0 || old.rival)
		}
	}
	return nil
}

// prove finds out whether a session that was resumed is there.
func (p *person) prove(c *client) {
	c.proof, c.alive = fmt.Sprintf("proof%x", p.Uint64()), make(chan struct{})
	go c.read()
	p.say(c, "<iq type='get' id='"+c.proof+"'><ping xmlns='urn:xmpp:ping'/></iq>")
	select {
	case <-c.alive:
	case <-c.gone:
	case <-time.After(wire.Patience):
		p.fault("resume", errors.New("nobody answers in a session that was resumed"))
	}
}

// impatient resumes on another connection while the server knows nothing of a loss and still has stanzas in hand, and loses
// the other one too, before there can be an answer.
func (p *person) impatient() {
	old := p.current
	if old.id == "" {
		return
	}
	p.current = nil
	conn := p.connect()
	if conn == nil {
		old.Drop()
		return
	}
	var burst strings.Builder
	for _, friend := range p.friends {
		burst.WriteString(p.chat(friend))
	}
	p.say(old, burst.String())
	lost := time.Now() // the window may begin with the first wish
	_ = conn.Write(fmt.Sprintf("<resume xmlns='%s' h='%d' previd='%s'/>", wire.NSSM, old.had.Load(), old.id))
	if p.chance(50) {
		time.Sleep(time.Duration(p.Float64() * float64(lateTimers)))
	}
	conn.Drop()
	old.Drop()
	<-old.gone
	p.count("impatient")
	if p.chance(30) {
		// The server may read the first wish to resume after the second one, and believe that it is the newer one.
		if err := p.comeBack(old, lost, 0); err != nil && !errors.Is(err, errConflict) {
			p.fault("resume", err)
		}
		if p.current != nil {
			p.current.rival = true
		}
	}
}

// replace takes the session's resource with another connection, as a client does that lost its own and does not know.
func (p *person) replace() {
	old := p.current
	p.current = nil
	conn := p.connect()
	if conn == nil {
		old.Drop()
		return
	}
	p.current = p.begin(conn, old.resource)
	select {
	case <-old.gone:
		if !errors.Is(old.why, errConflict) && !old.deaf {
			p.fault("replaced", old.why)
		}
	case <-time.After(wire.Patience):
		p.fault("replaced", errors.New("the old session goes on"))
		old.Drop()
	}
	p.count("replaced")
}

// part ends the session in one of the ways that sessions end.
func (p *person) part() {
	c := p.current
	p.current = nil
	defer func() {
		c.Drop()
		<-c.gone
	}()
	switch n := p.IntN(100); {
	case n < 50:
		if p.chance(50) {
			p.say(c, "<presence type='unavailable'><status>bye</status></presence>")
		}
		p.close(c, "</stream:stream>", "logouts")
	case n < 60:
		p.close(c, "<message><body></message>", "broken XML")
	case n < 65:
		_ = c.TCP().CloseWrite()
		p.await(c, "half-closed")
	default:
		p.count("resets")
	}
}

// close sends what makes the server end the stream, and waits for it.
func (p *person) close(c *client, last, what string) {
	if c.Write(last) == nil {
		p.await(c, what)
	}
}

func (p *person) await(c *client, what string) {
	select {
	case <-c.gone:
		p.count(what)
	case <-time.After(wire.Patience):
		p.fault(what, errors.New("the server did not end the stream"))
	}
}

// mistype tries a wrong password, of this account or of one that does not exist.
func (p *person) mistype() {
	user := name(p.number)
	if p.chance(50) {
		user = fmt.Sprintf("nobody%d", p.IntN(p.People))
	}
	c, err := signIn(p.target, false, "PLAIN", user, "wrong")
	if err == nil {
		c.Drop()
	}
	if !errors.Is(err, wire.ErrNotAuthorized) {
		p.fault("a wrong password", err)
	}
	p.count("wrong passwords")
}

// garbage is what no client sends, before TLS, in its place, and behind it.
func (p *person) garbage() {
	c, err := wire.Dial(p.target)
	if err != nil {
		p.fault("dial", err)
		return
	}
	defer c.Drop()
	p.count("garbage")
	rubbish := []string{
		"GET / HTTP/1.1\r\n\r\n", "<?xml version='1.0'?><!DOCTYPE x><x/>", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc", "<a><b>",
		wire.Header(p.Domain) + "<message/>", "\x00\xff\xfe",
	}
	if p.chance(30) {
		if err := c.StartTLS(); err != nil {
			p.fault("STARTTLS", err)
			return
		}
	}
	_ = c.Write(rubbish[p.IntN(len(rubbish))])
	if p.chance(50) {
		p.pause(p.Pace)
	}
}

// giveUp loses the connection somewhere before the session has begun.
func (p *person) giveUp() {
	p.count("given up")
	c, err := wire.Dial(p.target)
	if err != nil {
		p.fault("dial", err)
		return
	}
	defer func() { c.Drop() }()
	steps := []func() error{
		func() error { return c.Write("<?xml version='1.0'?><stream:str") },
		func() error { _, err := c.Open(); return err },
		c.StartTLS,
		func() error { return c.Write(wire.Auth("PLAIN", "\x00"+name(p.number)+"\x00"+password)) },
		func() error {
			c.Drop()
			next, err := signIn(p.target, true, "PLAIN", name(p.number), password)
			if err == nil {
				c = next
			}
			return err
		},
	}
	if err := steps[p.IntN(len(steps))](); err != nil {
		p.fault("giving up", err)
	}
	if p.chance(50) {
		p.pause(p.Pace)
	}
}
