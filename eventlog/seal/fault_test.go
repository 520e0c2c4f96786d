package seal

import (
	"errors"
	"testing"

	"protokoll/schemas"
)

const (
	faultDir  = "/data/keys"
	faultRoot = "/root/root.key"
)

// model is what the keybook has promised so far.
type model struct {
	created bool
	keys    map[ref]string // added and not forgotten
	gone    map[ref]bool   // forgotten
	flight  []ref          // of the call that was interrupted
	forget  bool           // that call was a Forget
	roots   [][]byte       // replaced root keys
	errs    []error
}

func newModel() *model { return &model{keys: map[ref]string{}, gone: map[ref]bool{}} }

// mark returns the key itself, or ErrForgotten.
func mark(k *Keybook, r ref) (string, error) {
	key, ok := k.find(r)
	if !ok {
		return "", ErrForgotten
	}
	return string(key[:]), nil
}

// step is one call of the workload.
type step struct {
	forget bool
	refs   []ref
}

func workload() []step {
	owners := func(from, to int) (refs []ref) {
		for i := from; i < to; i++ {
			refs = append(refs, ref{kindOwner, [16]byte{1, byte(i >> 8), byte(i)}})
		}
		return refs
	}
	segment := func(n byte) []ref { return []ref{{kindSegment, [16]byte{2, n}}} }
	return []step{
		{false, segment(1)}, {false, owners(0, 3)}, {false, owners(3, 3+pageSlots)}, {true, owners(1, 2)}, {false, segment(2)},
		{true, append(owners(5, 6), owners(pageSlots+1, pageSlots+2)...)}, {true, segment(1)}, {false, owners(300, 302)},
	}
}

func (s step) do(k *Keybook) error {
	var owners []schemas.OwnerID
	var segments []SegmentID
	for _, r := range s.refs {
		if r.kind == kindOwner {
			owners = append(owners, r.id)
		} else {
			segments = append(segments, r.id)
		}
	}
	switch {
	case s.forget && owners != nil:
		return k.Forget(owners...)
	case s.forget:
		return k.ForgetSegments(segments...)
	case owners != nil:
		return k.Add(owners...)
	}
	_, err := k.AddSegment(segments[0])
	if errors.Is(err, ErrExists) {
		err = nil // an interrupted call had put it on disk
	}
	return err
}

// run does the steps until one fails, and keeps m in line with what was promised.
func (m *model) run(t *testing.T, k *Keybook, d *faultDisk, steps []step) (rest []step) {
	t.Helper()
	for i, s := range steps {
		before := k.rootKey
		m.flight, m.forget = s.refs, s.forget
		if err := s.do(k); err != nil {
			m.errs = append(m.errs, err)
			return steps[i:]
		}
		m.flight = nil
		for _, r := range s.refs {
			if s.forget {
				delete(m.keys, r)
				m.gone[r] = true
				continue
			}
			var err error
			if m.keys[r], err = mark(k, r); err != nil {
				t.Fatal(err)
			}
		}
		if before != k.rootKey {
			m.roots = append(m.roots, before[:])
		}
	}
	return nil
}

// check compares an opened keybook with what was promised. The interrupted call has happened as a whole or not at all.
func (m *model) check(t *testing.T, k *Keybook, d *faultDisk) {
	t.Helper()
	flight := map[ref]bool{}
	there := 0
	for _, r := range m.flight {
		flight[r] = true
		if _, err := mark(k, r); err == nil {
			there++
		}
	}
	if there != 0 && there != len(m.flight) {
		t.Fatalf("%d of %d keys of the interrupted call are there", there, len(m.flight))
	}
	for r, want := range m.keys {
		got, err := mark(k, r)
		if m.forget && flight[r] && errors.Is(err, ErrForgotten) {
			continue
		}
		if err != nil || got != want {
			t.Fatalf("key %c %x: %v", r.kind, r.id, err)
		}
	}
	for r := range m.gone {
		if _, err := mark(k, r); !errors.Is(err, ErrForgotten) && !flight[r] {
			t.Fatalf("a forgotten key came back: %v", err)
		}
	}
	for _, old := range m.roots {
		if d.holds(old) {
			t.Fatal("a replaced root key is still on the disk")
		}
	}
}

// start opens the keybook, or creates it if nobody was told that it exists.
func start(t *testing.T, m *model, d *faultDisk, root Root) (*Keybook, error) {
	k, err := open(d, faultDir, root)
	if !m.created && (errors.Is(err, ErrMissing)) {
		k, err = create(d, faultDir, root)
	}
	if err == nil {
		m.created = true
	}
	return k, err
}

// TestPowerCut cuts the power at every file call of a workload, in several ways, and then at every call of the start that
// follows. F5, F13, F15.
func TestPowerCut(t *testing.T) {
	t.Parallel()
	root := func(d *faultDisk) Root { return &fileRoot{disk: d, path: faultRoot} }
	for way := range uint64(3) {
		for n := 1; ; n++ {
			d, m := newFaultDisk(way*10_000+uint64(n)), newModel()
			d.stopAt = n
			rest := workload()
			k, err := start(t, m, d, root(d))
			if err == nil {
				rest = m.run(t, k, d, rest)
			}
			if !d.dead {
				if len(rest) > 0 {
					t.Fatalf("without a cut: %v %v", err, m.errs)
				}
				t.Logf("%d file calls", n-1)
				break
			}
			for again := 1; ; again++ { // starts that are cut short as well
				d.revive()
				d.stopAt = again * 3
				k, err = start(t, m, d, root(d))
				if !d.dead {
					break
				}
			}
			d.stopAt = 0
			if err != nil {
				t.Fatalf("way %d, cut at call %d: start: %v", way, n, err)
			}
			if len(k.Alarms()) > 0 {
				t.Fatalf("way %d, cut at call %d: a cut is no damage: %v", way, n, k.Alarms())
			}
			m.check(t, k, d)
			if rest = m.run(t, k, d, rest); len(rest) > 0 {
				t.Fatalf("way %d, cut at call %d: going on: %v", way, n, m.errs)
			}
			m.check(t, k, d)
		}
	}
}

// TestDiskErrors lets each file call of a workload fail once; the program lives on, repeats the call, and starts again. F21, F22.
func TestDiskErrors(t *testing.T) {
	t.Parallel()
	for n := 1; ; n++ {
		d, m := newFaultDisk(uint64(n)), newModel()
		root := &fileRoot{disk: d, path: faultRoot}
		d.stopAt, d.fail = n, true
		k, err := start(t, m, d, root)
		if err != nil {
			if k, err = start(t, m, d, root); err != nil {
				t.Fatalf("error at call %d, second start: %v", n, err)
			}
		}
		rest := m.run(t, k, d, workload())
		if d.calls < n {
			return
		}
		for tries := 0; len(rest) > 0; tries++ {
			if err := m.errs[len(m.errs)-1]; errors.Is(err, ErrUnsure) || tries > 1 {
				if k, err = open(d, faultDir, root); err != nil {
					t.Fatalf("error at call %d: %v", n, err)
				}
			}
			m.check(t, k, d)
			if rest = m.run(t, k, d, rest); tries > 3 {
				t.Fatalf("error at call %d: never works again: %v", n, m.errs)
			}
		}
		if k, err = open(d, faultDir, root); err != nil {
			t.Fatalf("error at call %d: %v", n, err)
		}
		m.check(t, k, d)
	}
}
