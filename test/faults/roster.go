package faults

import (
	"fmt"
	"slices"
	"strconv"

	"protokoll/test/wire"
)

// keeper changes one roster over and over; each change has a number.
type keeper struct {
	target         wire.Target
	user, password string

	tried int // the last change that was sent
	acked int // the last that was answered
}

// contact is whom the numbers are put on; every fifth change removes it.
const contact = "friend@elsewhere.example"

func removes(n int) bool { return n%5 == 0 }

// work changes the roster until the connection or the server is gone.
func (k *keeper) work(stop <-chan struct{}) error {
	c, err := k.open()
	if err != nil {
		return err
	}
	defer c.Drop()
	for {
		select {
		case <-stop:
			return nil
		default:
		}
		if err := k.change(c); err != nil {
			return err
		}
	}
}

func (k *keeper) open() (*wire.Conn, error) {
	c, _, err := wire.SignIn(k.target, k.user, k.password)
	if err != nil {
		return nil, err
	}
	if _, err := c.Bind("keeper"); err != nil {
		c.Drop()
		return nil, err
	}
	return c, nil
}

func (k *keeper) change(c *wire.Conn) error {
	n := k.tried + 1
	item := "<item jid='" + contact + "' name='" + strconv.Itoa(n) + "'/>"
	if removes(n) {
		item = "<item jid='" + contact + "' subscription='remove'/>"
	}
	k.tried = n
	if err := c.Write("<iq type='set' id='s" + strconv.Itoa(n) + "'><query xmlns='jabber:iq:roster'>" + item + "</query></iq>"); err != nil {
		return err
	}
	for {
		got, err := c.Next()
		if err != nil {
			return err
		}
		if got.Get("id") != "s"+strconv.Itoa(n) {
			continue
		}
		if got.Get("type") != "result" && !(removes(n) && got.Find(wire.NSStanza, "item-not-found") != nil) {
			return fmt.Errorf("%w: change %d was answered by\n%v", errProtocol, n, got)
		}
		k.acked = n
		return nil
	}
}

// check compares the roster with the numbers, and goes on from what is there.
func (k *keeper) check() error {
	c, err := k.open()
	if err != nil {
		return err
	}
	defer c.Drop()
	if err := c.Write("<iq type='get' id='roster'><query xmlns='jabber:iq:roster'/></iq>"); err != nil {
		return err
	}
	for {
		n, err := c.Next()
		if err != nil {
			return err
		}
		if n.Get("id") == "roster" {
			return k.compare(n)
		}
	}
}

func (k *keeper) compare(n *wire.Node) error {
	name := ""
	if item := n.Find("jabber:iq:roster", "item"); item != nil {
		name = item.Get("name")
	}
	var allowed []string
	for _, i := range []int{k.acked, k.tried} {
		if removes(i) || i == 0 {
			allowed = append(allowed, "")
		} else {
			allowed = append(allowed, strconv.Itoa(i))
		}
	}
	if !slices.Contains(allowed, name) {
		return fmt.Errorf("%w: the roster has %q, not one of %q", errProtocol, name, allowed)
	}
	return nil
}
