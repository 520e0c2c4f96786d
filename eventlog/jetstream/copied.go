package jetstream

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"

	"protokoll/eventlog"
	"protokoll/eventlog/jetstream/blocks"
	"protokoll/eventlog/seal"
	"protokoll/schemas"
)

// A copied log is a folder with format, manifests and the folders of closed segments: what a backup holds.

// ReadSegment hands out the records of a segment whose folder lies anywhere, from its first number to its last. A record is fn's
// until fn returns. Damage is met as ErrDamaged with file and offset.
func ReadSegment(dir string, s eventlog.Segment, key *seal.Segment, fn func(eventlog.Record) error) error {
	msgs := filepath.Join(dir, msgsFolder)
	indexes, err := blocks.List(msgs)
	if err != nil {
		return err
	}
	if len(indexes) == 0 {
		return fmt.Errorf("%s: %w: no blocks", dir, eventlog.ErrDamaged)
	}
	r := blocks.NewReader(streamIn(dir, s.Lane, s.ID), indexes[0], s.First)
	defer r.Close()
	var plain []byte
	last := s.First - 1
	for {
		raw, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return fmt.Errorf("%w: %w", eventlog.ErrDamaged, err)
		}
		var e eventlog.Record
		e, plain, err = decodeRecord(plain[:0], key, eventlog.Position{Lane: s.Lane, Number: raw.Number}, raw.Payload)
		if err != nil {
			return fmt.Errorf("%w: %w", eventlog.ErrDamaged,
				&blocks.Damage{File: blocks.Path(msgs, raw.Block), Offset: raw.Offset, Number: raw.Number, Reason: err.Error()})
		}
		if err := fn(e); err != nil {
			return err
		}
		last = raw.Number
	}
	if last != s.Last {
		return fmt.Errorf("%s: %w: ends at %d, not at %d", dir, eventlog.ErrDamaged, last, s.Last)
	}
	return nil
}

// Adopt makes a copied log one that can be opened, as what it is: an older one. Of every lane it keeps the closed segments that
// are there, up to the first that is not, and returns their last numbers. The lanes go on above next, and the numbers between
// are void because a backup was put back: those may have been seen. It returns ErrDamaged for a segment that lies behind a missing one.
func Adopt(dir string, next map[eventlog.Lane]uint64) (ends map[eventlog.Lane]uint64, err error) {
	d := disk{}.withDefaults()
	if err := checkFormat(dir); err != nil {
		return nil, err
	}
	for _, name := range []string{manifestsFolder, segmentsFolder, liveFolder} {
		if err := d.makeFolder(filepath.Join(dir, name)); err != nil {
			return nil, fmt.Errorf("adopt a log: %w", err)
		}
	}
	ends = map[eventlog.Lane]uint64{}
	for _, id := range eventlog.Lanes {
		m, err := readManifest(dir, id)
		if errors.Is(err, eventlog.ErrMissing) {
			m, err = &manifest{Lane: id.String(), Next: 1, Segments: []segmentEntry{}, Voids: []voidEntry{}}, nil
		}
		if err == nil {
			err = m.adopt(dir, id, next[id])
		}
		if err == nil {
			err = m.write(d, dir)
		}
		if err != nil {
			return nil, fmt.Errorf("adopt lane %s: %w", id, err)
		}
		ends[id] = m.Mark
	}
	return ends, nil
}

// adopt cuts the chain to what is there and makes the rest void.
func (m *manifest) adopt(dir string, l eventlog.Lane, next uint64) error {
	kept := []segmentEntry{}
	missing, end := "", max(m.Mark, m.Next-1) // nothing above end is known to the copy
	last := uint64(0)
	for _, s := range m.Segments {
		there, err := exists(filepath.Join(dir, segmentsFolder, m.Lane+"-"+s.ID))
		switch {
		case err != nil:
			return err
		case s.State == dropping && !there:
			continue
		case s.State != closed || !there:
			if missing == "" {
				missing, end = s.ID, s.First-1
			}
			continue
		case missing != "":
			return fmt.Errorf("%w: segment %s is missing before %s", eventlog.ErrDamaged, missing, s.ID)
		}
		kept = append(kept, s)
		last = s.Last
	}
	m.Segments = kept
	m.Swept = slices.DeleteFunc(m.Swept, func(r sweptEntry) bool { return r.Last > end })
	if n := len(m.Swept); n > 0 { // the newest segments may have been swept wholly
		last = max(last, m.Swept[n-1].Last)
	}
	m.Mark = last
	m.Next = max(m.Next, next, m.Mark+1)
	m.Voids = voidsUpTo(m.Voids, m.Mark)
	first := m.Mark + 1
	if n := len(m.Voids); n > 0 {
		first = max(first, m.Voids[n-1].Last+1)
	}
	if first < m.Next {
		m.Voids = append(m.Voids, voidEntry{First: first, Last: m.Next - 1, Reason: schemas.VoidReason_RESTORED})
	}
	return nil
}

// voidsUpTo keeps the void numbers that lie below an end.
func voidsUpTo(all []voidEntry, end uint64) []voidEntry {
	kept := []voidEntry{}
	for _, v := range all {
		if v.Last <= end {
			kept = append(kept, v)
		}
	}
	return kept
}
