package faults

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"protokoll/test/wire"
)

// person changes its roster, and asks the other persons for their presence, grants and denies it.
type person struct {
	*peer
	cast *cast
	rand *rand.Rand

	mu    sync.Mutex
	named map[string][]string // by contact: what was set, in order; "" is a removal
	acked map[string]int      // how many of them were answered by a result
}

func newPerson(c *cast, p *peer, r *rand.Rand) *person {
	return &person{peer: p, cast: c, rand: r, named: map[string][]string{}, acked: map[string]int{}}
}

// changes goes on until the connection ends.
func (p *person) changes(r *rand.Rand) {
	for p.alive() {
		contact := p.cast.people[r.IntN(len(p.cast.people))]
		if contact == p {
			continue
		}
		var err error
		switch n := r.IntN(10); {
		case n < 5:
			err = p.name(contact.bare(), r.IntN(6) == 0)
		default:
			kinds := []string{"subscribe", "subscribed", "subscribe", "subscribed", "unsubscribe", "unsubscribed"}
			err = p.send(posted{text: "<presence type='" + kinds[r.IntN(len(kinds))] + "' to='" + contact.bare() + "'/>"})
		}
		if err != nil {
			return
		}
		time.Sleep(time.Duration(r.IntN(6)) * time.Millisecond)
	}
}

// name sets or removes one item of the roster; the result is the acknowledgement.
func (p *person) name(contact string, remove bool) error {
	p.mu.Lock()
	name, attrs := fmt.Sprintf("n%d", len(p.named[contact])), ""
	if remove {
		name, attrs = "", " subscription='remove'"
	} else {
		attrs = " name='" + name + "'"
	}
	p.named[contact] = append(p.named[contact], name)
	count := len(p.named[contact])
	p.mu.Unlock()
	n, err := p.ask("set", "", "<query xmlns='jabber:iq:roster'><item jid='"+contact+"'"+attrs+"/></query>")
	if err != nil {
		return err
	}
	if n.Get("type") == "error" && !(remove && n.Find(wire.NSStanza, "item-not-found") != nil) { // nothing to remove: RFC 6121 §2.5.3
		return fmt.Errorf("%s: a roster change was refused: %v", p.user, n)
	}
	p.mu.Lock()
	p.acked[contact] = count
	p.mu.Unlock()
	return nil
}

// item is what a roster says of one contact.
type item struct{ name, subscription string }

// roster asks for the whole roster.
func (p *person) roster() (map[string]item, error) {
	n, err := p.ask("get", "", "<query xmlns='jabber:iq:roster'/>")
	if err != nil {
		return nil, err
	}
	q := n.Child("jabber:iq:roster", "query")
	if q == nil {
		return nil, fmt.Errorf("%s: no roster: %v", p.user, n)
	}
	all := map[string]item{}
	for _, i := range q.Elements() {
		all[i.Get("jid")] = item{i.Get("name"), i.Get("subscription")}
	}
	return all, nil
}

// lostNames compares the roster with what was acknowledged: each item is what the last acknowledged change made of it, or a
// later one that nobody had answered yet.
func (p *person) lostNames() error {
	all, err := p.roster()
	if err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for contact, names := range p.named {
		possible, found := names[max(0, p.acked[contact]-1):], false
		for _, name := range possible {
			found = found || all[contact].name == name
		}
		if p.acked[contact] == 0 {
			found = found || all[contact].name == ""
		}
		if !found {
			return fmt.Errorf("%s calls %s %q; acknowledged or later: %q", p.user, contact, all[contact].name, possible)
		}
	}
	return nil
}

// quarrel tells where two rosters do not agree on who gets whose presence.
func (c *cast) quarrel() (string, error) {
	all := make([]map[string]item, len(c.people))
	for i, p := range c.people {
		var err error
		if all[i], err = p.roster(); err != nil {
			return "", err
		}
	}
	for i, a := range c.people {
		for j, b := range c.people {
			to := all[i][b.bare()].subscription
			from := all[j][a.bare()].subscription
			if i != j && (to == "to" || to == "both") != (from == "from" || from == "both") {
				return fmt.Sprintf("%s says %q of %s, who says %q of them", a.user, to, b.user, from), nil
			}
		}
	}
	return "", nil
}

// healing is how long it may take until what a kill left apart is set right: the server leaves rosters alone that changed in
// the last ten seconds, and looks again every ten.
const healing = 40 * time.Second

// agree waits until all rosters agree: what a kill left apart is set right by what the two sides say at sign-in.
func (c *cast) agree() error {
	for _, p := range c.people { // what heals happens when a client comes online
		if err := p.send(posted{text: "<presence type='unavailable'/>"}); err != nil {
			return err
		}
		if err := p.send(posted{text: available}); err != nil {
			return err
		}
	}
	for _, p := range c.people {
		if err := p.ping(); err != nil {
			return err
		}
	}
	last := ""
	if !until(healing, func() bool {
		var err error
		if last, err = c.quarrel(); err != nil {
			last = err.Error()
		}
		return last == ""
	}) {
		return fmt.Errorf("rosters do not agree: %s", last)
	}
	return nil
}

// shower changes its presence; watcher sees it.
type shower struct {
	*peer
	cast    *cast
	watcher *peer

	mu          sync.Mutex
	sent, acked int
	seen        int
}

func newShower(c *cast, p, watcher *peer) *shower {
	s := &shower{peer: p, cast: c, watcher: watcher}
	watcher.stanza = func(n *wire.Node) {
		if n.Name.Local != "presence" || n.Get("from") != p.full() || n.Get("type") != "" {
			return
		}
		var number int
		if status := n.Child(wire.NSClient, "status"); status != nil {
			_, _ = fmt.Sscanf(status.Content(), "mood %d", &number)
		}
		s.mu.Lock()
		s.seen = number
		s.mu.Unlock()
	}
	return s
}

// befriend lets the watcher see the shower.
func (s *shower) befriend() error {
	for _, step := range []error{
		s.peer.send(posted{text: "<presence type='subscribed' to='" + s.watcher.bare() + "'/>"}), s.peer.ping(),
		s.watcher.send(posted{text: "<presence type='subscribe' to='" + s.peer.bare() + "'/>"}), s.watcher.ping(),
	} {
		if step != nil {
			return step
		}
	}
	return nil
}

func (s *shower) changes() {
	for s.alive() {
		s.mu.Lock()
		s.sent++
		n := s.sent
		s.mu.Unlock()
		err := s.peer.send(posted{text: fmt.Sprintf("<presence><status>mood %d</status></presence>", n), acked: func() {
			s.mu.Lock()
			s.acked = n
			s.mu.Unlock()
		}})
		if err != nil {
			return
		}
		for s.alive() && s.unacknowledged() >= window {
			time.Sleep(time.Millisecond)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// current checks that the watcher, who signed in anew, sees the newest acknowledged presence.
func (s *shower) current() error {
	if !until(wire.Patience, func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.seen >= s.acked
	}) {
		return fmt.Errorf("presence %d is shown, %d was acknowledged", s.seen, s.acked)
	}
	return nil
}
