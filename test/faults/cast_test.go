package faults

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"protokoll/test/wire"
)

// cast is everybody who takes part in the kill loop.
type cast struct {
	t      *testing.T
	target wire.Target
	seed   uint64
	book   *book

	senders  []*peer   // with XEP-0198
	plain    *peer     // sends without
	readers  []*peer   // online, with XEP-0198
	listener *peer     // online, without
	away     []*absent // come by now and then, with XEP-0198; the last one never while others write
	people   []*person // change their rosters
	shower   *shower   // changes its presence
	refused  atomic.Int32

	powerless atomic.Bool // the machine itself starts anew: no session can be resumed, and a client may be shown again what it had
}

// The accounts: user1 …
const castAccounts = 15

func newCast(t *testing.T, target wire.Target, seed uint64) *cast {
	c := &cast{t: t, target: target, seed: seed, book: newBook()}
	one := func(n int, resource string, managed bool) *peer {
		return &peer{target: target, user: fmt.Sprintf("user%d", n), resource: resource, managed: managed}
	}
	c.senders = []*peer{one(1, "pen", true), one(2, "pen", true)}
	c.plain = one(3, "pen", false)
	c.readers = []*peer{one(7, "desk", true), one(8, "desk", true)}
	c.listener = one(9, "desk", false)
	for i := range 3 {
		c.away = append(c.away, &absent{cast: c, user: fmt.Sprintf("user%d", 4+i), rand: choices(seed, uint64(100+i))})
	}
	for i := range 4 {
		c.people = append(c.people, newPerson(c, one(10+i, "list", i < 2), choices(seed, uint64(200+i))))
	}
	c.shower = newShower(c, one(14, "mood", true), one(15, "eye", false))
	for _, p := range append([]*peer{c.plain}, c.senders...) {
		p.stanza = func(n *wire.Node) {
			if n.Name.Local == "message" && n.Get("type") == "error" {
				c.book.returned(n)
			}
		}
	}
	for i, p := range c.readers {
		r := choices(seed, uint64(300+i))
		p.stanza = func(n *wire.Node) { c.book.show(p.user, p.bare(), n, !c.powerless.Load()) }
		p.lag = func() time.Duration {
			if r.IntN(8) > 0 {
				return 0
			}
			return time.Duration(r.IntN(300)) * time.Millisecond
		}
	}
	c.listener.stanza = func(n *wire.Node) { c.book.show(c.listener.user, c.listener.bare(), n, false) }
	return c
}

// steady are the peers that stay online.
func (c *cast) steady() []*peer {
	all := append([]*peer{c.plain, c.listener, c.shower.peer, c.shower.watcher}, c.senders...)
	all = append(all, c.readers...)
	for _, p := range c.people {
		all = append(all, p.peer)
	}
	return all
}

// arrive connects everybody who is not connected. A session with XEP-0198 must be resumable, unless its client was
// never told that its first presence was stored.
func (c *cast) arrive() error {
	return each(c.steady(), func(p *peer) error {
		if p.alive() {
			return nil
		}
		p.drop()
		p.mu.Lock()
		back := p.id != ""
		p.mu.Unlock()
		err := p.connect()
		if errors.Is(err, errResume) && c.powerless.Load() {
			back, err = false, p.connect()
		}
		if errors.Is(err, errResume) {
			return fmt.Errorf("%s: %w", p.user, err)
		}
		if err != nil || back {
			return err
		}
		if err := p.send(posted{text: available}); err != nil {
			return err
		}
		if p != c.listener && p != c.plain && p != c.shower.watcher {
			_, err = p.ask("get", "", "<query xmlns='jabber:iq:roster'/>")
		} else {
			err = p.ping()
		}
		if err == nil && p.managed && !until(wire.Patience, func() bool { return p.unacknowledged() == 0 || !p.alive() }) {
			err = fmt.Errorf("%s: presence is not acknowledged", p.user)
		}
		if err == nil && p.managed && p.unacknowledged() > 0 {
			// Nothing was promised yet: the next connection begins anew.
			p.mu.Lock()
			p.id, p.pending = "", nil
			p.mu.Unlock()
		}
		return err
	})
}

// each runs fn for all at once and returns the errors.
func each[T any](all []T, fn func(T) error) error {
	errs := make([]error, len(all))
	var wg sync.WaitGroup
	for i, one := range all {
		wg.Go(func() { errs[i] = fn(one) })
	}
	wg.Wait()
	return errors.Join(errs...)
}

// act lets everybody do what they do until their connection ends.
func (c *cast) act(round uint64) *sync.WaitGroup {
	var wg sync.WaitGroup
	for i, p := range c.senders {
		wg.Go(func() { c.write(p, choices(c.seed+round, uint64(i))) })
	}
	wg.Go(func() { c.writePlain(choices(c.seed+round, 10)) })
	for i, a := range c.away[:len(c.away)-1] {
		wg.Go(func() { a.visits(choices(c.seed+round, uint64(20+i))) })
	}
	for i, p := range c.people {
		wg.Go(func() { p.changes(choices(c.seed+round, uint64(30+i))) })
	}
	wg.Go(c.shower.changes)
	return &wg
}

// hermit is the person who is never there while others write: what is for them can only be stored.
func (c *cast) hermit() *absent { return c.away[len(c.away)-1] }

// recipient chooses who gets the next message, and tells whether it can only be stored, and whether nobody will acknowledge it.
func (c *cast) recipient(r *rand.Rand) (user string, stored, live bool) {
	switch n := r.IntN(10); {
	case n < 6:
		i := n % len(c.away)
		return c.away[i].user, i == len(c.away)-1, false
	case n < 9:
		return c.readers[n%len(c.readers)].user, false, false
	}
	return c.listener.user, false, true
}

// window is how many of its stanzas a sender leaves unacknowledged.
const window = 10

// write sends messages and counts what <a/> covers; now and then the connection is lost and the session resumed.
func (c *cast) write(p *peer, r *rand.Rand) {
	for p.alive() {
		if p.unacknowledged() >= window {
			time.Sleep(time.Millisecond)
			continue
		}
		if r.IntN(60) == 0 {
			p.drop()
			if err := p.connect(); err != nil {
				if errors.Is(err, errResume) {
					c.refused.Add(1)
				}
				return
			}
		}
		user, stored, live := c.recipient(r)
		l := c.book.write(p.user, user, live)
		_ = p.send(c.book.post(l, c.target.Domain, stored)) // what is not sent now is when the session is resumed
		time.Sleep(time.Duration(r.IntN(4)) * time.Millisecond)
	}
}

// writePlain sends messages and a ping behind them. The answer tells that the server has handled them, no more: whether
// they are on disk is known when something stored later is acknowledged.
func (c *cast) writePlain(r *rand.Rand) {
	for c.plain.alive() {
		var batch []*letter
		for range 1 + r.IntN(4) {
			l := c.book.write(c.plain.user, c.hermit().user, false)
			if c.plain.send(posted{text: l.stanza(c.target.Domain)}) != nil {
				return
			}
			batch = append(batch, l)
		}
		if c.plain.ping() != nil {
			return
		}
		c.book.pinged(batch)
		time.Sleep(time.Duration(r.IntN(8)) * time.Millisecond)
	}
}

// absent is a person who comes by now and then to take what waits.
type absent struct {
	cast *cast
	user string
	rand *rand.Rand
	mark int
}

// visit signs in and reads until everything that waited at the start has come; then the client acknowledges it and signs
// out, or it is cut off in the middle.
func (a *absent) visit(managed, cutOff bool) error {
	p := &peer{target: a.cast.target, user: a.user, resource: "bag", managed: managed}
	a.mark++
	mark, end := fmt.Sprintf("mark-%s-%d", a.user, a.mark), make(chan struct{}, 1)
	read := 0
	p.stanza = func(n *wire.Node) {
		if n.Name.Local != "message" {
			return
		}
		a.cast.book.show(a.user, p.bare(), n, false)
		if n.Get("id") == mark {
			end <- struct{}{}
		}
		if read++; cutOff && read == 5 {
			go p.drop()
		}
	}
	if err := p.connect(); err != nil {
		return err
	}
	gone := p.gone
	defer p.drop()
	if err := p.send(posted{text: available}); err != nil {
		return err
	}
	// Nothing live overtakes what waits, so this comes behind it.
	if err := p.send(posted{text: "<message type='chat' id='" + mark + "' to='" + p.bare() + "'><body>" + mark + "</body></message>"}); err != nil {
		return err
	}
	select {
	case <-end:
	case <-gone:
		return errors.New("the connection ended")
	case <-time.After(wire.Patience):
		return fmt.Errorf("%s: what waits did not come to an end", a.user)
	}
	if err := p.settle(); err != nil {
		return err
	}
	if err := p.ping(); err != nil {
		return err
	}
	p.signOut()
	return nil
}

func (a *absent) visits(r *rand.Rand) {
	for {
		time.Sleep(time.Duration(20+r.IntN(300)) * time.Millisecond)
		cut := a.rand.IntN(3) == 0
		if err := a.visit(true, cut); err != nil && !cut {
			return
		}
	}
}
