package script

import (
	"fmt"

	"protokoll/test/wire"
)

// befriend makes two people subscribe to each other's presence, over two short sessions. RFC 6121 §3.1.
func befriend(a, b *client) error {
	x, y := a.visitor(), b.visitor()
	defer x.leave()
	defer y.leave()
	for _, c := range []*client{x, y} {
		if err := c.online(); err != nil {
			return err
		}
	}
	for _, pair := range [][2]*client{{x, y}, {y, x}} {
		from, to := pair[0], pair[1]
		if err := from.write("<presence type='subscribe' to='" + wire.Escape(to.bare) + "'/>"); err != nil {
			return err
		}
		if err := to.await(func(n *wire.Node) bool { return n.Get("type") == "subscribe" }); err != nil {
			return err
		}
		if err := to.write("<presence type='subscribed' to='" + wire.Escape(from.bare) + "'/>"); err != nil {
			return err
		}
		if err := from.await(func(n *wire.Node) bool { return n.Get("type") == "subscribed" }); err != nil {
			return err
		}
	}
	for _, c := range []*client{x, y} {
		if err := c.ping(); err != nil {
			return err
		}
	}
	return nil
}

// visitor is a client of the same account that sees everything.
func (c *client) visitor() *client {
	v := &client{name: c.name, user: c.user, bare: c.bare, target: c.target, password: c.password}
	v.line.Resource = "script-visit"
	return v
}

// leave goes unavailable first and waits until the server has told everyone, so that nothing of the visit reaches the
// conversation that follows.
func (c *client) leave() {
	if c.conn == nil {
		return
	}
	if err := c.write("<presence type='unavailable'/>"); err == nil && c.ping() == nil {
		_ = c.conn.Close()
	}
	c.conn.Drop()
}

// await passes over everything until f holds.
func (c *client) await(f func(*wire.Node) bool) error {
	for {
		n, err := c.next()
		if err != nil {
			return fmt.Errorf("%s: %w", c.name, err)
		}
		if f(n) {
			return nil
		}
	}
}
