package jetstream

import (
	"errors"
	"fmt"
	"io"
	"os"

	"protokoll/eventlog"
	"protokoll/eventlog/jetstream/blocks"
)

// survey is what stands in a segment that was not closed.
type survey struct {
	mark   uint64       // highest durable mark seen anywhere
	last   uint64       // end of the last whole command; first-1 if there is none
	blocks []blockEntry // up to last: Index and First

	// Behind the mark, blocks are written anew before they count: a sync that failed may have left pages in memory that
	// look written and are not.
	tail      bool // something stands above the mark
	tailBlock int  // block of the first record above the mark
	endBlock  int  // block of last, and where last ends in it
	endOffset int64

	damage error // first record that is not right
}

// surveySegment walks an open segment. floor is a mark known from elsewhere. A record that is not right at or below a mark
// is damage; above all marks it is a crash tail.
func surveySegment(s *segment, floor uint64) (*survey, error) {
	sv := &survey{mark: floor, last: s.first - 1}
	indexes, err := blocks.List(s.msgs())
	if err != nil {
		return nil, fmt.Errorf("segment %s: %w", s.name(), err)
	}
	intact, err := sv.walk(s, indexes)
	if err != nil {
		return nil, err
	}
	if intact < sv.mark {
		if sv.damage == nil {
			sv.damage = fmt.Errorf("segment %s ends at number %d", s.name(), intact)
		}
		return nil, fmt.Errorf("%w: number %d was on disk: %w", eventlog.ErrDamaged, sv.mark, sv.damage)
	}
	return sv, sv.findEnd(s, intact)
}

// walk goes over all records, sees how far they are intact and which marks they carry, and then collects marks behind damage.
func (sv *survey) walk(s *segment, indexes []int) (intact uint64, err error) {
	intact = s.first - 1
	if len(indexes) == 0 {
		return intact, nil
	}
	stream := streamIn(s.dir, s.lane, s.id)
	r := blocks.NewReader(stream, indexes[0], s.first)
	defer r.Close()
	reached := indexes[0]
	for {
		rec, err := r.Next()
		var mark uint64
		if err == nil {
			mark, err = recordMark(rec.Payload)
		}
		if err != nil {
			if isDamage(err) || errors.Is(err, errRecord) {
				sv.damage = err
			} else if err != io.EOF {
				return 0, err
			}
			break
		}
		if n := len(sv.blocks); n == 0 || sv.blocks[n-1].Index != rec.Block {
			sv.blocks = append(sv.blocks, blockEntry{Index: rec.Block, First: rec.Number})
		}
		intact, reached = rec.Number, rec.Block
		sv.mark = max(sv.mark, mark)
	}
	for _, index := range indexes {
		if index < reached || sv.damage == nil && index == reached {
			continue
		}
		if err := sv.marksOf(stream, index); err != nil {
			return 0, err
		}
	}
	return intact, nil
}

func isDamage(err error) bool {
	var d *blocks.Damage
	return errors.As(err, &d)
}

func (sv *survey) marksOf(stream blocks.Stream, index int) error {
	return blocks.Sound(stream, index, func(rec blocks.Record) {
		if mark, err := recordMark(rec.Payload); err == nil {
			sv.mark = max(sv.mark, mark)
		}
	})
}

// findEnd finds the last whole command. Only records above the mark need to be deciphered: the mark itself ends a command.
func (sv *survey) findEnd(s *segment, intact uint64) error {
	if len(sv.blocks) == 0 {
		return nil
	}
	from := sv.blocks[0]
	for _, b := range sv.blocks {
		if b.First <= sv.mark {
			from = b
		}
	}
	sv.endBlock, sv.tailBlock = from.Index, from.Index
	r := blocks.NewReader(streamIn(s.dir, s.lane, s.id), from.Index, from.First)
	defer r.Close()
	var plain []byte
	for {
		rec, err := r.Next()
		if err != nil || rec.Number > intact {
			break // known from the walk
		}
		if rec.Number <= sv.mark {
			sv.endAt(rec)
			continue
		}
		if !sv.tail {
			sv.tail, sv.tailBlock = true, rec.Block
		}
		e, p, err := decodeRecord(plain[:0], s.key, eventlog.Position{Lane: s.lane, Number: rec.Number}, rec.Payload)
		if plain = p; err != nil {
			break
		}
		if !e.Envelope.GetMore() {
			sv.endAt(rec)
		}
	}
	for len(sv.blocks) > 0 && sv.blocks[len(sv.blocks)-1].First > sv.last {
		sv.blocks = sv.blocks[:len(sv.blocks)-1]
	}
	return nil
}

func (sv *survey) endAt(rec blocks.Record) {
	sv.last, sv.endBlock, sv.endOffset = rec.Number, rec.Block, rec.Offset+rec.Size
}

// rewriteTail leaves exactly the whole commands in the block files, on disk for certain.
func (sv *survey) rewriteTail(d disk, msgs string) error {
	indexes, err := blocks.List(msgs)
	if err != nil {
		return err
	}
	for _, i := range indexes {
		path := blocks.Path(msgs, i)
		switch {
		case i > sv.endBlock:
			err = os.Remove(path)
		case i == sv.endBlock && (sv.tail || sv.damage != nil):
			err = rewrite(d, path, sv.endOffset)
		case i >= sv.tailBlock && sv.tail:
			err = rewrite(d, path, -1)
		}
		if err != nil {
			return fmt.Errorf("make the tail of a segment durable: %w", err)
		}
	}
	return d.syncFolder(msgs)
}

// rewrite puts a file's first n bytes, or all if n is negative, into new pages under the same name.
func rewrite(d disk, path string, n int64) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	var content io.Reader = f
	if n >= 0 {
		content = io.LimitReader(f, n)
	}
	return d.replace(path, content)
}
