package state

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"

	bolt "go.etcd.io/bbolt"

	"protokoll/eventlog"
	"protokoll/projections"
	"protokoll/schemas"
)

const presence = schemas.Family_PRESENCE_FACTS

// countedLog counts what is read of lane now.
type countedLog struct {
	*memLog
	mu     sync.Mutex
	events int
	from   uint64 // the first number that was read
}

func (c *countedLog) Follow(ctx context.Context, l eventlog.Lane, from uint64, fn func([]eventlog.Record) error) error {
	return c.Read(ctx, l, from, 1<<63, fn)
}

func (c *countedLog) Read(ctx context.Context, l eventlog.Lane, from, upTo uint64, fn func([]eventlog.Record) error) error {
	if l != eventlog.Now {
		return c.memLog.Read(ctx, l, from, upTo, fn)
	}
	return c.memLog.Read(ctx, l, from, upTo, func(records []eventlog.Record) error {
		c.mu.Lock()
		if c.events == 0 {
			c.from = records[0].Position.Number
		}
		c.events += len(records)
		c.mu.Unlock()
		return fn(records)
	})
}

// recount tells what was read since the last call, and from where on.
func (c *countedLog) recount() (events int, from uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	events, c.events = c.events, 0
	return events, c.from
}

const nowEvents = 1000

// fillNow writes presences and sessions: overwritten, ended and closed.
func fillNow(log *memLog) eventlog.Position {
	for n := range uint64(nowEvents - 1) {
		switch {
		case n%13 == 12:
			log.put(eventlog.Now, end(n%40, n%3, presence), nil)
		case n%5 == 0:
			log.put(eventlog.Now, set(n%40, n%3, session), []byte{byte(n)})
		default:
			log.put(eventlog.Now, set(n%40, n%3, presence), []byte{byte(n)})
		}
	}
	return log.put(eventlog.Now, closed(7), nil)
}

// stopped is a folder after a clean stop, with the log and the digest it had.
func stopped(t *testing.T) (dir string, log *countedLog, was Digest) {
	t.Helper()
	dir, log = t.TempDir(), &countedLog{memLog: newMemLog()}
	s, stop := running(t, dir, log)
	wait(t, s, fillNow(log.memLog))
	was = digest(t, s)
	stop()
	log.recount()
	return dir, log, was
}

func equal(t *testing.T, s *State, was Digest) {
	t.Helper()
	if got := digest(t, s); got.SHA256 != was.SHA256 || got.Events != was.Events {
		t.Errorf("%s after %d events, want %s after %d", got, got.Events, was, was.Events)
	}
}

func gone(t *testing.T, dir string) {
	t.Helper()
	if _, err := os.Stat(filepath.Join(dir, "now.db")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("now.db lies there while the state is used, or cannot be asked about: %v", err)
	}
}

// TestCleanStart folds nothing again, keeps no file while it runs, and goes on with what is appended.
func TestCleanStart(t *testing.T) {
	t.Parallel()
	dir, log, was := stopped(t)
	for range 3 {
		s, err := Open(dir, log, quiet())
		if err != nil {
			t.Fatal(err)
		}
		gone(t, dir)
		equal(t, s, was)
		if err := s.Close(); err != nil { // without Run: the file comes back
			t.Fatal(err)
		}
	}
	s, stop := running(t, dir, log)
	equal(t, s, was)
	onlyNew(t, s, log)
	same(t, s, log)
	gone(t, dir)
	stop()
}

// TestLogStopsFirst closes the log before the state, as the server does.
func TestLogStopsFirst(t *testing.T) {
	t.Parallel()
	dir, log := t.TempDir(), &countedLog{memLog: newMemLog()}
	fillNow(log.memLog)
	s, err := Open(dir, log, quiet())
	if err != nil {
		t.Fatal(err)
	}
	log.ended = fmt.Errorf("lane now: %w", eventlog.ErrStopped)
	if err := s.Run(context.Background()); !errors.Is(err, eventlog.ErrStopped) {
		t.Fatal(err)
	}
	was := digest(t, s)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	log.ended = nil
	log.recount()
	s, _ = running(t, dir, log)
	equal(t, s, was)
	onlyNew(t, s, log)
}

// onlyNew appends an event and finds that it alone was read.
func onlyNew(t *testing.T, s *State, log *countedLog) {
	t.Helper()
	wait(t, s, log.put(eventlog.Now, set(3, 1, presence), []byte("!")))
	if events, from := log.recount(); events != 1 || from != nowEvents+1 {
		t.Errorf("%d events were read from %d on", events, from)
	}
}

// TestKilled leaves no file of lane now, and folds the lane again.
func TestKilled(t *testing.T) {
	t.Parallel()
	dir, log, was := stopped(t)
	s, _ := running(t, dir, log)
	cut := t.TempDir()
	copyFiles(t, dir, cut)
	gone(t, cut)
	log.recount()
	again, _ := running(t, cut, log)
	if events, from := log.recount(); events != nowEvents || from != 1 {
		t.Errorf("%d events were read from %d on", events, from)
	}
	equal(t, s, was)
	equal(t, again, was)
}

// TestKilledWhileClosing meets what a crash leaves of a file that was being written: nothing but that it stands at 0.
func TestKilledWhileClosing(t *testing.T) {
	t.Parallel()
	dir, log, was := stopped(t)
	f, err := createFile(filepath.Join(dir, "now.db"), eventlog.Now)
	if err == nil {
		err = f.close()
	}
	if err != nil {
		t.Fatal(err)
	}
	s, _ := running(t, dir, log)
	if events, from := log.recount(); events != nowEvents || from != 1 {
		t.Errorf("%d events were read from %d on", events, from)
	}
	equal(t, s, was)
}

// TestDamagedSnapshot ignores a file with any damage, says so, removes it and folds the lane again.
func TestDamagedSnapshot(t *testing.T) {
	t.Parallel()
	cases := map[string]func(t *testing.T, name string){
		"a bit of a value": func(t *testing.T, name string) {
			change(t, name, func(tx *bolt.Tx) error {
				k, v := tx.Bucket(bucketFacts).Cursor().First()
				v = bytes.Clone(v)
				v[len(v)-1] ^= 1
				return tx.Bucket(bucketFacts).Put(bytes.Clone(k), v)
			})
		},
		"a fact is missing": func(t *testing.T, name string) {
			change(t, name, func(tx *bolt.Tx) error {
				k, _ := tx.Bucket(bucketFacts).Cursor().First()
				return tx.Bucket(bucketFacts).Delete(bytes.Clone(k))
			})
		},
		"of another lane": func(t *testing.T, name string) {
			change(t, name, func(tx *bolt.Tx) error { return tx.Bucket(bucketMeta).Put(keyMeta, meta{}.encode(eventlog.Inbox)) })
		},
		"cut off": func(t *testing.T, name string) {
			if err := os.Truncate(name, 9000); err != nil {
				t.Fatal(err)
			}
		},
		"empty": func(t *testing.T, name string) {
			if err := os.Truncate(name, 0); err != nil {
				t.Fatal(err)
			}
		},
	}
	for name, harm := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir, log, was := stopped(t)
			harm(t, filepath.Join(dir, "now.db"))
			told := make(messages, 10)
			s, _ := runningWith(t, dir, log, slog.New(told))
			gone(t, dir)
			if events, from := log.recount(); events != nowEvents || from != 1 {
				t.Errorf("%d events were read from %d on", events, from)
			}
			equal(t, s, was)
			if len(told) != 1 || <-told != "a state file is damaged and folded anew" {
				t.Error("nobody was told")
			}
		})
	}
}

// change changes a file that nobody uses.
func change(t *testing.T, name string, fn func(*bolt.Tx) error) {
	t.Helper()
	db, err := bolt.Open(name, 0o600, nil)
	if err == nil {
		err = errors.Join(db.Update(fn), db.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
}

// TestRefusedSnapshot refuses to start and leaves the file as it was: ahead of the log, or with facts that a newer program
// folded, or beside another lane that is refused. F18.
func TestRefusedSnapshot(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		prepare func(t *testing.T, dir string, log *countedLog) eventlog.Log
		want    error
	}{
		"ahead of the log": {func(_ *testing.T, _ string, log *countedLog) eventlog.Log {
			shorter := newMemLog()
			shorter.putAll(eventlog.Now, log.lanes[eventlog.Now][:nowEvents-1])
			return shorter
		}, ErrAhead},
		"another lane is ahead": {func(t *testing.T, dir string, log *countedLog) eventlog.Log {
			change(t, filepath.Join(dir, "lasting.db"), func(tx *bolt.Tx) error {
				return tx.Bucket(bucketMeta).Put(keyMeta, meta{number: 1}.encode(eventlog.Lasting))
			})
			return log
		}, ErrAhead},
		"of a newer program": {func(t *testing.T, dir string, log *countedLog) eventlog.Log {
			g, entity := group{uint16(presence), [16]byte(id(1))}, [16]byte(id(1))
			key := g.key(entity)
			newer := &projections.Event{Position: eventlog.Position{Lane: eventlog.Now, Number: nowEvents}, Rank: nowEvents}
			newer.Type, newer.Version = typeOf(presence), 9
			v, err := encodeValue(&key, newer)
			if err != nil {
				t.Fatal(err)
			}
			l := newLayer()
			l.put(g, entity, v)
			f, _, err := openFile(filepath.Join(dir, "now.db"), eventlog.Now)
			if err == nil {
				err = errors.Join(f.commit(l, nowEvents, nowEvents), f.close())
			}
			if err != nil {
				t.Fatal(err)
			}
			return log
		}, schemas.ErrUnknownType},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir, log, _ := stopped(t)
			other := c.prepare(t, dir, log)
			before, err := os.ReadFile(filepath.Join(dir, "now.db"))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := Open(dir, other, quiet()); !errors.Is(err, c.want) {
				t.Errorf("%v, want %v", err, c.want)
			}
			after, err := os.ReadFile(filepath.Join(dir, "now.db"))
			if err != nil || !bytes.Equal(before, after) {
				t.Errorf("the refused file was touched: %v", err)
			}
		})
	}
}

// TestNoSnapshotOfAFailedLane writes nothing when the fold was stopped by what it met.
func TestNoSnapshotOfAFailedLane(t *testing.T) {
	t.Parallel()
	log, dir := newMemLog(), t.TempDir()
	fillNow(log)
	newer := set(1, 2, presence)
	newer.Version = 9
	log.put(eventlog.Now, newer, nil)
	s, err := Open(dir, log, quiet())
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Run(context.Background()); !errors.Is(err, schemas.ErrUnknownType) {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	gone(t, dir)
}

// TestSnapshotOnAFullDisk stops all the same and leaves nothing half-written. F21.
func TestSnapshotOnAFullDisk(t *testing.T) {
	t.Parallel()
	dir, log, was := stopped(t)
	told := make(messages, 10)
	s, err := Open(dir, log, slog.New(told))
	if err != nil {
		t.Fatal(err)
	}
	s.lanes[eventlog.Now].write = func(f *file, _ *layer, _, _ uint64) error {
		return &os.PathError{Op: "write", Path: f.path, Err: syscall.ENOSPC}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	gone(t, dir)
	if len(told) != 1 {
		t.Error("nobody was told")
	}
	s, _ = running(t, dir, log)
	equal(t, s, was)
}

// TestRebuildThrowsSnapshotsAway folds lane now from its beginning even if a file is there.
func TestRebuildThrowsSnapshotsAway(t *testing.T) {
	t.Parallel()
	dir, log, was := stopped(t)
	d, err := Rebuild(context.Background(), dir, log, nil, nil)
	if err != nil || d.SHA256 != was.SHA256 || d.Events != was.Events {
		t.Errorf("rebuilt %s after %d: %v", d, d.Events, err)
	}
	if events, from := log.recount(); events != nowEvents || from != 1 {
		t.Errorf("%d events were read from %d on", events, from)
	}
	s, _ := running(t, dir, log)
	equal(t, s, was)
}
