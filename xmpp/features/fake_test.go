package features

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"log/slog"
	"maps"
	"slices"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"protokoll/eventlog"
	"protokoll/schemas"
	"protokoll/xmpp/frame"
)

const (
	romeo  = "romeo@example.net"
	juliet = "juliet@example.net"
	domain = "example.net"
)

var epoch = time.Date(2024, 3, 1, 12, 0, 0, 0, time.UTC)

// account is an Account in memory.
type account struct {
	bare       string
	facts      map[schemas.Family]map[string]proto.Message
	appended   []eventlog.Fact
	fail       error
	subscribed map[string]bool
	seen       LastSeen
}

func newAccount(bare string, subscribers ...string) *account {
	a := &account{bare: bare, facts: map[schemas.Family]map[string]proto.Message{}, subscribed: map[string]bool{bare: true}}
	for _, s := range subscribers {
		a.subscribed[s] = true
	}
	return a
}

func (a *account) Bare() string                { return a.bare }
func (a *account) Subscribed(bare string) bool { return a.subscribed[bare] }
func (a *account) LastSeen() (LastSeen, error) { return a.seen, a.fail }

func (a *account) Get(f schemas.Family, entity string) (proto.Message, error) {
	return a.facts[f][entity], a.fail
}

func (a *account) All(f schemas.Family) ([]proto.Message, error) {
	return slices.Collect(maps.Values(a.facts[f])), a.fail
}

func (a *account) Change(_ schemas.Cause, decide func(Facts) ([]eventlog.Fact, error)) (*eventlog.Receipt, error) {
	facts, err := decide(a)
	if err != nil || len(facts) == 0 {
		return nil, err
	}
	for _, f := range facts {
		a.carryOut(f)
	}
	r := eventlog.NewReceipt(1)
	r.Settle(eventlog.Position{}, nil)
	return r, nil
}

func (a *account) carryOut(f eventlog.Fact) {
	a.appended = append(a.appended, f)
	if f.Op == schemas.Op_END {
		delete(a.facts[f.Family], f.Entity)
		return
	}
	t, err := schemas.TypeOf(f.Value)
	if err != nil {
		panic(err)
	}
	if a.facts[t.Family] == nil {
		a.facts[t.Family] = map[string]proto.Message{}
	}
	a.facts[t.Family][f.Entity] = proto.Clone(f.Value)
}

// session is a Session in memory.
type session struct {
	carbons, blockInterest, listInterest bool
	active                               string
	others                               []string // active lists of the account's other sessions
}

func (s *session) ActiveList() string { return s.active }

func (s *session) SetActiveList(name string) (*eventlog.Receipt, error) {
	s.active = name
	return nil, nil
}

func (s *session) ListInUse(name string) (active, standing bool) {
	return name != "" && slices.Contains(s.others, name), slices.Contains(s.others, "")
}

func (s *session) SetListInterest() { s.listInterest = true }

func (s *session) SetCarbons(on bool) (*eventlog.Receipt, error) { s.carbons = on; return nil, nil }
func (s *session) ID() []byte                                    { return []byte("a session, 16 b.") }

func (s *session) SetBlockInterest() (*eventlog.Receipt, error) {
	s.blockInterest = true
	return nil, nil
}

func newTestRegistry() *Registry {
	return New(Config{
		Logger: slog.New(slog.NewTextHandler(io.Discard, nil)), Clock: func() time.Time { return epoch },
		Started: epoch.Add(-time.Hour), Software: Software{"Protokoll", "1.2 <3>"},
		Contacts: Contacts{DataProtection: []string{"mailto:dsb@example.net"}, Abuse: []string{"xmpp:a@example.net", "mailto:a@example.net"}},
	})
}

// parse returns the stanza in s.
func parse(t testing.TB, s string) *frame.Frame {
	t.Helper()
	f, err := frame.Parse([]byte(s), frame.NSClient, frame.AfterLogin())
	if err != nil {
		t.Fatal(err, s)
	}
	return &f
}

// request is what romeo's client sends to itself; change it for others.
func request(t testing.TB, k Kind, a *account, payload string) *Request {
	t.Helper()
	return &Request{Kind: k, Target: Self, From: romeo + "/orchard", To: romeo, Account: a, Session: &session{},
		Frame: parse(t, "<iq id='1' type='set'>"+payload+"</iq>")}
}

// serve returns the payload, or the error element.
func serve(t testing.TB, r *Registry, req *Request) (Reply, string) {
	t.Helper()
	reply, err := r.Serve(req)
	if err != nil {
		stanza, ok := errors.AsType[*Error](err)
		if !ok {
			t.Fatalf("not a stanza error: %v", err)
		}
		wellFormed(t, stanza.Append(nil))
		return reply, stanza.Condition
	}
	wellFormed(t, reply.Payload)
	for _, p := range reply.Pushes {
		wellFormed(t, p.Payload)
	}
	return reply, string(reply.Payload)
}

func wellFormed(t testing.TB, b []byte) {
	t.Helper()
	d := xml.NewDecoder(bytes.NewReader(b))
	for {
		if _, err := d.Token(); err == io.EOF {
			return
		} else if err != nil {
			t.Fatalf("%v in %q", err, b)
		}
	}
}

func ask(t testing.TB, k Kind, a *account, payload string) string {
	t.Helper()
	_, got := serve(t, newTestRegistry(), request(t, k, a, payload))
	return got
}

func askServer(t testing.TB, payload string) string {
	t.Helper()
	req := request(t, Get, nil, payload)
	req.Target, req.To, req.Account = Server, domain, nil
	_, got := serve(t, newTestRegistry(), req)
	return got
}

// askContact asks juliet's account, or that of nobody if a is nil.
func askContact(t testing.TB, k Kind, a *account, payload string) string {
	t.Helper()
	req := request(t, k, nil, payload)
	req.Target, req.To, req.Account = Contact, juliet, nil
	if a != nil {
		req.Account = a
	}
	_, got := serve(t, newTestRegistry(), req)
	return got
}
