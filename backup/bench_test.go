package backup_test

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"protokoll/backup"
	"protokoll/eventlog"
	"protokoll/schemas"
)

// benchEvents is how many events the store of a benchmark holds.
const benchEvents = 200_000

// BenchmarkBackup writes, verifies and unpacks a backup of 200,000 roster items, and a second one that links to the first.
func BenchmarkBackup(b *testing.B) {
	s := newStore(b)
	var last *eventlog.Receipt
	for i := 0; i < benchEvents; i += 100 {
		var facts []eventlog.Fact
		for j := range 100 {
			item := &schemas.RosterItem{Contact: fmt.Sprintf("contact%d@example.org", i+j), Name: "Some Body", Groups: []string{"Friends"}, Listed: true}
			facts = append(facts, eventlog.Set(item.Contact, item))
		}
		last = s.log.Append(eventlog.Command{Owner: s.owner, Cause: schemas.Cause_CLIENT, Facts: facts})
	}
	if err := last.Wait(b.Context()); err != nil {
		b.Fatal(err)
	}
	dir := b.TempDir()
	first := s.backup(b, backup.Options{Dir: dir})
	e, keys := find(b, dir)
	b.Run("full", func(b *testing.B) {
		b.SetBytes(first.Copied)
		for b.Loop() {
			s.backup(b, backup.Options{Dir: b.TempDir()})
		}
	})
	b.Run("incremental", func(b *testing.B) {
		for b.Loop() {
			s.backup(b, backup.Options{Dir: dir, Incremental: true})
		}
	})
	b.Run("verify", func(b *testing.B) {
		b.SetBytes(first.Copied)
		for b.Loop() {
			if _, err := backup.Verify(b.Context(), e, keys, nil); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("unpack", func(b *testing.B) {
		b.SetBytes(first.Copied)
		n := 0
		for b.Loop() {
			n++
			to := filepath.Join(b.TempDir(), fmt.Sprint(n))
			if _, err := backup.Unpack(b.Context(), e, keys, to, backup.Seen{}, time.Now(), nil); err != nil {
				b.Fatal(err)
			}
		}
	})
}
