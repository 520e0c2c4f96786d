package retention

import (
	"slices"
	"strings"
	"testing"
	"time"

	"protokoll/retention"
	"protokoll/schemas"
	"protokoll/test/wire"
)

// needle is one datum of one class: how an odd word gets there, and how it goes. Three accounts are there: anna, bela and carl.
type needle struct {
	class string
	// put leaves the word. It returns what to search for, if that is not the word.
	put func(h *hay, word string) (instead []byte)
	// end makes it due; nil for what goes by its age, or where put has done so.
	end func(h *hay)
	// beside names the classes that keep the same word for a time of their own, with the reason.
	beside map[string]string
}

// hay is a server in which a word is hidden.
type hay struct {
	*server
	desk        *wire.Conn // anna's, once something was sent over it
	mark        mark
	known       secrets
	seen        map[schemas.Family]int // how often the mark was found
	ciphertexts [][]byte               // of the events that it was in
}

// anna returns a client of hers, signed in at her desk.
func (h *hay) anna() *wire.Conn {
	h.t.Helper()
	if h.desk == nil {
		h.desk = h.signIn("anna", "desk")
	}
	return h.desk
}

// away signs anna out, if she is in, and returns when nobody is online.
func (h *hay) away() {
	h.t.Helper()
	if h.desk != nil {
		h.settle(h.desk)
		h.desk = nil
	}
	h.quiet()
}

// gather notes where the mark is now, but for the families of the classes that keep it beside.
func (h *hay) gather(n needle) {
	h.t.Helper()
	h.known.note(h.server)
	h.sealed(h.known, h.mark, func(f schemas.Family, sealed []byte) {
		if !n.keptBeside(f) {
			h.seen[f]++
			h.ciphertexts = append(h.ciphertexts, sealed)
		}
	})
}

// found tells whether the mark was in an event of its class.
func (h *hay) found(c retention.Class) bool {
	return slices.ContainsFunc(c.Families, func(f schemas.Family) bool { return h.seen[f] > 0 })
}

func (n needle) keptBeside(f schemas.Family) bool {
	return slices.ContainsFunc(retention.Classes(), func(c retention.Class) bool {
		return n.beside[c.Name] != "" && slices.Contains(c.Families, f)
	})
}

// longest is how long a rule of a class may take until it is carried out, from when its event is stated or due.
func longest(c retention.Class) (d time.Duration) {
	for _, r := range retention.Default().Rules() {
		if r.Class == c.Data {
			d = max(d, r.After+r.Deadline)
		}
	}
	return d
}

// A word of each class is gone from the disk and from memory when its rule has been carried out: in the clear, and as the
// ciphertext that the keys of before would open.
func TestNeedles(t *testing.T) {
	for _, c := range retention.Classes() {
		if longest(c) == 0 {
			continue // all of it is kept; retention/ says of which classes a policy may say so
		}
		of := slices.DeleteFunc(slices.Clone(needles), func(n needle) bool { return n.class != c.Name })
		if len(of) == 0 {
			t.Errorf("nothing shows that a word of class %s goes: add a needle", c.Name)
		}
		for _, n := range of {
			t.Run(c.Name, func(t *testing.T) { checkNeedle(t, c, n) })
		}
	}
}

func checkNeedle(t *testing.T, c retention.Class, n needle) {
	h := &hay{server: start(t, "anna", "bela", "carl"), seen: map[schemas.Family]int{}}
	h.known = newSecrets()
	h.known.note(h.server)
	h.mark = plant(h, n)
	h.until("the word is nowhere in the log: the search is blind", func() bool {
		h.gather(n)
		return h.found(c)
	})
	if n.end != nil {
		n.end(h)
		h.gather(n)
	}
	h.away()
	h.gather(n)
	h.pass(longest(c) + 30*time.Minute)

	h.sealed(h.known, h.mark, func(f schemas.Family, _ []byte) {
		if !n.keptBeside(f) {
			t.Errorf("an event of %s opens to it", f)
		}
	})
	if hits := h.files(h.mark, h.ciphertexts); len(hits) > 0 {
		t.Errorf("found in %v", hits)
	}
	checkForgotten(t, h.server, h.known)
	h.checkRebuilt()
	if h.heap(h.mark) {
		t.Error("found in a heap dump")
	}
}

// plant leaves a word and returns what to search for. From here on the test itself has neither.
func plant(h *hay, n needle) mark {
	word := strings.Join([]string{"quirx", n.class[:3], "zwiebelfisch"}, "")
	if instead := n.put(h, word); instead != nil {
		return hide(instead)
	}
	return hide([]byte(word))
}

// A class that nobody thought of is noticed by TestNeedles; a needle for a class that is gone is noticed here.
func TestNeedlesAreOfClasses(t *testing.T) {
	t.Parallel()
	known := map[string]bool{}
	for _, c := range retention.Classes() {
		known[c.Name] = longest(c) > 0
	}
	for _, n := range needles {
		if !known[n.class] {
			t.Errorf("%q is no class that goes", n.class)
		}
		for class := range n.beside {
			if !known[class] {
				t.Errorf("%q, beside which %q stays, is no class that goes", class, n.class)
			}
		}
	}
}
