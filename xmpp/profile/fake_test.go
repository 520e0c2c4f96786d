package profile

import (
	"bytes"
	"encoding/base64"
	"image"
	"image/png"
	"log/slog"
	"maps"
	"slices"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"protokoll/eventlog"
	"protokoll/schemas"
	"protokoll/xmpp/features"
	"protokoll/xmpp/frame"
	"protokoll/xmpp/pubsub"
)

const romeo = "romeo@example.net"

var epoch = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// account is an account in memory: features.Account and pubsub.Owner.
type account struct {
	facts    map[schemas.Family]map[string]proto.Message
	appended int
}

func newAccount() *account {
	return &account{facts: map[schemas.Family]map[string]proto.Message{}}
}

func (a *account) Bare() string                         { return romeo }
func (a *account) Subscribed(bare string) bool          { return bare == romeo }
func (a *account) LastSeen() (features.LastSeen, error) { return features.LastSeen{}, nil }
func (a *account) Audience() ([]string, error)          { return nil, nil }
func (a *account) Shows(bare string) bool               { return bare == romeo }
func (a *account) InGroup(string, []string) bool        { return false }
func (a *account) Blocks(string) bool                   { return false }
func (a *account) Nodes() (*pubsub.Catalogue, error)    { return pubsub.Load(a) }

func (a *account) Get(f schemas.Family, entity string) (proto.Message, error) {
	return a.facts[f][entity], nil
}

func (a *account) All(f schemas.Family) ([]proto.Message, error) {
	return slices.Collect(maps.Values(a.facts[f])), nil
}

func (a *account) Change(_ schemas.Cause, decide func(features.Facts) ([]eventlog.Fact, error)) (*eventlog.Receipt, error) {
	facts, err := decide(a)
	if err != nil || len(facts) == 0 {
		return nil, err
	}
	for _, f := range facts {
		a.appended++
		if f.Op == schemas.Op_END {
			delete(a.facts[f.Family], f.Entity)
			continue
		}
		t, err := schemas.TypeOf(f.Value)
		if err != nil {
			return nil, err
		}
		if a.facts[t.Family] == nil {
			a.facts[t.Family] = map[string]proto.Message{}
		}
		a.facts[t.Family][f.Entity] = proto.Clone(f.Value)
	}
	r := eventlog.NewReceipt(1)
	r.Settle(eventlog.Position{}, nil)
	return r, nil
}

// owners finds the one account.
type owners struct{ *account }

func (o owners) Change(_ string, cause schemas.Cause, decide func(pubsub.Owner) ([]eventlog.Fact, error)) (*eventlog.Receipt, error) {
	return o.account.Change(cause, func(features.Facts) ([]eventlog.Fact, error) { return decide(o.account) })
}

func (o owners) Read(_ string, read func(pubsub.Owner) error) error { return read(o.account) }

func (o owners) Hosted(func(string, *schemas.NodeHosted)) error { return nil }

// server is a registry with the core and the conversions, and the one account.
type server struct {
	*features.Registry
	*account
}

func newServer(t testing.TB) server {
	t.Helper()
	logger := slog.New(slog.DiscardHandler)
	r := features.New(features.Config{Logger: logger, Clock: func() time.Time { return epoch }, Software: features.Software{Name: "P"}})
	core, a := pubsub.New(logger, func() time.Time { return epoch }), newAccount()
	if err := core.Use(owners{a}); err != nil {
		t.Fatal(err)
	}
	core.Register(r)
	Register(r, core, nil, nil)
	return server{r, a}
}

// ask sends a request to the own account and returns the payload of the answer, or the condition.
func (s server) ask(t testing.TB, kind features.Kind, payload string) (string, features.Reply) {
	t.Helper()
	f, err := frame.Parse([]byte("<iq id='1' type='set'>"+payload+"</iq>"), frame.NSClient, frame.AfterLogin())
	if err != nil {
		t.Fatal(err, payload[:min(len(payload), 200)])
	}
	reply, err := s.Serve(&features.Request{Kind: kind, Target: features.Self, From: romeo + "/orchard", To: romeo, Frame: &f, Account: s.account})
	if err != nil {
		return features.StanzaError(err).Condition, reply
	}
	return string(reply.Payload), reply
}

func (s server) publish(t testing.TB, node, id, payload string) string {
	t.Helper()
	got, _ := s.ask(t, features.Set, "<pubsub xmlns='http://jabber.org/protocol/pubsub'><publish node='"+node+"'><item id='"+id+"'>"+payload+"</item></publish></pubsub>")
	return got
}

func (s server) items(t testing.TB, node string) string {
	t.Helper()
	got, _ := s.ask(t, features.Get, "<pubsub xmlns='http://jabber.org/protocol/pubsub'><items node='"+node+"'/></pubsub>")
	return got
}

// picture is a small image; seed makes it another one.
func picture(seed uint8) []byte {
	m := image.NewGray(image.Rect(0, 0, 3, 2))
	m.Pix[0] = seed
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		panic(err)
	}
	return b.Bytes()
}

func base(b []byte) string { return base64.StdEncoding.EncodeToString(b) }
