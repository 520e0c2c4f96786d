package jetstream

import (
	"context"
	"errors"
	"io"

	"protokoll/eventlog"
)

// progressEvery is how many events are verified between two calls of a progress function.
const progressEvery = 10_000

// Progress says how far Verify is: Done of Total numbers of one lane.
type Progress struct {
	Lane        eventlog.Lane
	Done, Total uint64
}

// Verify reads every event up to the durable marks of now and checks lengths, checksums, numbers, subjects and both ciphers'
// tags of the records, so it finds any changed bit. Of each lane it reports the first damage, as ErrDamaged with file and
// offset; it stops nothing. progress may be nil. It is the daily scrub.
func (g *Log) Verify(ctx context.Context, progress func(Progress)) error {
	var found []error
	for _, id := range eventlog.Lanes {
		err := g.lanes[id].verify(ctx, progress)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		found = append(found, err)
	}
	return errors.Join(found...)
}

func (l *lane) verify(ctx context.Context, progress func(Progress)) error {
	mark := l.Mark()
	var c cursor
	defer c.close()
	for at, n := uint64(1), 0; at <= mark && ctx.Err() == nil; n++ {
		r, err := l.readOne(&c, at)
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		c.arena = c.arena[:0] // nothing is kept of it
		at = r.Position.Number + 1
		if progress != nil && (n%progressEvery == progressEvery-1 || at > mark) {
			progress(Progress{Lane: l.id, Done: at - 1, Total: mark})
		}
	}
	return l.verifyEnds()
}

// verifyEnds compares closed segments with the manifest, so that bytes behind their last event are found too.
func (l *lane) verifyEnds() error {
	l.chain.RLock()
	defer l.chain.RUnlock()
	for _, s := range l.segments {
		if s.state != closed {
			continue
		}
		if err := compareEnds(s); err != nil {
			return err
		}
	}
	return nil
}
