package roster

import (
	"testing"

	"pgregory.net/rapid"
)

// TestVersionIsOfTheRoster: by any path of changes the version is that of what the roster is.
func TestVersionIsOfTheRoster(t *testing.T) {
	t.Parallel()
	h := NewHasher([]byte("key of this owner"))
	rapid.Check(t, func(t *rapid.T) {
		items := map[string]Item{}
		var v Version
		for range rapid.IntRange(0, 50).Draw(t, "steps") {
			c := rapid.SampledFrom([]string{"a@x", "b@x", "c@x"}).Draw(t, "contact")
			cur, ok := items[c]
			if !ok {
				cur = Item{Contact: c}
			}
			ev := Event{Kind: Kind(rapid.IntRange(0, int(Remove)).Draw(t, "kind")), Name: text().Draw(t, "name"), Request: request}
			r, err := Apply(cur, ev)
			if err != nil {
				continue
			}
			before := v
			v = h.Change(v, cur, r.Item)
			if changed := v != before; changed && !r.Push {
				t.Fatal("a new version without a push")
			}
			items[c] = r.Item
		}
		var all []Item
		for _, i := range items {
			all = append(all, i)
		}
		if whole := h.Of(all...); whole != v {
			t.Fatalf("%v by changes, %v as a whole", v, whole)
		}
	})
}

func TestVersionTellsRostersApart(t *testing.T) {
	t.Parallel()
	h := NewHasher([]byte("k"))
	seen := map[string]string{}
	for name, v := range map[string]Version{
		"empty":      {},
		"item":       h.Of(item(none)),
		"other key":  NewHasher([]byte("l")).Of(item(none)),
		"ask":        h.Of(item(noneOut)),
		"other name": h.Of(Item{Contact: "x@y", Listed: true}),
		"both":       h.Of(item(both)),
		"two":        h.Of(item(none), Item{Contact: "x@y", Listed: true}),
	} {
		s := v.String()
		if s == "" || seen[s] != "" {
			t.Errorf("%s has the version of %s", name, seen[s])
		}
		seen[s] = name
	}
	if h.Of(Item{Contact: contact, Request: request}) != (Version{}) {
		t.Error("a waiting request shows in the version")
	}
}

func BenchmarkApply(b *testing.B) {
	b.ReportAllocs()
	cur := item(noneIn)
	for b.Loop() {
		if _, err := Apply(cur, Event{Kind: OutSubscribed}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkVersionChange(b *testing.B) {
	h := NewHasher([]byte("key of this owner"))
	before, after := item(noneOut), item(to)
	b.ReportAllocs()
	var v Version
	for b.Loop() {
		v = h.Change(v, before, after)
	}
}

func BenchmarkAppendQuery(b *testing.B) {
	items := make([]Item, 30)
	for n := range items {
		items[n] = item(both)
		items[n].Name, items[n].Groups = "Juliet Capulet", []string{"Verona"}
	}
	dst := make([]byte, 0, 8<<10)
	b.ReportAllocs()
	for b.Loop() {
		dst = AppendQuery(dst[:0], "version", items...)
	}
}
