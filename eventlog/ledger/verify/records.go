package verify

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"

	"protokoll/eventlog"
	"protokoll/eventlog/seal"
	"protokoll/schemas"
)

// The fates of numbers that no rule erased.
const (
	fateMoved = "moved"
	fateHeld  = "held"
	fateVoid  = "void"
)

// records is what lane proof says.
type records struct {
	erased map[eventlog.Lane]map[string]*erasure // by segment, in hex
	voids  map[eventlog.Lane][]numbers
	lost   map[eventlog.Lane]uint64 // the last number that a restore left out; copies of moved events may have stood there
	epochs map[uint64]*schemas.EpochBegun
}

// erasure is what became of one segment's numbers.
type erasure struct {
	parts map[uint32]part
	of    uint32 // how many parts there are
	at    uint64 // number of the record in lane proof that came last
}

type part struct {
	numbers
	runs []run
}

type run struct {
	numbers
	fate string
}

func newRecords() records {
	return records{
		erased: map[eventlog.Lane]map[string]*erasure{}, voids: map[eventlog.Lane][]numbers{}, lost: map[eventlog.Lane]uint64{},
		epochs: map[uint64]*schemas.EpochBegun{},
	}
}

// takeRecord opens the records that say what became of numbers.
func (r *reading) takeRecord(m *schemas.Envelope, e event) error {
	if m.GetOp() != schemas.Op_SET {
		return nil
	}
	switch m.GetType() {
	case "proof.erased", "proof.void", "proof.epoch":
	default:
		return nil
	}
	about, err := seal.AboutOf(m)
	if err != nil {
		return err
	}
	message, err := eventlog.Open(r.keys.Server(), about, e.sealed)
	if err != nil {
		return err
	}
	switch p := message.(type) {
	case *schemas.SegmentErased:
		return r.records.addErased(p, e.number)
	case *schemas.NumbersVoid:
		l := eventlog.Lane(p.GetLane())
		r.records.voids[l] = append(r.records.voids[l], numbers{p.GetFirst(), p.GetLast()})
		if p.GetReason() == schemas.VoidReason_RESTORED {
			r.records.lost[l] = max(r.records.lost[l], p.GetLast())
		}
	case *schemas.EpochBegun:
		r.records.epochs[p.GetEpoch()] = p
	}
	return nil
}

var errErasure = errors.New("an erasure record that does not add up")

func (rs *records) addErased(p *schemas.SegmentErased, at uint64) error {
	runs, err := parseRuns(p)
	if err != nil {
		return err
	}
	if len(p.GetSegment()) != len(seal.SegmentID{}) || p.GetParts() == 0 || p.GetPart() >= p.GetParts() {
		return errErasure
	}
	l, id := eventlog.Lane(p.GetLane()), hex.EncodeToString(p.GetSegment())
	if rs.erased[l] == nil {
		rs.erased[l] = map[string]*erasure{}
	}
	e := rs.erased[l][id]
	if e == nil || e.of != p.GetParts() || p.GetPart() == 0 { // written again after a crash: the last counts
		e = &erasure{parts: map[uint32]part{}, of: p.GetParts()}
		rs.erased[l][id] = e
	}
	e.parts[p.GetPart()], e.at = part{numbers{p.GetFirst(), p.GetLast()}, runs}, at
	return nil
}

// parseRuns takes apart what became of a part's numbers. The runs must end exactly where the part does.
func parseRuns(p *schemas.SegmentErased) (runs []run, err error) {
	at, data := p.GetFirst(), p.GetRuns()
	if at == 0 || p.GetLast() < at {
		return nil, errErasure
	}
	for len(data) > 0 {
		count, w := binary.Uvarint(data)
		if w <= 0 {
			return nil, errErasure
		}
		index, w2 := binary.Uvarint(data[w:])
		if w2 <= 0 || index >= uint64(len(p.GetFates())) || count == 0 || count > p.GetLast()-at+1 {
			return nil, errErasure
		}
		runs = append(runs, run{numbers{at, at + count - 1}, p.GetFates()[index]})
		at += count
		data = data[w+w2:]
	}
	if at != p.GetLast()+1 {
		return nil, errErasure
	}
	return runs, nil
}

// whole puts the parts together. It fails if one is missing or they do not follow each other.
func (e *erasure) whole() (numbers, []run, error) {
	var all []run
	for i := range e.of {
		p, ok := e.parts[i]
		if !ok {
			return numbers{}, nil, fmt.Errorf("%w: part %d of %d is missing", errErasure, i+1, e.of)
		}
		if i > 0 && p.first != e.parts[i-1].last+1 {
			return numbers{}, nil, fmt.Errorf("%w: part %d does not follow the one before it", errErasure, i+1)
		}
		all = append(all, p.runs...)
	}
	return numbers{e.parts[0].first, e.parts[e.of-1].last}, all, nil
}
