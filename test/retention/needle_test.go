package retention

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"
	"time"

	"protokoll/cmd/protokoll/node"
	"protokoll/eventlog"
	"protokoll/eventlog/seal"
	"protokoll/internal/control"
	"protokoll/schemas"
	"protokoll/test/wire"
)

// needle is one datum of one class: how a client puts an odd word there, and how it goes.
type needle struct {
	class string
	put   func(s *server, c *wire.Conn, word string)
	end   func(s *server, c *wire.Conn)
	after time.Duration // the longest deadline of the class
}

const day = 24 * time.Hour

var needles = []needle{
	{"last-presence", func(s *server, c *wire.Conn, word string) {
		s.send(c, "<presence><status>"+word+"</status></presence>")
	}, func(s *server, c *wire.Conn) { s.send(c, "<presence/>") }, time.Hour},
	{"profile", func(s *server, c *wire.Conn, word string) {
		s.ask(c, "set", "<vCard xmlns='vcard-temp'><NICKNAME>"+word+"</NICKNAME></vCard>")
	}, func(s *server, c *wire.Conn) {
		s.ask(c, "set", "<vCard xmlns='vcard-temp'><NICKNAME>nobody</NICKNAME></vCard>")
	}, day},
	{"private-storage", func(s *server, c *wire.Conn, word string) {
		s.ask(c, "set", "<query xmlns='jabber:iq:private'><notes xmlns='a:notes'>"+word+"</notes></query>")
	}, func(s *server, c *wire.Conn) {
		s.ask(c, "set", "<query xmlns='jabber:iq:private'><notes xmlns='a:notes'/></query>")
	}, day},
	{"contact-list", func(s *server, c *wire.Conn, word string) {
		s.ask(c, "set", "<query xmlns='jabber:iq:roster'><item jid='carl@localhost' name='"+word+"'/></query>")
	}, func(s *server, c *wire.Conn) {
		s.ask(c, "set", "<query xmlns='jabber:iq:roster'><item jid='carl@localhost' subscription='remove'/></query>")
	}, day},
	{"block-list", func(s *server, c *wire.Conn, word string) {
		s.ask(c, "set", "<block xmlns='urn:xmpp:blocking'><item jid='"+word+"@a.example'/></block>")
	}, func(s *server, c *wire.Conn) { s.ask(c, "set", "<unblock xmlns='urn:xmpp:blocking'/>") }, day},
	{"offline-message", func(s *server, c *wire.Conn, word string) {
		s.send(c, "<message to='bela@localhost' type='chat' id='m1'><body>"+word+"</body></message>")
	}, func(s *server, _ *wire.Conn) { s.fetch("bela") }, time.Hour},
	{"session", nil, func(s *server, _ *wire.Conn) { // the name of the device; the last presence keeps it until there is another
		other := s.signIn("anna", "other")
		s.send(other, "<presence/>")
		s.settle(other)
	}, time.Hour},
}

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

// secrets are all keys that the test knew while the words were there.
type secrets struct {
	owners   map[schemas.OwnerID]*seal.Owner
	segments []*seal.Segment
}

func (s *server) secrets() secrets {
	s.t.Helper()
	known := secrets{owners: map[schemas.OwnerID]*seal.Owner{}}
	for _, name := range []string{"anna", "bela", "carl"} {
		o := s.account(name).Owner
		known.owners[o.ID()] = o
	}
	for _, l := range eventlog.Lanes {
		for _, segment := range s.Log.Segments(l) {
			if k, err := s.Keys.Segment(segment.ID); err == nil {
				known.segments = append(known.segments, k)
			}
		}
	}
	return known
}

// sealed returns the sealed payloads that open to something with the word in it.
func (s *server) sealed(known secrets, word string) (hits [][]byte) {
	s.read(func(r eventlog.Record) {
		about, err := seal.AboutOf(r.Envelope)
		if err != nil {
			s.t.Fatal(err)
		}
		o := known.owners[about.Owner]
		if o == nil || len(r.Sealed) == 0 {
			return
		}
		plain, err := o.Open(nil, about, r.Sealed)
		if err == nil && bytes.Contains(plain, []byte(word)) {
			hits = append(hits, bytes.Clone(r.Sealed))
		}
	})
	return hits
}

// files returns the files below the data folder that hold one of some byte strings.
func (s *server) files(needles ...[]byte) (hits []string) {
	s.t.Helper()
	err := filepath.WalkDir(s.folder, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return nil // it went while we looked
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return nil
		}
		for _, n := range needles {
			if bytes.Contains(data, n) {
				hits = append(hits, path)
			}
		}
		return nil
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return hits
}

// heap tells whether a heap dump of this process holds a word, which is handed over in two halves.
func (s *server) heap(a, b string) bool {
	s.t.Helper()
	f, err := os.Create(filepath.Join(s.t.TempDir(), "heap"))
	if err != nil {
		s.t.Fatal(err)
	}
	defer f.Close()
	for range 3 {
		runtime.GC()
	}
	debug.FreeOSMemory()
	debug.WriteHeapDump(f.Fd())
	dump, err := os.ReadFile(f.Name())
	if err != nil {
		s.t.Fatal(err)
	}
	found := false
	for rest := dump; !found; {
		i := bytes.Index(rest, []byte(a))
		if i < 0 {
			break
		}
		rest = rest[i+len(a):]
		found = bytes.HasPrefix(rest, []byte(b))
	}
	return found
}

// A word of each class is gone from the disk and from memory when its rule has been carried out: in the clear, and as the
// ciphertext that the keys of before would open.
func TestNeedles(t *testing.T) {
	for _, n := range needles {
		t.Run(n.class, func(t *testing.T) {
			s := start(t, "anna", "bela", "carl")
			half := "quirx" + n.class[:3]
			word := strings.Join([]string{half, "zwiebelfisch"}, "")
			resource := "desk"
			if n.put == nil {
				resource = word
			}
			c := s.signIn("anna", resource)
			if n.put != nil {
				n.put(s, c, word)
			} else {
				s.send(c, "<presence/>")
			}
			known := s.secrets()
			var ciphertexts [][]byte
			s.until("the word is nowhere in the log: the search is blind", func() bool {
				ciphertexts = s.sealed(known, word)
				return len(ciphertexts) > 0
			})
			if n.put == nil {
				s.settle(c)
				s.quiet()
			}
			n.end(s, c)
			if n.put != nil {
				s.settle(c)
			}
			s.quiet()
			s.pass(n.after + 30*time.Minute)
			if hits := s.sealed(known, word); len(hits) > 0 {
				t.Errorf("%d events open to it", len(hits))
			}
			if hits := s.files(append(ciphertexts, []byte(word))...); len(hits) > 0 {
				t.Errorf("found in %v", hits)
			}
			checkForgotten(t, s, known)
			s.checkRebuilt()
			if s.heap(half, "zwiebelfisch") { // from here on the test itself has only the halves
				t.Error("found in a heap dump")
			}
		})
	}
}

// checkForgotten expects that what was dropped cannot be opened with a key that is still there.
func checkForgotten(t *testing.T, s *server, known secrets) {
	t.Helper()
	live := map[seal.SegmentID]bool{}
	for _, l := range eventlog.Lanes {
		for _, segment := range s.Log.Segments(l) {
			live[segment.ID] = true
		}
	}
	for _, k := range known.segments {
		if _, err := s.Keys.Segment(k.ID()); err == nil && !live[k.ID()] {
			t.Error("the key of a dropped segment is still there")
		}
	}
}

// quiet waits until nobody is online: what sessions owe is on disk then.
func (s *server) quiet() {
	s.t.Helper()
	s.until("sessions do not end", func() bool {
		for _, name := range []string{"anna", "bela", "carl"} {
			if !s.signedOut(s.account(name).Owner) {
				return false
			}
		}
		return true
	})
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

// The trace: after the deadline no event says that somebody changed their presence at a certain time but the last.
func TestTraceOfPresence(t *testing.T) {
	s := start(t, "anna", "bela", "carl")
	c := s.signIn("anna", "desk")
	owner := s.account("anna").Owner.ID()
	var times []int64
	for i := range 5 {
		s.clock.pass(time.Minute)
		s.send(c, fmt.Sprintf("<presence><status>%d</status></presence>", i))
	}
	s.until("there are no traces: the search is blind", func() bool {
		times = nil
		s.read(func(r eventlog.Record) {
			if r.Position.Lane == eventlog.Now && bytes.Equal(r.Envelope.GetOwner(), owner[:]) {
				times = append(times, r.Envelope.GetTime())
			}
		})
		return len(times) >= 5
	})
	s.settle(c)
	s.quiet()
	s.pass(time.Hour)
	seen := map[int64]int{}
	s.read(func(r eventlog.Record) {
		if r.Position.Lane == eventlog.Now && bytes.Equal(r.Envelope.GetOwner(), owner[:]) {
			seen[r.Envelope.GetTime()]++
		}
	})
	if len(seen) > 2 { // the last presence and the last sign-out
		t.Errorf("%d moments are left of %d", len(seen), len(times))
	}
	s.checkRebuilt()
}

// checkRebuilt asks the server whether its state is what the log says.
func (s *server) checkRebuilt() {
	s.t.Helper()
	out, err := s.Commands()[node.CommandRebuildCheck](context.Background(), nil, func(control.Progress) {})
	if err != nil {
		s.t.Fatal(err)
	}
	if r, ok := out.(node.RebuildResult); !ok || r.Live != r.Rebuilt {
		s.t.Errorf("live and rebuilt differ: %+v", out)
	}
}
