package soak

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"time"

	"protokoll/test/wire"
)

// password is everybody's.
const password = "soak-Pa55"

// person lives one life after the other on one account.
type person struct {
	*round
	number int
	*rand.Rand
	target  wire.Target // from an address of this person's
	friends []string
	current *client
}

// houses is how many addresses people connect from.
const houses = 100

func newPerson(r *round, i int) *person {
	p := &person{round: r, number: i, Rand: rand.New(rand.NewPCG(r.Seed, uint64(i))), target: r.target}
	p.target.Source = &net.TCPAddr{IP: net.IPv4(127, 0, 7, byte(1+i%houses))}
	for _, step := range []int{1, 2, 5, r.People - 1, r.People - 2, r.People - 5} {
		p.friends = append(p.friends, r.bare((i+step)%r.People))
	}
	return p
}

func (p *person) live() {
	p.pause(4 * p.Pace)
	for !p.over() {
		switch n := p.IntN(100); {
		case n < 3:
			p.mistype()
		case n < 6:
			p.garbage()
		case n < 10:
			p.giveUp()
		default:
			p.session()
		}
		p.pause(2 * p.Pace)
	}
}

// pause waits for a random time around mean, or until the round is over.
func (p *person) pause(mean time.Duration) {
	d := min(time.Duration(p.ExpFloat64()*float64(mean)), 5*mean)
	time.Sleep(min(d, max(0, time.Until(p.end))))
}

func (p *person) chance(percent int) bool { return p.IntN(100) < percent }

// connect signs in. It must not fail.
func (p *person) connect() *wire.Conn {
	mechanism := "PLAIN"
	if p.chance(10) {
		mechanism = "SCRAM-SHA-256"
	}
	c, err := signIn(p.target, p.chance(30), mechanism, name(p.number), password)
	if err != nil {
		p.fault("sign-in", err)
		return nil
	}
	p.count("sign-ins")
	return c
}

// session is a life on a session of its own, through all its connections.
func (p *person) session() {
	c := p.connect()
	if c == nil {
		return
	}
	if p.current = p.begin(c, resources[p.IntN(len(resources))]); p.current == nil {
		return
	}
	for range 3 + p.IntN(8) {
		p.pause(p.Pace)
		if p.over() {
			break
		}
		p.step()
		if p.current == nil {
			return
		}
	}
	p.part()
}

// resources are few, so that people also take a session's resource that still waits to be resumed.
var resources = []string{"desk", "phone"}

// begin binds, and does what clients do first.
func (p *person) begin(conn *wire.Conn, resource string) *client {
	c := &client{Conn: conn, resource: resource, deaf: p.chance(5), gone: make(chan struct{})}
	if _, err := c.Bind(resource); err != nil {
		p.fault("bind", err)
		c.Drop()
		return nil
	}
	if p.chance(70) {
		if err := c.enable(p.chance(80)); err != nil {
			p.fault("enable", err)
			c.Drop()
			return nil
		}
	}
	go c.read()
	p.say(c, "<iq type='get' id='roster'><query xmlns='jabber:iq:roster'/></iq>")
	if p.chance(30) {
		p.say(c, "<iq type='set' id='carbons'><enable xmlns='urn:xmpp:carbons:2'/></iq>")
	}
	if p.chance(90) {
		p.say(c, "<presence><priority>"+fmt.Sprint(p.IntN(3)-1)+"</priority></presence>")
	}
	p.count("sessions")
	return c
}

// say sends what may get lost with the connection.
func (p *person) say(c *client, text string) {
	if c.Write(text) == nil {
		p.count("stanzas")
	}
}

// step does one thing, and notices first whether the session is still there.
func (p *person) step() {
	select {
	case <-p.current.gone:
		outrun := p.current.rival && errors.Is(p.current.why, errConflict)
		if !outrun && !p.current.deaf { // whose queue has a limit
			p.fault("a session ended by itself", p.current.why)
		}
		p.current = nil
		return
	default:
	}
	switch n := p.IntN(100); {
	case n < 7:
		p.lose()
	case n < 10:
		p.replace()
	case n < 12:
		p.impatient()
	default:
		p.act()
	}
}
