package eventlog

import (
	"context"
	"errors"

	"protokoll/eventlog/seal"
)

var (
	// ErrLive is returned when the segment that a lane is being written to would have to be dropped.
	ErrLive = errors.New("the segment is being written to")
	// ErrPinned is returned when a segment that is being copied would have to be dropped.
	ErrPinned = errors.New("the segment is being copied")
)

// Segment is one link of a lane's chain: what is dropped at once.
type Segment struct {
	ID     seal.SegmentID
	Lane   Lane
	First  uint64
	Last   uint64 // of the live segment the last number on disk; below First if it is empty
	Closed bool   // it never changes again
	Bytes  int64  // on disk
}

// Sweeper is the part of a log that takes old events out. DESIGN §5 “Sweeping”. What is due is not its business.
type Sweeper interface {
	Log

	// Segments lists a lane's segments, oldest first. The live one, if there is one, is the last.
	Segments(Lane) []Segment

	// Roll closes the lane's live segment, with everything in it that is on disk by now; the lane goes on in a new one. It does
	// nothing if there is none or it is empty.
	Roll(context.Context, Lane) error

	// BeginSweep notes from now on what is appended to the lane. What is at or below the lane's Mark afterwards may be not noted:
	// wait until the state has passed that Mark before asking it what is still true. End ends it.
	BeginSweep(Lane) Sweep

	// Hold appends records to lane Held, sealed bytes and all, with the number they first had in their family's lane as origin,
	// and returns when they are on disk. Holding twice stores twice: readers of Held tell events by owner, family, entity and origin.
	Hold(ctx context.Context, records []Record) error

	// Drop removes closed segments, their keys first, and returns when that is on disk; many cost little more than one. Followers
	// that are not past them find nothing there and go on behind: whoever drops has made sure of them. It returns ErrLive or
	// ErrPinned, having dropped none; segments that are gone already are passed over. After any other error it may be repeated,
	// and is finished at the next start if it had begun.
	Drop(context.Context, Lane, ...seal.SegmentID) error

	// Pin keeps a closed segment from being dropped until release is called, and returns the folder whose files are its blocks.
	// It returns ErrLive, or ErrMissing for a segment that is gone or going.
	Pin(Lane, seal.SegmentID) (dir string, release func(), err error)
}

// Sweep is one sweep of one lane.
type Sweep interface {
	// Move appends records again at the head of the lane, sealed bytes and all, with the number they first had as origin, and
	// returns when they are on disk. The lane's writer leaves out a record whose entity has got a newer event since the sweep began,
	// or whose owner has closed the lane: its copy would bring back what ended. moved counts the others. After an error some may
	// have been moved, if ctx ended also after Move returned; moving an event twice does no harm to any fold.
	// Moves yield to what is appended, and may use room on the disk that Append leaves free.
	Move(ctx context.Context, records []Record) (moved int, err error)
	End()
}
