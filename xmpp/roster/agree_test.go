package roster

import (
	"testing"

	"pgregory.net/rapid"
)

// side is one of two accounts; its item is about the other.
type side struct {
	name string
	item Item
	in   []Type // stanzas on their way to this side
}

func (s *side) apply(t *rapid.T, k Kind) Result {
	r, err := Apply(s.item, Event{Kind: k, Name: "n", Request: request})
	if err != nil {
		return r
	}
	if why := invariants(r.Item); why != "" {
		t.Fatalf("%s: %s: %+v", s.name, why, r.Item)
	}
	if again, err := Apply(r.Item, Event{Kind: k, Name: "n", Request: request}); err == nil && again.Changed {
		t.Fatalf("%s: kind %d twice changes twice", s.name, k)
	}
	s.item = r.Item
	return r
}

// act is a command of the owner of s; what follows for the other side is on its way, unless a crash loses it.
func (s *side) act(t *rapid.T, other *side, k Kind, typ Type, crash bool) {
	r := s.apply(t, k)
	if crash {
		return
	}
	if r.Route {
		other.in = append(other.in, typ)
	}
	other.in = append(other.in, r.Send...)
}

func (s *side) receive(t *rapid.T, other *side, crash bool) {
	typ := s.in[0]
	s.in = s.in[1:]
	k, ok := Inbound(typ)
	if !ok {
		t.Fatalf("stanza of type %q", typ)
	}
	if r := s.apply(t, k); !crash {
		other.in = append(other.in, r.Send...)
	}
}

func settle(t *rapid.T, a, b *side) {
	for n := 0; len(a.in)+len(b.in) > 0; n++ {
		if n > 1000 {
			t.Fatal("the two never stop talking")
		}
		if len(a.in) > 0 {
			a.receive(t, b, false)
		}
		if len(b.in) > 0 {
			b.receive(t, a, false)
		}
	}
}

// login is what happens when both come online: heal.go.
func login(t *rapid.T, s, other *side) {
	subscribe, probe := AtLogin(s.item)
	if subscribe {
		other.in = append(other.in, Subscribe)
	}
	if probe && !AnswerProbe(other.item) {
		s.in = append(s.in, Unsubscribed)
	}
	if s.item.SubscribedFrom() && Unexpected(other.item) {
		s.in = append(s.in, Unsubscribe) // the answer to the broadcast of s
	}
	settle(t, s, other)
}

// TestTwoSidesAgree drives two accounts by any schedule, with crashes between the two facts of one change, and then signs
// both in: they agree who sees whom. F43
func TestTwoSidesAgree(t *testing.T) {
	t.Parallel()
	commands := []struct {
		kind Kind
		typ  Type
	}{
		{OutSubscribe, Subscribe}, {OutSubscribed, Subscribed}, {OutUnsubscribe, Unsubscribe}, {OutUnsubscribed, Unsubscribed},
		{Set, ""}, {Remove, ""},
	}
	rapid.Check(t, func(t *rapid.T) {
		a, b := &side{name: "a", item: Item{Contact: "b@x"}}, &side{name: "b", item: Item{Contact: "a@x"}}
		for range rapid.IntRange(0, 40).Draw(t, "steps") {
			s, other := a, b
			if rapid.Bool().Draw(t, "b acts") {
				s, other = b, a
			}
			crash := rapid.IntRange(0, 9).Draw(t, "crash") == 0
			if len(s.in) > 0 && rapid.Bool().Draw(t, "receives") {
				s.receive(t, other, crash)
				continue
			}
			c := rapid.SampledFrom(commands).Draw(t, "command")
			s.act(t, other, c.kind, c.typ, crash)
		}
		settle(t, a, b)
		for range 2 {
			login(t, a, b)
			login(t, b, a)
		}
		for _, p := range [][2]*side{{a, b}, {b, a}} {
			x, y := p[0], p[1]
			if x.item.SubscribedTo() != y.item.SubscribedFrom() {
				t.Fatalf("%s to %v, %s from %v", x.name, x.item.SubscribedTo(), y.name, y.item.SubscribedFrom())
			}
			if x.item.Ask && !y.item.PendingIn() {
				t.Fatalf("%s asks and %s does not know", x.name, y.name)
			}
		}
	})
}
