package eventlog

import (
	"context"
	"errors"
	"time"

	"google.golang.org/protobuf/proto"

	"protokoll/eventlog/seal"
	"protokoll/schemas"
)

var (
	// ErrNoSpace is returned when free disk space is below the reserve, or the disk refused the write: nothing of the
	// command was stored, and later commands succeed when there is room again.
	ErrNoSpace = errors.New("no room on the disk")
	// ErrStopped is returned for commands appended after Close, or after the lane was stopped by a fault.
	ErrStopped = errors.New("the log is stopped")
	// ErrUncertain is returned when a sync failed: whether the command is on disk is decided at the next start.
	ErrUncertain = errors.New("the disk may have lost it")
	// ErrDamaged is returned when a stored segment does not hold what the log once promised.
	ErrDamaged = errors.New("damaged log")
	// ErrMissing is returned when there is no log where there must be one.
	ErrMissing = errors.New("missing log")
	// ErrTooLarge is returned for a command beyond MaxCommandFacts or a payload beyond MaxPayload.
	ErrTooLarge = errors.New("too large for the log")
)

const (
	// MaxPayload is the largest payload of one event, in bytes, before sealing.
	MaxPayload = 768 << 10
	// MaxCommandFacts is the largest number of facts of one command in one lane.
	MaxCommandFacts = 10_000
)

// Fact is the complete new value of one entity, or its end.
type Fact struct {
	Op      schemas.Op
	Family  schemas.Family   // derived from Value for SET if zero
	Entity  string           // the natural key, such as a contact's bare JID; hashed under the owner's key
	ID      schemas.EntityID // in place of Entity if not zero: for facts of which only the hash is known
	Value   proto.Message    // SET only: one of schemas' event messages
	Handles []schemas.Handle // account and room facts only: the complete list
}

// Set states the new value of an entity.
func Set(entity string, value proto.Message) Fact {
	return Fact{Op: schemas.Op_SET, Entity: entity, Value: value}
}

// End states that an entity has no value any more.
func End(f schemas.Family, entity string) Fact {
	return Fact{Op: schemas.Op_END, Family: f, Entity: entity}
}

// Command is what one decision appends for one owner. Its facts keep their order within each lane.
type Command struct {
	Owner *seal.Owner
	Cause schemas.Cause
	Facts []Fact
}

// Log appends and hands out events. All methods may be used by many goroutines.
type Log interface {
	// Append seals the command's facts and puts them into their lanes' queues, in the order of the calls. It does not
	// wait for the disk; it waits only while a queue is full (QueueFacts), which is how a slow disk slows readers down. An
	// error of a command whose facts lie in several lanes says that one lane does not have its part; another may.
	Append(c Command) *Receipt

	// Follow calls fn with what stands in the lane from number from on (1 for everything), one or more whole commands at a
	// time, in order, never above the durable mark, and goes on with what is appended until ctx ends, fn fails or the log is
	// closed (ErrStopped). Numbers that were void or swept are passed over. The records are fn's to keep, but followers share what they point to: change nothing. Damage is
	// met as ErrDamaged with file and offset; it stops the lane.
	Follow(ctx context.Context, l Lane, from uint64, fn func([]Record) error) error

	// Read is Follow that stops after the command in which the number upTo lies. It waits for a number that is not appended yet.
	Read(ctx context.Context, l Lane, from, upTo uint64, fn func([]Record) error) error

	// Mark returns the lane's durable mark: the last number that a sync covered, 0 for an empty lane.
	Mark(l Lane) uint64

	// Close stores what is queued, stops the writers and marks the log as cleanly stopped.
	Close() error
}

// Record is one stored event as followers see it. Envelope bytes and sealed payload are exactly what is on disk.
type Record struct {
	Position Position
	Envelope *schemas.Envelope
	Bytes    []byte // the envelope as stored, for hashing
	Sealed   []byte // payload under its owner's key; empty for END and CLOSE
}

// Rank orders the events of a lane: the origin of a moved event, else its number. Newest means highest rank.
func (r Record) Rank() uint64 {
	if o := r.Envelope.GetOrigin(); o != 0 {
		return o
	}
	return r.Position.Number
}

// Time is when the event was decided, to the millisecond.
func (r Record) Time() time.Time { return time.UnixMilli(r.Envelope.GetTime()) }
