package hostile

import (
	"errors"
	"io"
	"net"
	"slices"
	"strings"
	"testing"

	"protokoll/test/wire"
)

// session is one client's connection.
type session struct {
	*wire.Conn
	user, bare, full string
	received         int // stanzas, in the rows that acknowledge them
}

// plain is a connection with nothing sent.
func plain(t *testing.T) *session {
	t.Helper()
	return dialled(t, target)
}

func dialled(t *testing.T, to wire.Target) *session {
	t.Helper()
	c, err := wire.Dial(to)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Drop)
	return &session{Conn: c}
}

// from is the target seen from another origin, for rows that earn an origin a bad name.
func from(ip string) wire.Target {
	there := target
	there.Source = &net.TCPAddr{IP: net.ParseIP(ip)}
	return there
}

// secure is a connection with TLS on which no stream is open.
func secure(t *testing.T) *session { t.Helper(); return secured(t, target) }

func secured(t *testing.T, to wire.Target) *session {
	t.Helper()
	s := dialled(t, to)
	if err := s.StartTLS(); err != nil {
		t.Fatal(err)
	}
	return s
}

// opened is a stream over TLS on which nobody has signed in.
func opened(t *testing.T) *session { t.Helper(); return openedAt(t, target) }

func openedAt(t *testing.T, to wire.Target) *session {
	t.Helper()
	s := secured(t, to)
	if _, err := s.Open(); err != nil {
		t.Fatal(err)
	}
	return s
}

// signedIn has signed in and has no resource.
func signedIn(t *testing.T) *session {
	t.Helper()
	s := secure(t)
	s.signIn(t, pool.Account())
	return s
}

func (s *session) signIn(t *testing.T, user string) {
	t.Helper()
	s.user, s.bare = user, user+"@"+target.Domain
	if _, err := s.SignIn("PLAIN", user, password); err != nil {
		t.Fatal(err)
	}
}

// bound is a client as clients are: connected, without presence.
func bound(t *testing.T) *session { t.Helper(); return boundAs(t, pool.Account(), "hostile") }

func boundAs(t *testing.T, user, resource string) *session {
	t.Helper()
	s := secure(t)
	s.signIn(t, user)
	full, err := s.Bind(resource)
	if err != nil {
		t.Fatal(err)
	}
	s.full = full
	return s
}

func (s *session) send(t *testing.T, text string) {
	t.Helper()
	if err := s.Write(text); err != nil {
		t.Fatal(err)
	}
}

// try sends where the server may hang up in the middle of it.
func (s *session) try(text string) { _ = s.Write(text) }

// Next is the next element that is not the server's own question whether anybody is there.
func (s *session) Next() (*wire.Node, error) {
	for {
		n, err := s.Conn.Next()
		if err != nil || n.Name.Local != "iq" || n.Get("type") != "get" || n.Get("from") != target.Domain {
			return n, err
		}
	}
}

// streamError reads until the stream error, which must be one of the conditions, and the end behind it. Whatever is in
// between is what the server said to earlier stanzas.
func (s *session) streamError(t *testing.T, conditions ...string) *wire.Node {
	t.Helper()
	for {
		n, err := s.Next()
		if err != nil {
			t.Fatalf("no stream error (wanted %v): %v", conditions, err)
		}
		if !n.Is(wire.NSStream, "error") {
			continue
		}
		if c := condition(n, wire.NSError); !slices.Contains(conditions, c) {
			t.Fatalf("stream error %s, not %v", c, conditions)
		}
		if next, err := s.Next(); err == nil {
			t.Fatalf("after the stream error came\n%v", next)
		}
		return n
	}
}

// stanzaError reads the answer with that id, which must be an error of one of the conditions.
func (s *session) stanzaError(t *testing.T, id string, conditions ...string) {
	t.Helper()
	n := s.answer(t, id)
	e := n.Child(wire.NSClient, "error")
	if n.Get("type") != "error" || e == nil {
		t.Fatalf("no error (wanted %v):\n%v", conditions, n)
	}
	if c := condition(e, wire.NSStanza); !slices.Contains(conditions, c) {
		t.Fatalf("stanza error %s, not %v", c, conditions)
	}
}

// answer reads until a stanza with that id.
func (s *session) answer(t *testing.T, id string) *wire.Node {
	t.Helper()
	for {
		n, err := s.Next()
		if err != nil {
			t.Fatalf("waiting for %q: %v", id, err)
		}
		if n.Get("id") == id {
			return n
		}
		if n.Is(wire.NSStream, "error") {
			t.Fatalf("waiting for %q: stream error %s", id, condition(n, wire.NSError))
		}
	}
}

// quiet proves by a ping that nothing is on its way to s, and returns what came before the answer.
func (s *session) quiet(t *testing.T) []*wire.Node {
	t.Helper()
	s.send(t, "<iq type='get' id='quiet' to='"+target.Domain+"'><ping xmlns='urn:xmpp:ping'/></iq>")
	var came []*wire.Node
	for {
		n, err := s.Next()
		if err != nil {
			t.Fatalf("waiting for a ping's answer: %v", err)
		}
		if n.Get("id") == "quiet" {
			return came
		}
		came = append(came, n)
	}
}

// ended reads until the connection is over and fails on anything that is not a stream error on the way.
func (s *session) ended(t *testing.T) {
	t.Helper()
	for {
		n, err := s.Next()
		if errors.Is(err, wire.ErrStreamEnd) || errors.Is(err, io.EOF) || err != nil && !strings.Contains(err.Error(), "nothing came") {
			return
		}
		if err != nil {
			t.Fatalf("the connection is still open: %v", err)
		}
		if !n.Is(wire.NSStream, "error") {
			t.Fatalf("before the end came\n%v", n)
		}
	}
}

func condition(n *wire.Node, space string) string {
	for _, c := range n.Elements() {
		if c.Name.Space == space && c.Name.Local != "text" {
			return c.Name.Local
		}
	}
	return ""
}
