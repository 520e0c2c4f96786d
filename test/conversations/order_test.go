package conversations

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"sync"
	"testing"

	"protokoll/test/wire"
)

// rounds is how often the reader comes and goes while the writer writes, and burst how much is written between two pings.
const (
	rounds = 30
	burst  = 5
)

// TestOrder has one person write numbers while the other comes and goes, properly and by resets: every number arrives, in
// order, and once for a client that looks at stanza ids (XEP-0359). Nothing live overtakes what was kept.
func TestOrder(t *testing.T) {
	for _, c := range []struct {
		name    string
		managed bool
	}{{"closing", false}, {"dropping", true}} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w, r := open(t, target.Account()), &reader{t: t, user: target.Account(), managed: c.managed, seen: map[string]bool{}}
			stop := make(chan struct{})
			var sent int
			var writing sync.WaitGroup
			writing.Go(func() { sent = w.write(r.user+"@"+target.Domain, stop) })
			for n := range rounds {
				r.visit(1 + n*7%40)
			}
			close(stop)
			writing.Wait()
			for r.last < sent {
				r.visit(sent - r.last)
			}
			if r.last != sent {
				t.Errorf("%d were sent, %d came", sent, r.last)
			}
			t.Logf("%d messages, %d came more than once", sent, r.again)
		})
	}
}

type writer struct {
	t *testing.T
	c *wire.Conn
}

func open(t *testing.T, user string) *writer {
	t.Helper()
	c, _, err := wire.SignIn(target.Target, user, target.Password)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Drop)
	if _, err := c.Bind("order"); err != nil {
		t.Fatal(err)
	}
	return &writer{t, c}
}

// write sends numbers until stop and returns the last.
func (w *writer) write(to string, stop <-chan struct{}) (n int) {
	for {
		select {
		case <-stop:
			return n
		default:
		}
		text := ""
		for range burst {
			n++
			text += fmt.Sprintf("<message type='chat' id='%d' to='%s'><body>%d</body></message>", n, to, n)
		}
		if err := w.c.Write(text + "<iq type='get' id='ping' to='" + target.Domain + "'><ping xmlns='urn:xmpp:ping'/></iq>"); err != nil {
			w.t.Error(err)
			return n
		}
		for {
			got, err := w.c.Next()
			if err != nil || got.Get("type") == "error" {
				w.t.Errorf("the writer got %v %v", got, err)
				return n
			}
			if got.Get("id") == "ping" {
				break
			}
		}
	}
}

type reader struct {
	t       *testing.T
	user    string
	managed bool
	seen    map[string]bool
	last    int
	again   int
	in      int
}

// visit signs in, reads until n new messages have come, and leaves.
func (r *reader) visit(n int) {
	r.t.Helper()
	w := open(r.t, r.user)
	hello := "<presence/>"
	if r.managed {
		hello = "<enable xmlns='" + wire.NSSM + "' resume='true'/><presence/>"
	}
	if err := w.c.Write(hello); err != nil {
		r.t.Fatal(err)
	}
	r.in = 0
	for goal := r.last + n; r.last < goal; {
		if !r.take(w.c) {
			r.t.Fatalf("the stream ended after %d", r.last)
		}
	}
	if r.managed {
		w.c.Drop()
		return
	}
	if err := w.c.Write("</stream:stream>"); err != nil {
		r.t.Fatal(err)
	}
	for r.take(w.c) {
	}
}

// take reads one element and keeps the books; false when the stream has ended.
func (r *reader) take(c *wire.Conn) bool {
	r.t.Helper()
	n, err := c.Next()
	if errors.Is(err, wire.ErrStreamEnd) || errors.Is(err, io.EOF) {
		return false
	}
	if err != nil {
		r.t.Fatal(err)
	}
	if n.Name.Space == wire.NSClient {
		r.in++
	}
	switch {
	case n.Is(wire.NSSM, "r"):
		r.answer(c, "<a xmlns='"+wire.NSSM+"' h='"+strconv.Itoa(r.in)+"'/>")
	case n.Name.Local == "iq" && n.Get("type") == "get":
		r.answer(c, "<iq type='error' id='"+n.Get("id")+"' to='"+n.Get("from")+"'><error type='cancel'><service-unavailable xmlns='"+wire.NSStanza+"'/></error></iq>")
	case n.Name.Local == "message":
		r.message(n)
	}
	return true
}

// answer may find that the server has hung up already.
func (r *reader) answer(c *wire.Conn, text string) { _ = c.Write(text) }

func (r *reader) message(n *wire.Node) {
	r.t.Helper()
	id := n.Child("urn:xmpp:sid:0", "stanza-id")
	if id == nil {
		r.t.Fatalf("no stanza-id:\n%v", n)
	}
	if r.seen[id.Get("id")] {
		r.again++
		return
	}
	r.seen[id.Get("id")] = true
	if got := n.Get("id"); got != strconv.Itoa(r.last+1) {
		r.t.Fatalf("after %d came %s:\n%v", r.last, got, n)
	}
	r.last++
}
