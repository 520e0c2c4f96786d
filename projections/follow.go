package projections

import (
	"context"
	"fmt"

	"protokoll/eventlog"
)

// Apply takes whole commands. The slice is valid until it returns. It fails only when what it stores into does.
type Apply func(events []Event) error

// Follow hands every event of a lane from number from on to apply, and goes on until ctx ends, a record is refused, the log
// stops or apply fails.
func Follow(ctx context.Context, log eventlog.Log, l eventlog.Lane, from uint64, apply Apply) error {
	return log.Follow(ctx, l, from, checked(l, from, apply))
}

// Read is Follow that stops after the number upTo.
func Read(ctx context.Context, log eventlog.Log, l eventlog.Lane, from, upTo uint64, apply Apply) error {
	return log.Read(ctx, l, from, upTo, checked(l, from, apply))
}

// checked turns records into events, and refuses a batch that is out of order or ends within a command.
func checked(l eventlog.Lane, from uint64, apply Apply) func([]eventlog.Record) error {
	next := max(from, 1)
	var events []Event
	return func(records []eventlog.Record) error {
		events = events[:0]
		for _, r := range records {
			if r.Position.Lane != l || r.Position.Number < next {
				return fmt.Errorf("event %s after %s/%d: %w", r.Position, l, next-1, ErrRecord)
			}
			next = r.Position.Number + 1
			e, err := Check(r)
			if err != nil {
				return err
			}
			events = append(events, e)
		}
		if n := len(records); n > 0 && records[n-1].Envelope.GetMore() {
			return fmt.Errorf("event %s is the last, but its command goes on: %w", records[n-1].Position, ErrRecord)
		}
		return apply(events)
	}
}
