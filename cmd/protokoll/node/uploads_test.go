package node

import (
	"encoding/hex"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"protokoll/accounts"
	"protokoll/eventlog"
	"protokoll/eventlog/seal"
	"protokoll/schemas"
	"protokoll/uploads"
)

// shelf is a store with a person's files, and a clock that the test moves.
type shelf struct {
	*Store
	t      *testing.T
	owner  *seal.Owner
	passed atomic.Int64 // nanoseconds
}

func openShelf(t *testing.T, folder string) *shelf {
	t.Helper()
	h, began := &shelf{t: t}, time.Now().Truncate(time.Second)
	elapsed := func() time.Duration { return time.Duration(h.passed.Load()) }
	s, err := OpenStore(t.Context(), StoreConfig{Folder: folder, Logger: slog.New(slog.DiscardHandler), ReserveBytes: 1 << 20,
		Clock: func() time.Time { return began.Add(elapsed()) }, Elapsed: elapsed})
	if err != nil {
		t.Fatal(err)
	}
	h.Store = s
	a, err := s.Accounts.Find("a.example", "anna")
	if errors.Is(err, accounts.ErrNoAccount) {
		if err := s.Accounts.Open(t.Context(), schemas.Cause_STAFF, accounts.NewAccount{Localpart: "anna", Domain: "a.example"}); err != nil {
			t.Fatal(err)
		}
		a, err = s.Accounts.Find("a.example", "anna")
	}
	if err != nil {
		t.Fatal(err)
	}
	h.owner = a.Owner
	return h
}

func (h *shelf) append(facts ...eventlog.Fact) {
	h.t.Helper()
	rc := h.Log.Append(eventlog.Command{Owner: h.owner, Cause: schemas.Cause_CLIENT, Facts: facts})
	if err := rc.Wait(h.t.Context()); err != nil {
		h.t.Fatal(err)
	}
	if err := h.State.Wait(h.t.Context(), rc.Positions()...); err != nil {
		h.t.Fatal(err)
	}
}

func (h *shelf) entity(id byte) schemas.EntityID {
	return h.owner.Entity(schemas.Family_UPLOAD_FACTS, hex.EncodeToString([]byte{id}))
}

// put stores a file, and its event unless it is to be left over.
func (h *shelf) put(id byte, leftOver bool) {
	h.t.Helper()
	w, err := h.Uploads.Create(4)
	if err != nil {
		h.t.Fatal(err)
	}
	if _, err := io.WriteString(w, "file"); err != nil {
		h.t.Fatal(err)
	}
	if err := w.Commit(h.owner.ID(), h.entity(id)); err != nil {
		h.t.Fatal(err)
	}
	if key := w.Key(); !leftOver {
		h.append(eventlog.Set(hex.EncodeToString([]byte{id}), &schemas.Uploaded{Id: []byte{id}, Size: 4, Key: key[:], FileName: "a"}))
	}
}

// awaitGone waits until the log's follower has unlinked a file.
func (h *shelf) awaitGone(id byte) {
	h.t.Helper()
	for end := time.Now().Add(20 * time.Second); h.Uploads.Has(h.owner.ID(), h.entity(id)); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			h.t.Fatalf("file %d is still there", id)
		}
	}
}

func (h *shelf) expectThere(id byte) {
	h.t.Helper()
	if !h.Uploads.Has(h.owner.ID(), h.entity(id)) {
		h.t.Errorf("file %d is gone", id)
	}
}

// A file goes with its event: ended, by age, with all of its owner's.
func TestFilesGoWithTheirEvents(t *testing.T) {
	t.Parallel()
	h := openShelf(t, t.TempDir())
	defer closeStore(t, h.Store)
	h.put(1, false)
	h.put(2, false)
	h.append(eventlog.End(schemas.Family_UPLOAD_FACTS, hex.EncodeToString([]byte{1})))
	h.awaitGone(1)
	h.expectThere(2)

	h.passed.Add(int64(h.Policy.UploadsFor() - time.Minute))
	h.put(3, false)
	if _, err := h.Retention.Sweep(t.Context(), eventlog.Lasting, false, nil); err != nil {
		t.Fatal(err)
	}
	h.expectThere(2)
	h.passed.Add(int64(2 * time.Minute))
	h.append(eventlog.Set("x", &schemas.PrivateElement{})) // the log's own time has to come there too
	if _, err := h.Retention.Sweep(t.Context(), eventlog.Lasting, false, nil); err != nil {
		t.Fatal(err)
	}
	h.awaitGone(2)
	h.expectThere(3)

	h.append(eventlog.Fact{Op: schemas.Op_CLOSE, Family: schemas.Family_ACCOUNT_FACTS})
	h.awaitGone(3)
}

// What a kill between file and event, or between event and file, has left is gone after the next start.
func TestLeftOverFiles(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	h := openShelf(t, folder)
	h.put(1, false)
	h.put(2, true)
	h.put(3, true)
	old := time.Now().Add(-2 * pruneGrace)
	for _, id := range []byte{1, 2} {
		e, o := h.entity(id), h.owner.ID()
		if err := os.Chtimes(filepath.Join(folder, UploadsFolder, o.String(), hex.EncodeToString(e[:])), old, old); err != nil {
			t.Fatal(err)
		}
	}
	closeStore(t, h.Store)
	h = openShelf(t, folder)
	defer closeStore(t, h.Store)
	h.awaitGone(2)
	h.expectThere(1)
	h.expectThere(3) // its event may be on its way
}

// After a restore there are events without files: they are ended.
func TestEndMissing(t *testing.T) {
	t.Parallel()
	h := openShelf(t, t.TempDir())
	defer closeStore(t, h.Store)
	h.put(1, false)
	h.put(2, false)
	if err := h.Uploads.Remove(h.owner.ID(), h.entity(2)); err != nil {
		t.Fatal(err)
	}
	for _, want := range []int{1, 0} {
		if n, err := h.endMissing(t.Context()); n != want || err != nil {
			t.Errorf("%d ended, %v", n, err)
		}
		if err := h.State.Wait(t.Context(), h.marks()...); err != nil {
			t.Fatal(err)
		}
	}
	facts, err := h.State.Facts(h.owner.ID(), schemas.Family_UPLOAD_FACTS)
	if err != nil || len(facts) != 1 || facts[0].Entity != h.entity(1) {
		t.Errorf("%v, %v", facts, err)
	}
	if _, err := h.Uploads.Read(h.owner.ID(), h.entity(2), uploads.Key{}, 4); !errors.Is(err, uploads.ErrMissing) {
		t.Error(err)
	}
}
