package soak

import (
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"protokoll/test/wire"
)

// client is one connection that has signed in, and the session on it.
type client struct {
	*wire.Conn
	resource string
	managed  bool // XEP-0198
	deaf     bool // answers neither pings nor requests for acknowledgement
	rival    bool // another connection wished to have the session, and may get it late
	id       string
	had      atomic.Uint32 // stanzas received in this session

	proof string        // id of a request that shows that the session is there; empty: none
	alive chan struct{} // closed when it is answered

	gone chan struct{} // closed when nothing more will come
	why  error         // set then
}

var errConflict = errors.New("conflict")

// dial connects and ends in a stream that is not signed in.
func dial(t wire.Target, direct bool) (*wire.Conn, error) {
	if direct {
		return wire.DialTLS(t)
	}
	c, err := wire.Dial(t)
	if err != nil {
		return nil, err
	}
	if err := c.StartTLS(); err != nil {
		c.Drop()
		return nil, err
	}
	return c, nil
}

func signIn(t wire.Target, direct bool, mechanism, user, password string) (*wire.Conn, error) {
	c, err := dial(t, direct)
	if err != nil {
		return nil, err
	}
	if _, err := c.SignIn(mechanism, user, password); err != nil {
		c.Drop()
		return nil, err
	}
	return c, nil
}

// enable switches XEP-0198 on.
func (c *client) enable(resumable bool) error {
	resume := ""
	if resumable {
		resume = " resume='true'"
	}
	if err := c.Write("<enable xmlns='" + wire.NSSM + "'" + resume + "/>"); err != nil {
		return err
	}
	n, err := c.Next()
	for err == nil && n.Name.Space == wire.NSClient { // sent to the full JID since bind
		n, err = c.Next()
	}
	switch {
	case err != nil:
		return err
	case !n.Is(wire.NSSM, "enabled"):
		return fmt.Errorf("not enabled: %v", n)
	case resumable && n.Get("id") == "":
		return fmt.Errorf("not resumable: %v", n)
	}
	c.managed, c.id = true, n.Get("id")
	return nil
}

// read handles what comes until the stream ends.
func (c *client) read() {
	defer close(c.gone)
	for {
		n, err := c.NextWithin(time.Hour)
		if err == nil {
			err = streamError(n)
		}
		if err != nil {
			c.why = err
			c.Drop()
			return
		}
		c.take(n)
	}
}

// streamError returns what a stream error says, nil for other elements.
func streamError(n *wire.Node) error {
	switch {
	case !n.Is(wire.NSStream, "error"):
		return nil
	case n.Child(wire.NSError, "conflict") != nil:
		return errConflict
	}
	return fmt.Errorf("stream error: %v", n)
}

func (c *client) take(n *wire.Node) {
	switch {
	case n.Is(wire.NSSM, "r"):
		if !c.deaf {
			_ = c.acknowledge()
		}
	case n.Name.Space != wire.NSClient:
	default:
		c.had.Add(1)
		c.answer(n)
	}
}

// answer answers requests for a subscription and pings, and whatever else is asked.
func (c *client) answer(n *wire.Node) {
	from := wire.Escape(n.Get("from"))
	switch kind := n.Get("type"); {
	case n.Name.Local == "iq" && kind == "result" && c.proof != "" && n.Get("id") == c.proof:
		close(c.alive)
	case c.deaf:
	case n.Name.Local == "presence" && kind == "subscribe":
		_ = c.Write("<presence type='subscribed' to='" + from + "'/>")
	case n.Name.Local == "iq" && (kind == "get" || kind == "set"):
		to := ""
		if from != "" {
			to = " to='" + from + "'"
		}
		_ = c.Write("<iq type='result' id='" + wire.Escape(n.Get("id")) + "'" + to + "/>")
	}
}

func (c *client) acknowledge() error {
	return c.Write(fmt.Sprintf("<a xmlns='%s' h='%d'/>", wire.NSSM, c.had.Load()))
}

// resume goes on with an old session on a connection that has just signed in. ok is false where the server refused.
func (c *client) resume(old *client) (ok bool, err error) {
	if err := c.Write(fmt.Sprintf("<resume xmlns='%s' h='%d' previd='%s'/>", wire.NSSM, old.had.Load(), old.id)); err != nil {
		return false, err
	}
	n, err := c.Next()
	if err == nil {
		err = streamError(n)
	}
	if err != nil {
		return false, err
	}
	if !n.Is(wire.NSSM, "resumed") {
		return false, nil
	}
	c.resource, c.managed, c.deaf, c.id = old.resource, true, old.deaf, old.id
	c.had.Store(old.had.Load())
	return true, nil
}
