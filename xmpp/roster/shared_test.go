package roster

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"protokoll/schemas"
)

var sharedKey = []byte("key of this server")

func people(names ...string) (all []Member) {
	for _, n := range names {
		all = append(all, Member{Address: n + "@x", Name: "Name of " + n})
	}
	return all
}

func TestShared(t *testing.T) {
	t.Parallel()
	s := NewShared(sharedKey, []Group{
		{ID: "1", Name: "Team", Members: people("anna", "bert", "cleo", "anna")},
		{ID: "2", Name: "Desk", Members: people("dora", "cleo"), VisibleTo: []string{"1", "none"}},
		{ID: "3", Name: "Empty"},
	})
	for _, c := range []struct{ owner, contact, want string }{
		{"anna", "bert", "true BOTH [Team]"},
		{"anna", "cleo", "true BOTH [Desk Team]"}, // of the desk, which the team sees, and of the team
		{"anna", "dora", "true TO [Desk]"},
		{"dora", "anna", "false FROM []"},
		{"dora", "cleo", "true BOTH [Desk]"},
		{"anna", "anna", "false NONE []"},
		{"anna", "eve", "false NONE []"},
		{"eve", "anna", "false NONE []"},
	} {
		i := s.Item(c.owner+"@x", c.contact+"@x")
		if got := fmt.Sprintf("%v %v %v", i.Listed, i.Subscription, i.Groups); got != c.want {
			t.Errorf("%s has %s as %s, want %s", c.owner, c.contact, got, c.want)
		}
		if (i.Name != "") != i.Listed {
			t.Errorf("%s sees of %s the name %q", c.owner, c.contact, i.Name)
		}
	}
	var none *Shared
	if !none.Empty() || none.Has("anna@x") || none.Item("a@x", "b@x").Listed || none.Version("a@x") != (Version{}) {
		t.Error("nil is not empty")
	}
	none.Each("anna@x", func(Item) { t.Error("nil has items") })
}

// TestMerge: what the owner made stays, and what the directory says is added.
func TestMerge(t *testing.T) {
	t.Parallel()
	from, shared := Item{Contact: "b@x", Subscription: schemas.Subscription_FROM}, Item{Contact: "b@x", Name: "Bert", Groups: []string{"Team"},
		Subscription: schemas.Subscription_BOTH, Listed: true}
	for _, c := range []struct {
		name              string
		own, shared, want Item
	}{
		{"of the owner alone", Item{Contact: "b@x", Name: "B", Listed: true}, Item{Contact: "b@x"}, Item{Contact: "b@x", Name: "B", Listed: true}},
		{"of the group alone", Item{}, shared, shared},
		{"a name and groups of the owner's", Item{Contact: "b@x", Name: "B", Groups: []string{"Alpha", "Team", "Zoo"}, Ask: true, Listed: true}, shared,
			Item{Contact: "b@x", Name: "B", Groups: []string{"Alpha", "Team", "Zoo"}, Subscription: schemas.Subscription_BOTH, Listed: true}},
		{"a request that is granted by the group", Item{Contact: "b@x", Request: []byte("<presence/>")}, shared, shared},
		{"who only sees the owner", Item{Contact: "b@x", Listed: true, Ask: true}, from,
			Item{Contact: "b@x", Listed: true, Ask: true, Subscription: schemas.Subscription_FROM}},
		{"a subscription besides", Item{Contact: "b@x", Listed: true, Subscription: schemas.Subscription_TO}, from,
			Item{Contact: "b@x", Listed: true, Subscription: schemas.Subscription_BOTH}},
	} {
		if got := Merge(c.own, c.shared); fmt.Sprint(got) != fmt.Sprint(c.want) {
			t.Errorf("%s: %+v, want %+v", c.name, got, c.want)
		}
	}
}

// TestOwn: nothing of the directory becomes the owner's by being sent back.
func TestOwn(t *testing.T) {
	t.Parallel()
	shared := Item{Name: "Bert", Groups: []string{"Team"}, Listed: true}
	for _, c := range []struct {
		name   string
		groups []string
		want   string
		said   bool
	}{
		{"Bert", []string{"Team"}, " []", false},
		{"", nil, " []", false},
		{"Bertl", []string{"Team"}, "Bertl []", true},
		{"Bert", []string{"Mensa", "Team"}, " [Mensa]", true},
	} {
		ev, said := Own(Event{Kind: Set, Name: c.name, Groups: c.groups}, shared)
		if got := fmt.Sprintf("%s %v", ev.Name, ev.Groups); got != c.want || said != c.said {
			t.Errorf("%q %v: %q %v", c.name, c.groups, got, said)
		}
	}
}

// TestSharedAgrees: Each, Item and Version say the same whatever the groups are: who sees is seen, each contact comes once, and the
// version changes with what is seen and does not depend on any order.
func TestSharedAgrees(t *testing.T) {
	t.Parallel()
	names := []string{"a", "b", "c", "d", "e"}
	rapid.Check(t, func(t *rapid.T) {
		var groups []Group
		for i := range rapid.IntRange(0, 4).Draw(t, "groups") {
			groups = append(groups, Group{ID: fmt.Sprint(i), Name: rapid.SampledFrom([]string{"A", "B", "C"}).Draw(t, "name"),
				Members:   people(rapid.SliceOfN(rapid.SampledFrom(names), 0, 6).Draw(t, "members")...),
				VisibleTo: rapid.SliceOfN(rapid.SampledFrom([]string{"0", "1", "2", "3"}), 0, 2).Draw(t, "visible to")})
		}
		s := NewShared(sharedKey, groups)
		turned := slices.Clone(groups)
		slices.Reverse(turned)
		other := NewShared(sharedKey, turned)
		for _, owner := range names {
			owner += "@x"
			seen := map[string]bool{}
			s.Each(owner, func(i Item) {
				if seen[i.Contact] || i.Contact == owner || !i.Listed && !i.SubscribedFrom() {
					t.Fatalf("%s has %+v once more", owner, i)
				}
				seen[i.Contact] = true
			})
			for _, contact := range names {
				contact += "@x"
				i, back := s.Item(owner, contact), s.Item(contact, owner)
				if seen[contact] != (i.Listed || i.SubscribedFrom()) || i.SubscribedTo() != back.SubscribedFrom() || i.Listed != i.SubscribedTo() ||
					!slices.IsSorted(i.Groups) || fmt.Sprint(i) != fmt.Sprint(other.Item(owner, contact)) {
					t.Fatalf("%s has %s as %+v, who has %+v", owner, contact, i, back)
				}
			}
			if s.Version(owner) != other.Version(owner) {
				t.Fatal("the version depends on the order")
			}
			if (s.Version(owner) != Version{}) != (len(seen) > 0 || s.Has(owner)) {
				t.Fatal("a version without groups")
			}
		}
	})
}

func BenchmarkSharedRoster(b *testing.B) {
	var members []Member
	for i := range 2000 {
		members = append(members, Member{Address: fmt.Sprintf("person.number%d@jabber.example", i), Name: fmt.Sprintf("Person Number%d", i)})
	}
	s := NewShared(sharedKey, []Group{{ID: "1", Name: "Faculty", Members: members}})
	b.ReportAllocs()
	for b.Loop() {
		items := make([]Item, 0, 2000)
		s.Each(members[7].Address, func(i Item) { items = append(items, i) })
		if raw := AppendQuery(nil, s.Version(members[7].Address).String(), items...); len(raw) < 100_000 {
			b.Fatal("too short")
		}
	}
}
