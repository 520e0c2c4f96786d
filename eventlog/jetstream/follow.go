package jetstream

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"

	"golang.org/x/sys/unix"

	"protokoll/eventlog"
	"protokoll/eventlog/jetstream/blocks"
)

// forever is the upTo of a follower that never ends by itself.
const forever = math.MaxUint64

// arenaSize is how much memory is taken at once for events read from disk, in bytes.
const arenaSize = 64 << 10

// follow hands out events from memory where it can and from the block files where it must.
func (l *lane) follow(ctx context.Context, from, upTo uint64, fn func([]eventlog.Record) error) error {
	at := max(from, 1)
	var c cursor
	defer c.close()
	for at <= upTo {
		if err := ctx.Err(); err != nil {
			return err
		}
		records, mark, changed, stopped := l.since(at)
		switch {
		case len(records) > 0:
			c.close()
			records = trim(records, upTo)
			if len(records) == 0 {
				return nil
			}
			if err := fn(records); err != nil {
				return err
			}
			at = records[len(records)-1].Position.Number + 1
		case at <= mark:
			next, err := l.readDisk(ctx, &c, at, min(mark, upTo), fn)
			if err != nil {
				return err
			}
			at = next
		case stopped != nil:
			return stopped
		case l.isEmpty(at, upTo):
			return nil
		default:
			select {
			case <-changed:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
	}
	return nil
}

// since looks for events from a number on in memory.
func (l *lane) since(at uint64) (records []eventlog.Record, mark uint64, changed <-chan struct{}, stopped error) {
	l.chain.RLock()
	defer l.chain.RUnlock()
	if at <= l.mark {
		records, _ = l.tail.from(at)
	}
	return records, l.mark, l.changed, l.stopped
}

// isEmpty tells whether nothing can ever stand between two numbers: they are void or swept.
func (l *lane) isEmpty(from, upTo uint64) bool {
	l.chain.RLock()
	defer l.chain.RUnlock()
	for found := true; found && from <= upTo; {
		found = false
		for _, v := range l.voids {
			if v.First <= from && from <= v.Last {
				from, found = v.Last+1, true
			}
		}
		for _, r := range l.swept {
			if r.First <= from && from <= r.Last {
				from, found = r.Last+1, true
			}
		}
	}
	return from > upTo
}

// trim takes off the commands that begin above upTo.
func trim(records []eventlog.Record, upTo uint64) []eventlog.Record {
	for i := range records {
		if records[i].Position.Number > upTo && (i == 0 || !records[i-1].Envelope.GetMore()) {
			return records[:i:i]
		}
	}
	return records
}

// cursor is where a follower reads the disk.
type cursor struct {
	segment *segment
	reader  *blocks.Reader
	next    uint64 // number that will be read next
	arena   []byte
}

func (c *cursor) close() {
	if c.reader != nil {
		c.reader.Close()
	}
	c.segment, c.reader = nil, nil
}

// readDisk hands out at least one batch from at on, nothing above upTo but the rest of a command, and returns where to go on.
func (l *lane) readDisk(ctx context.Context, c *cursor, at, upTo uint64, fn func([]eventlog.Record) error) (uint64, error) {
	batch := make([]eventlog.Record, 0, batchFacts)
	for ctx.Err() == nil {
		r, err := l.readOne(c, at)
		if err == io.EOF { // the lane ends in void or swept numbers
			if len(batch) > 0 {
				err = fn(batch)
			} else {
				err = nil
			}
			return max(at, upTo+1), err
		}
		if errors.Is(err, eventlog.ErrDamaged) {
			l.stop(err)
		}
		if err != nil {
			return at, err
		}
		at = r.Position.Number + 1
		if r.Position.Number > upTo { // behind void or swept numbers, or the rest of a command
			switch n := len(batch); {
			case n == 0:
				return at, nil
			case !batch[n-1].Envelope.GetMore():
				return at, fn(batch)
			}
		}
		batch = append(batch, r)
		if r.Envelope.GetMore() {
			continue
		}
		if len(batch) >= batchFacts || at > upTo {
			return at, fn(batch)
		}
	}
	return at, ctx.Err()
}

// readOne reads the first event at or above a number that is not above the mark.
func (l *lane) readOne(c *cursor, at uint64) (eventlog.Record, error) {
	if c.reader == nil || c.next != at {
		if err := l.seek(c, at); err != nil {
			return eventlog.Record{}, err
		}
	}
	for {
		raw, err := c.reader.Next()
		if l.isDropped(c.segment) { // also under a reader's hands
			if err := l.seek(c, at); err != nil {
				return eventlog.Record{}, err
			}
			continue
		}
		if err != nil {
			return eventlog.Record{}, l.damaged(c, err)
		}
		if raw.Number < at {
			continue
		}
		if cap(c.arena)-len(c.arena) < len(raw.Payload) {
			c.arena = make([]byte, 0, max(arenaSize, len(raw.Payload)))
		}
		var r eventlog.Record
		r, c.arena, err = decodeRecord(c.arena, c.segment.key, eventlog.Position{Lane: l.id, Number: raw.Number}, raw.Payload)
		if err != nil {
			return r, l.damaged(c, &blocks.Damage{
				File: blocks.Path(c.segment.msgs(), raw.Block), Offset: raw.Offset, Number: raw.Number, Reason: err.Error(),
			})
		}
		c.next = raw.Number + 1
		if l.endsAt(c.segment, raw.Number) {
			c.close()
		}
		return r, nil
	}
}

// endsAt tells whether a closed segment's last number is reached.
func (l *lane) endsAt(s *segment, number uint64) bool {
	l.chain.RLock()
	defer l.chain.RUnlock()
	return s.state == closed && s.last == number
}

func (l *lane) isDropped(s *segment) bool {
	l.chain.RLock()
	defer l.chain.RUnlock()
	return s.state == dropping
}

// seek opens the block in which the first event at or above a number lies. It returns io.EOF when there is none.
func (l *lane) seek(c *cursor, at uint64) error {
	c.close()
	l.chain.RLock()
	defer l.chain.RUnlock()
	for _, s := range l.segments {
		if s.state == dropping || s.state == closed && s.last < at {
			continue
		}
		b := s.blocks[0]
		for _, other := range s.blocks[1:] {
			if other.First <= at {
				b = other
			}
		}
		c.segment, c.next = s, max(at, s.first)
		c.reader = blocks.NewReader(l.stream(s), b.Index, b.First)
		return nil
	}
	return io.EOF
}

// stream reads a segment's blocks wherever its folder lies at that moment.
func (l *lane) stream(s *segment) blocks.Stream {
	st := streamIn(s.dir, l.id, s.id)
	st.Open = func(index int) (*os.File, error) {
		l.chain.RLock()
		defer l.chain.RUnlock()
		return os.Open(blocks.Path(s.msgs(), index))
	}
	return st
}

// damaged turns what a reader met at or below the durable mark into the lane's error, unless it is the process that lacks
// something: then the reader fails, not the lane.
func (l *lane) damaged(c *cursor, err error) error {
	if errors.Is(err, unix.EMFILE) || errors.Is(err, unix.ENFILE) || errors.Is(err, unix.ENOMEM) {
		return fmt.Errorf("lane %s: %w", l.id, err)
	}
	if err == io.EOF {
		err = fmt.Errorf("segment %s ends before number %d", c.segment.name(), c.next)
	}
	if errors.Is(err, os.ErrNotExist) {
		err = fmt.Errorf("segment %s: %w", c.segment.name(), err)
	}
	return fmt.Errorf("lane %s: %w: %w", l.id, eventlog.ErrDamaged, err)
}
