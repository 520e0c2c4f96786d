package state

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	bolt "go.etcd.io/bbolt"

	"protokoll/eventlog"
	"protokoll/schemas"
)

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

// TestAheadOfTheLog refuses a state that has seen more than the log holds, and leaves it as it is. F18.
func TestAheadOfTheLog(t *testing.T) {
	t.Parallel()
	log, dir := newMemLog(), t.TempDir()
	_, stop := running(t, dir, log)
	for n := range uint64(3) {
		log.put(eventlog.Lasting, set(1, n, roster), nil)
	}
	s2, stop2 := func() (*State, func()) { stop(); return running(t, dir, log) }()
	before := digest(t, s2)
	stop2()
	shorter := newMemLog()
	shorter.put(eventlog.Lasting, set(1, 0, roster), nil)
	_, err := Open(dir, shorter, quiet())
	if !errors.Is(err, ErrAhead) || !strings.Contains(err.Error(), "lasting stands at 3, the log ends at 1") {
		t.Errorf("%v, want ErrAhead that names lane and numbers", err)
	}
	s3, _ := running(t, dir, log)
	if got := digest(t, s3); got.SHA256 != before.SHA256 {
		t.Error("the refused state was touched")
	}
}

// TestUnknownTypeStops names type, version and position, tells those who wait, and keeps what was folded before.
func TestUnknownTypeStops(t *testing.T) {
	t.Parallel()
	log, dir := newMemLog(), t.TempDir()
	log.put(eventlog.Lasting, set(1, 1, roster), []byte{7})
	newer := set(1, 2, roster)
	newer.Version = 5
	p := log.put(eventlog.Lasting, newer, nil)
	s, err := Open(dir, log, quiet())
	if err != nil {
		t.Fatal(err)
	}
	waited := make(chan error, 1)
	go func() { waited <- s.Wait(context.Background(), p) }()
	err = s.Run(context.Background())
	if !errors.Is(err, schemas.ErrUnknownType) || !strings.Contains(err.Error(), `lasting/2 is "roster.item" version 5`) {
		t.Errorf("Run: %v", err)
	}
	if err := <-waited; !errors.Is(err, schemas.ErrUnknownType) {
		t.Errorf("Wait: %v", err)
	}
	if err := s.Caught(context.Background()); !errors.Is(err, schemas.ErrUnknownType) {
		t.Errorf("Caught: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestWait(t *testing.T) {
	t.Parallel()
	log, dir := newMemLog(), t.TempDir()
	s, stop := running(t, dir, log)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := s.Wait(ctx, eventlog.Position{Lane: eventlog.Lasting, Number: 1}); !errors.Is(err, context.Canceled) {
		t.Errorf("ended context: %v", err)
	}
	if s.lanes[eventlog.Lasting].waiters.Any() {
		t.Error("somebody is left behind who does not wait any more")
	}
	if err := s.Wait(ctx, eventlog.Position{Lane: eventlog.Proof, Number: 9}); err != nil {
		t.Errorf("a lane that is not folded: %v", err)
	}
	var all sync.WaitGroup
	for n := range uint64(50) {
		all.Go(func() {
			p := []eventlog.Position{{Lane: eventlog.Lasting, Number: n + 1}, {Lane: eventlog.Now, Number: n/2 + 1}}
			if err := s.Wait(context.Background(), p...); err != nil {
				t.Error(err)
			}
		})
	}
	for n := range uint64(50) {
		log.put(eventlog.Lasting, set(1, n, roster), nil)
		log.put(eventlog.Now, set(1, n, session), nil)
	}
	all.Wait()
	waited := make(chan error, 1)
	go func() { waited <- s.Wait(context.Background(), eventlog.Position{Lane: eventlog.Lasting, Number: 99}) }()
	stop()
	if err := <-waited; err == nil {
		t.Error("Wait outlived the state")
	}
}

// sweptTail is a log whose last numbers were swept.
type sweptTail struct{ *memLog }

const sweptNumbers = 7

func (l sweptTail) Mark(lane eventlog.Lane) uint64 { return l.memLog.Mark(lane) + sweptNumbers }

// TestSweptTail: a state that folds the log from its beginning never meets the numbers at its end that were swept.
func TestSweptTail(t *testing.T) {
	t.Parallel()
	log := sweptTail{newMemLog()}
	log.put(eventlog.Inbox, set(1, 1, offline), nil)
	s, _ := running(t, t.TempDir(), log) // lanes lasting and now hold nothing any more
	if err := s.Caught(t.Context()); err != nil {
		t.Error(err)
	}
	for _, l := range []eventlog.Lane{eventlog.Now, eventlog.Inbox, eventlog.Lasting} {
		wait(t, s, eventlog.Position{Lane: l, Number: log.Mark(l)})
	}
}

// TestFullDisk keeps folding and answering in memory, and catches up when there is room. F21.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	log, dir := newMemLog(), t.TempDir()
	s, err := Open(dir, log, quiet())
	if err != nil {
		t.Fatal(err)
	}
	var room atomic.Bool
	tried := make(chan struct{}, 100)
	for _, l := range s.lanes {
		l.write = func(f *file, above *layer, number, events uint64) error {
			if !room.Load() {
				tried <- struct{}{}
				return &os.PathError{Op: "write", Path: f.path, Err: syscall.ENOSPC}
			}
			return f.commit(above, number, events)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	wait(t, s, log.put(eventlog.Lasting, set(1, 1, roster), []byte{1}))
	<-tried
	wait(t, s, log.put(eventlog.Lasting, set(1, 2, roster), []byte{2}))
	wait(t, s, log.put(eventlog.Lasting, end(1, 1, roster), nil))
	<-tried
	if got := payloads(t, s, 1, roster); !bytes.Equal(got, []byte{2}) {
		t.Errorf("facts %v while the disk is full", got)
	}
	room.Store(true)
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("Run: %v", err)
	}
	if got := s.lanes[eventlog.Lasting].stored; got != 3 {
		t.Errorf("%d events are stored, want 3", got)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestDamageWhileRunning changes a stored fact under a running state. The read fails, the file is folded anew, reads succeed.
func TestDamageWhileRunning(t *testing.T) {
	t.Parallel()
	log, dir := newMemLog(), t.TempDir()
	_, stop := running(t, dir, log)
	for n := range uint64(10) {
		log.put(eventlog.Lasting, set(n, 1, roster), []byte("payload"))
	}
	stop()
	told := make(messages, 10)
	s, _ := runningWith(t, dir, log, slog.New(told))
	damage(t, s, 3)
	for r := range told {
		if r == "the state file is folded anew" {
			break
		}
	}
	if got := payloads(t, s, 3, roster); string(got) != "payload" {
		t.Errorf("after mending: %q", got)
	}
	wait(t, s, log.put(eventlog.Lasting, set(3, 2, roster), []byte("!")))
	same(t, s, log)
}

// damage changes the stored fact of an owner, and reads it.
func damage(t *testing.T, s *State, owner uint64) {
	t.Helper()
	l := s.lanes[eventlog.Lasting]
	l.mu.Lock()
	err := l.file.db.Update(func(tx *bolt.Tx) error {
		g := group{uint16(roster), [16]byte(id(owner))}
		key := g.key([16]byte(id(1)))
		v := bytes.Clone(tx.Bucket(bucketFacts).Get(key[:]))
		v[len(v)-1] ^= 1
		return tx.Bucket(bucketFacts).Put(key[:], v)
	})
	l.mu.Unlock()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Facts(schemas.OwnerID(id(owner)), roster); !errors.Is(err, errDamaged) {
		t.Fatalf("a changed fact was served: %v", err)
	}
}

// sweptLog calls tap behind each batch that is read.
type sweptLog struct {
	*memLog
	tap func()
}

func (l sweptLog) Read(ctx context.Context, lane eventlog.Lane, from, upTo uint64, fn func([]eventlog.Record) error) error {
	return l.memLog.Read(ctx, lane, from, upTo, func(records []eventlog.Record) error {
		defer l.tap()
		return fn(records)
	})
}

// TestMendingBesideASweep drops facts and their ends, which is what a sweep may do while nobody reads the whole lane, between two
// batches of a lane that is mended. Facts whose ends were dropped would come back for good.
func TestMendingBesideASweep(t *testing.T) {
	t.Parallel()
	log, dir, told := newMemLog(), t.TempDir(), make(messages, 10)
	for _, make := range []func(uint64, uint64, schemas.Family) *schemas.Envelope{
		func(o, e uint64, f schemas.Family) *schemas.Envelope { return set(o, e, f) }, end,
	} {
		for n := range uint64(300) {
			log.put(eventlog.Lasting, make(1, n, roster), []byte("ended"))
		}
	}
	last := log.put(eventlog.Lasting, set(3, 1, roster), []byte("lives"))
	var whole sync.RWMutex
	swept := sweptLog{log, func() {
		if whole.TryLock() {
			defer whole.Unlock()
			log.drop(eventlog.Lasting, 600)
		}
	}}
	_, stop := running(t, dir, log)
	stop()
	s, err := Open(dir, swept, slog.New(told))
	if err != nil {
		t.Fatal(err)
	}
	s.MendUnder(whole.RLocker())
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	wait(t, s, last)
	damage(t, s, 3)
	for r := range told {
		if r == "the state file is folded anew" {
			break
		}
	}
	if got := payloads(t, s, 1, roster); len(got) > 0 {
		t.Errorf("%d bytes of facts came back that have ended", len(got))
	}
	swept.tap()
	if n := len(log.lanes[eventlog.Lasting]); n != 1 {
		t.Errorf("%d events are left: the sweep is kept from dropping for good", n)
	}
	cancel()
	<-ended
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// without leaves the first records of a lane out.
type without struct {
	*memLog
	first uint64
}

func (l without) Read(ctx context.Context, lane eventlog.Lane, from, upTo uint64, fn func([]eventlog.Record) error) error {
	return l.memLog.Read(ctx, lane, max(from, l.first), upTo, fn)
}

// TestMendingGoesByTheView: what a sweep is about to drop does not come back into the file.
func TestMendingGoesByTheView(t *testing.T) {
	t.Parallel()
	log, dir := newMemLog(), t.TempDir()
	log.put(eventlog.Lasting, set(1, 1, roster), []byte("dropped"))
	log.put(eventlog.Lasting, end(1, 1, roster), nil)
	last := log.put(eventlog.Lasting, set(3, 1, roster), []byte("lives"))
	_, stop := running(t, dir, log)
	stop()
	told, read := make(messages, 10), make(chan struct{}, 10)
	s, stop := runningWith(t, dir, sweptLog{log, func() { read <- struct{}{} }}, slog.New(told))
	wait(t, s, last)
	if err := s.RenewLaneOn(t.Context(), eventlog.Lasting, without{log, 3}); err != nil {
		t.Fatal(err)
	}
	damage(t, s, 3)
	for r := range told {
		if r == "the state file is folded anew" {
			break
		}
	}
	if got := payloads(t, s, 3, roster); string(got) != "lives" || len(read) > 0 {
		t.Errorf("%q; the log itself was read %d times", got, len(read))
	}
	stop()
}

// messages hands out what is logged.
type messages chan string

func (m messages) Enabled(context.Context, slog.Level) bool { return true }
func (m messages) WithAttrs([]slog.Attr) slog.Handler       { return m }
func (m messages) WithGroup(string) slog.Handler            { return m }

func (m messages) Handle(_ context.Context, r slog.Record) error {
	m <- r.Message
	return nil
}

// TestRebuildInUse throws the state away while people read and write.
func TestRebuildInUse(t *testing.T) {
	t.Parallel()
	log, dir := newMemLog(), t.TempDir()
	s, stop := running(t, dir, log)
	for n := range uint64(2000) {
		log.put(eventlog.Lasting, set(n%50, n%7, roster), []byte{1})
		log.put(eventlog.Now, set(n%50, n%7, session), []byte{1})
	}
	wait(t, s, eventlog.Position{Lane: eventlog.Now, Number: 2000})
	ctx, cancel := context.WithCancel(context.Background())
	var busy sync.WaitGroup
	busy.Go(func() {
		for n := uint64(0); ctx.Err() == nil; n++ {
			p := log.put(eventlog.Lasting, set(n%50, 100, roster), []byte{2})
			if err := s.Wait(ctx, p); err != nil && ctx.Err() == nil {
				t.Error(err)
			}
		}
	})
	busy.Go(func() {
		for ctx.Err() == nil {
			if err := s.Each(roster, func(f Fact) error { _, err := s.Facts(f.Owner, roster); return err }); err != nil {
				t.Error(err)
			}
		}
	})
	for range 5 {
		var last atomic.Uint64
		err := s.Rebuild(ctx, func(l eventlog.Lane, done, total uint64) {
			if l == eventlog.Now {
				last.Store(done)
			}
		})
		if err != nil || last.Load() != 2000 {
			t.Errorf("rebuild in use: %v, progress %d", err, last.Load())
		}
	}
	cancel()
	busy.Wait()
	same(t, s, log)
	stop()
	s, _ = running(t, dir, log)
	same(t, s, log)
	if left, err := filepath.Glob(filepath.Join(dir, "*"+renewed)); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
}

// TestCommandsAreWhole never shows half a command: two facts that are always set together always agree.
func TestCommandsAreWhole(t *testing.T) {
	t.Parallel()
	log, dir := newMemLog(), t.TempDir()
	s, _ := running(t, dir, log)
	ctx, cancel := context.WithCancel(context.Background())
	var busy sync.WaitGroup
	busy.Go(func() {
		for n := byte(0); ctx.Err() == nil; n++ {
			first := set(1, 1, roster)
			first.More = true
			log.putAll(eventlog.Lasting, []eventlog.Record{
				{Envelope: first, Sealed: []byte{n}}, {Envelope: set(1, 2, roster), Sealed: []byte{n}},
			})
			if err := s.Wait(ctx, eventlog.Position{Lane: eventlog.Lasting, Number: log.Mark(eventlog.Lasting)}); err != nil && ctx.Err() == nil {
				t.Error(err)
			}
		}
	})
	for range 5000 {
		if got := payloads(t, s, 1, roster); len(got) != 0 && (len(got) != 2 || got[0] != got[1]) {
			t.Fatalf("half a command: %v", got)
		}
	}
	cancel()
	busy.Wait()
}

// TestLargeGroups goes over the size from which on a group in a layer has an index.
func TestLargeGroups(t *testing.T) {
	t.Parallel()
	log, dir := newMemLog(), t.TempDir()
	s, _ := running(t, dir, log)
	var last eventlog.Position
	for n := range uint64(3 * manyRows) {
		last = log.put(eventlog.Now, set(1, n, session), []byte{byte(n)})
	}
	for n := range uint64(3 * manyRows) {
		if n%3 != 0 {
			last = log.put(eventlog.Now, end(1, n, session), nil)
		}
	}
	wait(t, s, last)
	got := payloads(t, s, 1, session)
	for n := range uint64(3 * manyRows) {
		if kept := bytes.IndexByte(got, byte(n)) >= 0; kept != (n%3 == 0) {
			t.Errorf("entity %d: kept %v", n, kept)
		}
	}
	same(t, s, log)
}

func digest(t *testing.T, s *State) Digest {
	t.Helper()
	d, err := s.Digest(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func FuzzValue(f *testing.F) {
	key := group{1, [16]byte{2}}.key([16]byte{3})
	f.Add(make([]byte, valueHead))
	f.Fuzz(func(t *testing.T, v []byte) {
		if len(v) >= valueHead { // a right checksum lets the lengths be read
			sum := checksum(&key, v)
			v[0], v[1], v[2], v[3] = byte(sum>>24), byte(sum>>16), byte(sum>>8), byte(sum)
		}
		if checkValue(&key, v) == nil {
			g, entity := splitKey(key[:])
			decodeValue(eventlog.Lasting, g, entity, v)
			handlesOf(v)
		}
	})
}
