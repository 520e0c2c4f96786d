package jetstream

import (
	"context"
	"fmt"
	"os"
	"slices"

	"protokoll/eventlog"
	"protokoll/eventlog/jetstream/blocks"
)

var _ eventlog.Sweeper = (*Log)(nil)

// Segments lists a lane's segments. See eventlog.Sweeper.
func (g *Log) Segments(id eventlog.Lane) []eventlog.Segment {
	l := g.lane(id)
	if l == nil {
		return nil
	}
	l.chain.RLock()
	defer l.chain.RUnlock()
	var list []eventlog.Segment
	for _, s := range l.segments {
		if s.state == dropping {
			continue
		}
		e := eventlog.Segment{ID: s.id, Lane: id, First: s.first, Last: s.last, Closed: s.state == closed, Bytes: s.size()}
		if !e.Closed {
			e.Last = max(l.mark, s.first-1)
		}
		list = append(list, e)
	}
	return list
}

// size is how many bytes the segment's blocks take on disk. The chain is held.
func (s *segment) size() (bytes int64) {
	for _, b := range s.blocks {
		if s.state == closed {
			bytes += b.Size
		} else if info, err := os.Stat(blocks.Path(s.msgs(), b.Index)); err == nil { // a figure, nothing rests on it
			bytes += info.Size()
		}
	}
	return bytes
}

// Roll closes the lane's live segment. See eventlog.Sweeper.
func (g *Log) Roll(ctx context.Context, id eventlog.Lane) error {
	l := g.lane(id)
	if l == nil {
		return fmt.Errorf("roll %s: %w", id, eventlog.ErrMissing)
	}
	return l.do(ctx, func() error {
		if l.isStopped() {
			return eventlog.ErrStopped
		}
		if l.live == nil || l.Mark() < l.live.first {
			return nil
		}
		return l.finish()
	})
}

// do has the lane's writer run something and waits for it. When ctx ends first, it may still be run.
func (l *lane) do(ctx context.Context, run func() error) error {
	done, err := l.queue.send(run)
	if err != nil {
		return err
	}
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// BeginSweep notes from now on what is appended to the lane. See eventlog.Sweeper.
func (g *Log) BeginSweep(id eventlog.Lane) eventlog.Sweep {
	s := &sweep{lane: g.lane(id), name: id, newer: map[entity]struct{}{}, closed: map[ownerID]struct{}{}}
	if l := s.lane; l != nil {
		l.chain.Lock()
		l.sweeps = append(slices.Clip(l.sweeps), s)
		l.chain.Unlock()
	}
	return s
}

// Hold appends records to lane Held. See eventlog.Sweeper.
func (g *Log) Hold(ctx context.Context, records []eventlog.Record) error {
	l := g.lanes[eventlog.Held]
	for len(records) > 0 {
		p, rest, err := copies(records)
		if err != nil {
			return fmt.Errorf("hold: %w", err)
		}
		err = l.do(ctx, func() error {
			_, err := l.commit([]*part{p})
			return err
		})
		if err != nil {
			return fmt.Errorf("hold: %w", err)
		}
		records = rest
	}
	return nil
}
