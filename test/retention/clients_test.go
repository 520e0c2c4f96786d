package retention

import (
	"context"
	"fmt"
	"time"

	"protokoll/accounts"
	"protokoll/eventlog"
	"protokoll/eventlog/seal"
	"protokoll/schemas"
	"protokoll/test/wire"
)

// send writes a stanza and waits until everything before it was answered.
func (s *server) send(c *wire.Conn, stanza string) {
	s.t.Helper()
	if err := c.Write(stanza); err != nil {
		s.t.Fatal(err)
	}
	s.ask(c, "get", "<ping xmlns='urn:xmpp:ping'/>")
}

var asked = 0 // tests with clients run one after the other

// ask sends an IQ and waits for its answer.
func (s *server) ask(c *wire.Conn, typ, payload string) {
	s.t.Helper()
	asked++
	id := fmt.Sprint("q", asked)
	if err := c.Write(fmt.Sprintf("<iq type='%s' id='%s'>%s</iq>", typ, id, payload)); err != nil {
		s.t.Fatal(err)
	}
	for {
		n, err := c.Next()
		if err != nil {
			s.t.Fatal(err)
		}
		if n.Name.Local == "iq" && n.Get("type") == "get" { // a message counts as delivered once a ping behind it is answered
			if err := c.Write(fmt.Sprintf("<iq type='result' id='%s' to='%s'/>", n.Get("id"), n.Get("from"))); err != nil {
				s.t.Fatal(err)
			}
		}
		if n.Name.Local == "iq" && n.Get("id") == id {
			if n.Get("type") != "result" {
				s.t.Fatalf("%s: %v", payload, n)
			}
			return
		}
	}
}

func (s *server) signIn(name, resource string) *wire.Conn {
	s.t.Helper()
	c, _, err := wire.SignIn(s.target, name, password)
	if err != nil {
		s.t.Fatal(err)
	}
	if _, err := c.Bind(resource); err != nil {
		s.t.Fatal(err)
	}
	return c
}

// fetch has somebody come online and take what waited.
func (s *server) fetch(name string) {
	s.t.Helper()
	c := s.signIn(name, "desk")
	s.send(c, "<presence/>")
	s.until("what was fetched still waits", func() bool {
		s.ask(c, "get", "<ping xmlns='urn:xmpp:ping'/>")
		s.folded(s.account(name))
		facts, err := s.State.Facts(s.account(name).Owner.ID(), schemas.Family_OFFLINE_FACTS)
		return err == nil && len(facts) == 0
	})
	s.settle(c)
}

// settle signs out and waits until the server has noticed.
func (s *server) settle(c *wire.Conn) {
	s.t.Helper()
	if err := c.Close(); err != nil {
		s.t.Error(err)
	}
}

// quiet waits until nobody is online: what sessions owe is on disk then.
func (s *server) quiet() {
	s.t.Helper()
	s.until("sessions do not end", func() bool {
		_, bound := s.Router.Online()
		return bound == 0
	})
	err := s.Accounts.List(func(a accounts.Account) error {
		s.folded(a)
		if !s.signedOut(a.Owner) {
			s.t.Error("nobody is online, and somebody did not sign out")
		}
		return nil
	})
	if err != nil {
		s.t.Fatal(err)
	}
}

// folded waits until what was appended for somebody is on disk and in the state: what is looked at before may be older.
func (s *server) folded(a accounts.Account) {
	s.t.Helper()
	if err := s.Router.Settled(context.Background(), a); err != nil {
		s.t.Fatal(err)
	}
}

// signedOut tells whether what is remembered of somebody says that they are not here.
func (s *server) signedOut(o *seal.Owner) bool {
	s.t.Helper()
	facts, err := s.State.Facts(o.ID(), schemas.Family_SESSION_FACTS)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, f := range facts {
		m, err := eventlog.Open(o, f.About, f.Sealed)
		if err != nil {
			s.t.Fatal(err)
		}
		last, ok := m.(*schemas.LastLogin)
		if !ok || last.GetSignedOut() == 0 {
			return false
		}
	}
	return true
}

// until waits for something that the server does without telling.
func (s *server) until(failure string, done func() bool) {
	s.t.Helper()
	for end := time.Now().Add(wire.Patience); !done(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			s.t.Fatal(failure)
		}
	}
}
