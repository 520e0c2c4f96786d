package pubsub

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"protokoll/eventlog"
	"protokoll/schemas"
	"protokoll/xmpp/features"
	"protokoll/xmpp/frame"
)

const (
	romeo   = "romeo@example.net"
	juliet  = "juliet@example.net"
	paris   = "paris@example.net"
	tybalt  = "tybalt@example.net"
	service = "pubsub.example.net"
)

var epoch = time.Date(2024, 3, 1, 12, 0, 0, 0, time.UTC)

// person is an Owner in memory.
type person struct {
	bare      string
	facts     map[schemas.Family]map[string]proto.Message
	catalogue *Catalogue
	contacts  []string
	groups    map[string]string
	blocked   string
	fail      error // of the next append
}

func (p *person) Bare() string                { return p.bare }
func (p *person) Audience() ([]string, error) { return p.contacts, nil }
func (p *person) Blocks(jid string) bool      { return p.blocked == bareOf(jid) }
func (p *person) Shows(bare string) bool {
	return bare == p.bare || slices.Contains(p.contacts, bare) && bare != p.blocked
}
func (p *person) InGroup(bare string, groups []string) bool {
	return slices.Contains(groups, p.groups[bare])
}

func (p *person) Get(f schemas.Family, entity string) (proto.Message, error) {
	return p.facts[f][entity], nil
}

func (p *person) All(f schemas.Family) (all []proto.Message, err error) {
	for _, m := range p.facts[f] {
		all = append(all, m)
	}
	return all, nil
}

func (p *person) Nodes() (_ *Catalogue, err error) {
	if p.catalogue == nil {
		p.catalogue, err = Load(p)
	}
	return p.catalogue, err
}

// write does what the log and the state do.
func (p *person) write(t testing.TB, facts []eventlog.Fact) {
	for _, f := range facts {
		if f.Op == schemas.Op_SET {
			typ, err := schemas.TypeOf(f.Value)
			if err != nil {
				t.Fatal(err)
			}
			f.Family = typ.Family
			if p.facts[f.Family] == nil {
				p.facts[f.Family] = map[string]proto.Message{}
			}
			p.facts[f.Family][f.Entity] = f.Value
		} else {
			if p.facts[f.Family][f.Entity] == nil {
				t.Errorf("the end of %q, which is not there", f.Entity)
			}
			delete(p.facts[f.Family], f.Entity)
		}
		if !p.catalogue.Apply(f) {
			t.Errorf("a fact that cannot be folded: %v", f)
		}
	}
	if _, fast := t.(quiet); !fast {
		p.agree(t)
	}
}

// agree checks that the catalogue says what a new one says.
func (p *person) agree(t testing.TB) {
	t.Helper()
	fresh, err := Load(p)
	if err != nil {
		t.Fatal(err)
	}
	if was, is := describe(p.catalogue), describe(fresh); was != is {
		t.Errorf("the catalogue says\n%s\nloaded anew\n%s", was, is)
	}
}

func describe(c *Catalogue) string {
	s := fmt.Sprint(c.bytes, len(c.nodes))
	for _, host := range []string{"", service} {
		for _, r := range c.Refs(host) {
			n := c.nodes[r]
			s += fmt.Sprint("\n", r, n.items, n.subscribers, n.bytes, n.Config.GetAccess(), n.Config.GetMaxItems())
		}
	}
	return s
}

// quiet is a test whose catalogues are not compared after each step.
type quiet struct{ testing.TB }

// town is Owners in memory.
type town struct {
	t      testing.TB
	people map[string]*person
}

func (o *town) Change(bare string, _ schemas.Cause, decide func(Owner) ([]eventlog.Fact, error)) (*eventlog.Receipt, error) {
	p := o.people[bare]
	if p == nil {
		return nil, ErrNoOwner
	}
	facts, err := decide(p)
	if err != nil || len(facts) == 0 {
		return nil, err
	}
	r := eventlog.NewReceipt(1)
	if p.fail == nil {
		p.write(o.t, facts)
	}
	r.Settle(eventlog.Position{}, p.fail)
	return r, nil
}

func (o *town) Read(bare string, read func(Owner) error) error {
	if p := o.people[bare]; p != nil {
		return read(p)
	}
	return ErrNoOwner
}

func (o *town) Hosted(fn func(string, *schemas.NodeHosted)) error {
	for _, p := range o.people {
		for _, m := range p.facts[schemas.Family_NODE_FACTS] {
			if h, ok := m.(*schemas.NodeHosted); ok {
				fn(p.bare, h)
			}
		}
	}
	return nil
}

// stage is a server in memory: romeo, whose contact is juliet; paris and tybalt know nobody.
type stage struct {
	t    testing.TB
	core *Core
	town *town
	pep  *features.Registry
	host *features.Registry
}

func newStage(t testing.TB) *stage {
	logger := slog.New(slog.NewTextHandler(io.Discard, nil))
	s := &stage{t: t, core: New(logger, func() time.Time { return epoch }), town: &town{t, map[string]*person{}}}
	for _, bare := range []string{romeo, juliet, paris, tybalt} {
		s.town.people[bare] = &person{bare: bare, facts: map[schemas.Family]map[string]proto.Message{}}
	}
	s.town.people[romeo].contacts = []string{juliet}
	s.town.people[romeo].groups = map[string]string{juliet: "Capulets", tybalt: "Capulets"}
	s.pep = features.NewRegistry(logger)
	s.core.Register(s.pep)
	s.host = s.core.Service(service, "PubSub", logger)
	if err := s.core.Use(s.town); err != nil {
		t.Fatal(err)
	}
	return s
}

// ask sends a request from a bare JID to another, or to the service.
func (s *stage) ask(kind features.Kind, from, to, payload string) (features.Reply, error) {
	s.t.Helper()
	f, err := frame.Parse([]byte("<iq id='1'>"+payload+"</iq>"), frame.NSClient, frame.AfterLogin())
	if err != nil {
		s.t.Fatal(err)
	}
	req := &features.Request{Kind: kind, Target: features.Contact, From: from + "/r", To: to, Frame: &f}
	switch to {
	case from:
		req.Target = features.Self
	case service:
		req.Target = features.Server
		return s.host.Serve(req)
	}
	return s.pep.Serve(req)
}

// got is the payload, or the conditions of the error.
func (s *stage) got(kind features.Kind, from, to, payload string) string {
	s.t.Helper()
	reply, err := s.ask(kind, from, to, payload)
	if err == nil {
		return string(reply.Payload)
	}
	stanza, ok := errors.AsType[*features.Error](err)
	if !ok || !stanza.Echo || stanza.Code == "" {
		s.t.Fatalf("not an error as clients need it: %v", err)
	}
	app, _, _ := strings.Cut(strings.TrimPrefix(string(stanza.App), "<"), " ")
	return strings.TrimSpace(stanza.Condition + " " + app)
}

func (s *stage) set(from, to, payload string) string { return s.got(features.Set, from, to, payload) }
func (s *stage) get(from, to, payload string) string { return s.got(features.Get, from, to, payload) }

func pubsub(inner string) string { return "<pubsub xmlns='" + NS + "'>" + inner + "</pubsub>" }
func owned(inner string) string  { return "<pubsub xmlns='" + NSOwner + "'>" + inner + "</pubsub>" }

func publishing(node, id, payload string) string {
	return pubsub("<publish node='" + node + "'><item id='" + id + "'>" + payload + "</item></publish>")
}

// submit is a form of node configuration, of pairs of name and value.
func submit(pairs ...string) string {
	b := "<x xmlns='jabber:x:data' type='submit'>"
	for i := 0; i < len(pairs); i += 2 {
		b += "<field var='pubsub#" + pairs[i] + "'><value>" + pairs[i+1] + "</value></field>"
	}
	return b + "</x>"
}

func creating(node string, pairs ...string) string {
	return pubsub("<create node='" + node + "'/><configure>" + submit(pairs...) + "</configure>")
}
