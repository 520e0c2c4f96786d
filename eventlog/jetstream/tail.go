package jetstream

import (
	"sort"

	"protokoll/eventlog"
)

const (
	// tailFacts and tailBytes bound what a lane keeps in memory for followers; who falls behind reads the disk.
	tailFacts = 8192
	tailBytes = 8 << 20
	// batchFacts is how many events a follower gets at once, unless one command has more.
	batchFacts = 512
)

// tail is the newest events of a lane, without a gap except for void numbers. Slices of it are handed out, so it only grows
// or is made anew.
type tail struct {
	after   uint64 // number of the event before the first one held
	records []eventlog.Record
	bytes   int
}

// add appends a synced group; before is the number of the last event before it.
func (t *tail) add(l eventlog.Lane, group []*part, first, before uint64) {
	if len(t.records) == 0 {
		t.after = before
	}
	for _, p := range group {
		for i := range p.facts {
			f := &p.facts[i]
			t.records = append(t.records, eventlog.Record{
				Position: eventlog.Position{Lane: l, Number: first}, Envelope: f.envelope, Bytes: f.bytes, Sealed: f.sealed,
			})
			first++
		}
		t.bytes += p.bytes
	}
	if len(t.records) > tailFacts || t.bytes > tailBytes && len(t.records) > 1 {
		t.shrink()
	}
}

// shrink keeps the newer half.
func (t *tail) shrink() {
	half := len(t.records) / 2
	t.after = t.records[half-1].Position.Number
	t.keep(half)
}

// keep makes the records from an index on the only ones.
func (t *tail) keep(from int) {
	kept := append(make([]eventlog.Record, 0, tailFacts), t.records[from:]...)
	t.bytes = 0
	for i := range kept {
		t.bytes += recordSize(len(kept[i].Bytes), len(kept[i].Sealed))
	}
	t.records = kept
}

// forget lets go of everything up to a number, also of the memory.
func (t *tail) forget(number uint64) {
	i := sort.Search(len(t.records), func(i int) bool { return t.records[i].Position.Number > number })
	if i == 0 {
		return
	}
	t.after = t.records[i-1].Position.Number
	t.keep(i)
}

// from returns whole commands from number on, or false if they are not held any more.
func (t *tail) from(number uint64) ([]eventlog.Record, bool) {
	if number <= t.after || len(t.records) == 0 {
		return nil, false
	}
	i := sort.Search(len(t.records), func(i int) bool { return t.records[i].Position.Number >= number })
	end := min(i+batchFacts, len(t.records))
	for end < len(t.records) && end > i && t.records[end-1].Envelope.GetMore() {
		end++
	}
	return t.records[i:end:end], true
}
