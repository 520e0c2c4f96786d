package jetstream

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"protokoll/eventlog"
	"protokoll/eventlog/jetstream/blocks"
)

// spot is where a record stands on disk.
type spot struct {
	file   string
	record blocks.Record
}

// spots finds every record of the place's lane inbox.
func (p *place) spots() []spot {
	p.t.Helper()
	var all []spot
	for _, pattern := range []string{"segments/inbox-*", "live/jetstream/$G/streams/inbox-*"} {
		dirs, err := filepath.Glob(filepath.Join(p.dir, pattern))
		if err != nil {
			p.t.Fatal(err)
		}
		for _, dir := range dirs {
			all = append(all, p.spotsIn(dir)...)
		}
	}
	slices.SortFunc(all, func(a, b spot) int { return int(a.record.Number) - int(b.record.Number) })
	return all
}

func (p *place) spotsIn(dir string) []spot {
	p.t.Helper()
	_, hexID, _ := strings.Cut(filepath.Base(dir), "-")
	id, err := parseID(hexID)
	if err != nil {
		p.t.Fatal(err)
	}
	indexes, err := blocks.List(filepath.Join(dir, msgsFolder))
	if err != nil {
		p.t.Fatal(err)
	}
	var all []spot
	for _, i := range indexes {
		file := blocks.Path(filepath.Join(dir, msgsFolder), i)
		if err := blocks.Sound(streamIn(dir, eventlog.Inbox, id), i, func(r blocks.Record) { all = append(all, spot{file, r}) }); err != nil {
			p.t.Fatal(err)
		}
	}
	return all
}

func flip(t testing.TB, file string, at int64) {
	t.Helper()
	f, err := os.OpenFile(file, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	b := make([]byte, 1)
	if _, err := f.ReadAt(b, at); err != nil {
		t.Fatal(err)
	}
	b[0] ^= 0x10
	if _, err := f.WriteAt(b, at); err != nil {
		t.Fatal(err)
	}
}

// parts of a record in which a bit is flipped.
var recordParts = map[string]func(r blocks.Record) int64{
	"length":   func(r blocks.Record) int64 { return 0 },
	"number":   func(r blocks.Record) int64 { return 5 },
	"time":     func(r blocks.Record) int64 { return 13 },
	"subject":  func(r blocks.Record) int64 { return 24 },
	"mark":     func(r blocks.Record) int64 { return r.Size - 8 - int64(len(r.Payload)) + 8 },
	"payload":  func(r blocks.Record) int64 { return r.Size - 60 },
	"checksum": func(r blocks.Record) int64 { return r.Size - 3 },
}

// F16: one flipped bit, wherever it is, is named with file and offset and never served.
func TestOneFlippedBitInAClosedSegment(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	g := p.create()
	mustAppend(t, g, p.messages(0, 50))
	g.Close()
	for _, n := range []int{0, 25, 49} {
		for part, offset := range recordParts {
			t.Run(fmt.Sprint(part, " of record ", n+1), func(t *testing.T) {
				q := p.copyOf()
				s := q.spots()[n]
				flip(t, s.file, s.record.Offset+offset(s.record))
				place := fmt.Sprintf("%s at byte %d", s.file, s.record.Offset)
				g, err := Open(q.config())
				if err != nil { // the last record's checksum is compared at start
					checkDamage(t, err, s.file)
					return
				}
				defer g.Close()
				checkDamage(t, g.Verify(t.Context(), nil), place)
				last := uint64(0)
				err = g.Read(t.Context(), eventlog.Inbox, 1, 50, func(r []eventlog.Record) error {
					last = r[len(r)-1].Position.Number
					return nil
				})
				checkDamage(t, err, place)
				if last > uint64(n) {
					t.Errorf("%d events were served", last)
				}
				if err := g.Append(q.message(0)).Wait(t.Context()); !errors.Is(err, eventlog.ErrStopped) {
					t.Errorf("append to a damaged lane: %v", err)
				}
				checkDamage(t, <-g.Fatal(), place)
			})
		}
	}
}

func checkDamage(t *testing.T, err error, place string) {
	t.Helper()
	if !errors.Is(err, eventlog.ErrDamaged) || !strings.Contains(err.Error(), place) {
		t.Errorf("got %v, want damage in %s", err, place)
	}
}

// F16: the same in a segment that an unclean stop left open; all but the last command is known to have been on disk.
func TestOneFlippedBitBelowAMark(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	g := p.create()
	for n := range 20 {
		mustAppend(t, g, p.message(n))
	}
	killed := p.copyOf()
	os.Remove(filepath.Join(killed.dir, marksFile)) // as after a power cut: only the marks in the records are there
	for _, n := range []int{0, 10, 18} {
		for part, offset := range recordParts {
			t.Run(fmt.Sprint(part, " of record ", n+1), func(t *testing.T) {
				q := killed.copyOf()
				s := q.spots()[n]
				flip(t, s.file, s.record.Offset+offset(s.record))
				before := contents(t, q.dir)
				_, err := Open(q.config())
				checkDamage(t, err, fmt.Sprintf("%s at byte %d", s.file, s.record.Offset))
				if after := contents(t, q.dir); !sameContents(before, after) {
					t.Error("a refused start changed the folder")
				}
			})
		}
	}
}

// F1, F12: the last command may be torn or garbled at any byte: it is cut off, everything before it is kept.
func TestTornTail(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	g := p.create()
	for n := range 10 {
		mustAppend(t, g, p.message(n))
	}
	killed := p.copyOf()
	os.Remove(filepath.Join(killed.dir, marksFile))
	last := killed.spots()[9].record
	for cut := int64(0); cut < last.Size; cut += 9 {
		q := killed.copyOf()
		if err := os.Truncate(q.spots()[9].file, last.Offset+cut); err != nil {
			t.Fatal(err)
		}
		q.checkRecovered(t, 9)
	}
	for part, offset := range recordParts {
		t.Run(part, func(t *testing.T) {
			q := killed.copyOf()
			flip(t, q.spots()[9].file, last.Offset+offset(last))
			q.checkRecovered(t, 9)
		})
	}
}

// checkRecovered opens a place after an unclean stop and makes sure that the first messages are there, that numbers go on
// above the gap, that the gap is told, and that all of it holds at the next start too.
func (p *place) checkRecovered(t *testing.T, messages int) {
	t.Helper()
	g := p.open()
	texts, numbers := p.stanzas(g)
	checkStanzas(t, texts, 0, messages)
	r := mustAppend(t, g, p.message(messages))
	if n := r.Positions()[0].Number; messages > 0 && n <= numbers[messages-1] {
		t.Errorf("number %d after %d", n, numbers[messages-1])
	}
	texts, _ = p.stanzas(g)
	checkStanzas(t, texts, 0, messages+1)
	if err := g.Close(); err != nil {
		t.Fatal(err)
	}
	g = p.open()
	texts, _ = p.stanzas(g)
	checkStanzas(t, texts, 0, messages+1)
	l := g.lanes[eventlog.Inbox]
	if len(l.voids) > 0 && g.Mark(eventlog.Proof) == 0 {
		t.Error("the void numbers are told nowhere")
	}
	if err := g.Verify(t.Context(), nil); err != nil {
		t.Error(err)
	}
	g.Close()
}

// An incomplete command at a crash tail is void, however many of its events are intact.
func TestIncompleteCommandIsVoid(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	g := p.create()
	mustAppend(t, g, p.messages(0, 5))
	mustAppend(t, g, p.messages(5, 5))
	killed := p.copyOf()
	os.Remove(filepath.Join(killed.dir, marksFile))
	for n := 5; n < 10; n++ {
		q := killed.copyOf()
		s := q.spots()[n]
		if err := os.Truncate(s.file, s.record.Offset); err != nil {
			t.Fatal(err)
		}
		q.checkRecovered(t, 5)
	}
}

// F10: a kill leaves everything acknowledged, also without the marks.
func TestKilledFolderIsWhole(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	g := p.create()
	for n := range 10 {
		mustAppend(t, g, p.message(n))
		q := p.copyOf()
		q.checkRecovered(t, n+1)
		if voids := q.open().lanes[eventlog.Inbox].voids; len(voids) != 1 || voids[0].Last-voids[0].First < unacknowledged-1 {
			t.Errorf("void numbers %v after an unclean stop", voids)
		}
		q = p.copyOf()
		os.Remove(filepath.Join(q.dir, marksFile))
		q.checkRecovered(t, n+1)
	}
}

// F12, F16: whatever a crash or a bad disk makes of the blocks, a start finds a beginning of what was appended that holds
// everything any surviving mark promises, or it refuses.
func TestAnyDamage(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	g := p.create()
	for n := range 20 {
		mustAppend(t, g, p.message(n))
	}
	killed := p.copyOf()
	os.Remove(filepath.Join(killed.dir, marksFile))
	file := killed.spots()[0].file
	good, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(rt *rapid.T) {
		data := slices.Clone(good)
		at := rapid.IntRange(0, len(data)-1).Draw(rt, "at")
		if rapid.Bool().Draw(rt, "near the end") {
			at = len(data) - 1 - at%500
		}
		end := min(len(data), at+rapid.IntRange(1, 600).Draw(rt, "length"))
		switch rapid.SampledFrom([]string{"flip", "zero", "cut", "drop", "swap"}).Draw(rt, "damage") {
		case "flip":
			data[at] ^= byte(rapid.IntRange(1, 255).Draw(rt, "bits"))
		case "zero":
			clear(data[at:end])
		case "cut":
			data = data[:at]
		case "drop":
			data = slices.Delete(data, at, end)
		case "swap":
			data = slices.Concat(data[:at], data[end:], data[at:end])
		}
		q := killed.copyOf()
		defer os.RemoveAll(q.dir)
		if err := os.WriteFile(strings.Replace(file, killed.dir, q.dir, 1), data, 0o600); err != nil {
			rt.Fatal(err)
		}
		promised := uint64(0)
		for _, s := range q.spots() {
			mark, err := recordMark(s.record.Payload)
			if err != nil {
				rt.Fatal(err)
			}
			promised = max(promised, mark)
		}
		g, err := Open(q.config())
		if errors.Is(err, eventlog.ErrDamaged) {
			return
		}
		if err != nil {
			rt.Fatal(err)
		}
		defer g.Close()
		texts, _ := q.stanzas(g)
		checkStanzas(t, texts, 0, len(texts))
		if uint64(len(texts)) < promised {
			rt.Fatalf("%d events, and number %d was promised", len(texts), promised)
		}
	})
}
