package seal

import (
	"errors"
	"path/filepath"
	"testing"

	"protokoll/schemas"
)

// TestCopy sees to it that a copy opens with its own root key only, and that forgetting in one place is not forgetting in both.
func TestCopy(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	live, err := Create(filepath.Join(dir, "keys"), FileRoot(filepath.Join(dir, "root.key")))
	if err != nil {
		t.Fatal(err)
	}
	ids := make([]schemas.OwnerID, 3*pageSlots)
	for i := range ids {
		ids[i] = schemas.NewOwnerID()
	}
	segment := SegmentID{7}
	if err := errors.Join(live.Add(ids...), live.Forget(ids[:pageSlots+3]...)); err != nil {
		t.Fatal(err)
	}
	if _, err := live.AddSegment(segment); err != nil {
		t.Fatal(err)
	}
	aside, root := filepath.Join(dir, "copy", "keys"), FileRoot(filepath.Join(dir, "copy", "root.key"))
	if err := live.CopyTo(aside, root, nil); err != nil {
		t.Fatal(err)
	}
	if err := live.CopyTo(aside, root, nil); !errors.Is(err, ErrExists) {
		t.Errorf("a second copy over the first: %v", err)
	}
	if err := errors.Join(live.Forget(ids[pageSlots+3]), live.ForgetSegments(segment)); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenKeybook(aside, FileRoot(filepath.Join(dir, "root.key"))); err == nil {
		t.Error("the copy opens with the live root key")
	}
	c, err := OpenKeybook(aside, root)
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Alarms()) > 0 || c.Secret("x") != live.Secret("x") {
		t.Errorf("alarms %v, or another server key", c.Alarms())
	}
	for i, id := range ids {
		_, err := c.Owner(id)
		if forgotten := i < pageSlots+3; errors.Is(err, ErrForgotten) != forgotten {
			t.Fatalf("key %d: %v", i, err)
		}
	}
	if _, err := c.Segment(segment); err != nil {
		t.Error(err)
	}
	if err := c.CopyTo(filepath.Join(dir, "bare", "keys"), FileRoot(filepath.Join(dir, "bare", "root.key")), func(SegmentID) bool { return false }); err != nil {
		t.Fatal(err)
	}
	bare, err := OpenKeybook(filepath.Join(dir, "bare", "keys"), FileRoot(filepath.Join(dir, "bare", "root.key")))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := bare.Segment(segment); !errors.Is(err, ErrForgotten) {
		t.Errorf("the key of a segment that was left out: %v", err)
	}
}
