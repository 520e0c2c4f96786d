package jetstream

import (
	"log/slog"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"protokoll/eventlog"
	"protokoll/eventlog/seal"
)

const (
	// DefaultSegmentEvents is how many events a segment holds before the lane goes on in a new one.
	DefaultSegmentEvents = 1_000_000
	// DefaultQueueFacts is how many facts wait in one lane before Append blocks.
	DefaultQueueFacts = 8192
	// DefaultReserveBytes is how much free space is left to sweeps, in bytes.
	DefaultReserveBytes = 64 << 20
	// DefaultAckWait is how long JetStream may take to write a group before the log stops as uncertain. It is no latency:
	// a refused write is noticed at once.
	DefaultAckWait = 60 * time.Second
)

// Keys is what the log needs of the keybook. *seal.Keybook has it.
type Keys interface {
	AddSegment(seal.SegmentID) (*seal.Segment, error) // durable on return
	Segment(seal.SegmentID) (*seal.Segment, error)
	ForgetSegments(...seal.SegmentID) error
	Server() *seal.Owner
}

// Config says where the log lies and how it behaves. Dir and Keys are required.
type Config struct {
	Dir           string
	Keys          Keys
	Clock         func() time.Time                // time of events; time.Now if nil
	Logger        *slog.Logger                    // nothing is logged if nil
	SegmentEvents uint64                          // DefaultSegmentEvents if 0
	SegmentAge    map[eventlog.Lane]time.Duration // a lane that is missing or 0 rolls by number only
	// Gather is how long a lane's writer lets a group grow before it writes. For lanes whose events hardly anybody waits for:
	// a sync shared by ten costs each a tenth. A lane that is missing or 0 writes at once.
	Gather       map[eventlog.Lane]time.Duration
	QueueFacts   int           // DefaultQueueFacts if 0
	ReserveBytes uint64        // DefaultReserveBytes if 0
	AckWait      time.Duration // DefaultAckWait if 0

	disk disk // the real one if nil calls; tests put faults here
}

// disk is the part of the operating system that faults are injected into.
type disk struct {
	sync   func(*os.File) error
	rename func(from, to string) error
	unlink func(path string) error          // with all it holds
	free   func(dir string) (uint64, error) // bytes that the process may still write
}

func (c Config) withDefaults() Config {
	if c.Clock == nil {
		c.Clock = time.Now
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.SegmentEvents == 0 {
		c.SegmentEvents = DefaultSegmentEvents
	}
	if c.QueueFacts == 0 {
		c.QueueFacts = DefaultQueueFacts
	}
	if c.ReserveBytes == 0 {
		c.ReserveBytes = DefaultReserveBytes
	}
	if c.AckWait == 0 {
		c.AckWait = DefaultAckWait
	}
	c.disk = c.disk.withDefaults()
	return c
}

func (d disk) withDefaults() disk {
	if d.sync == nil {
		d.sync = (*os.File).Sync
	}
	if d.rename == nil {
		d.rename = os.Rename
	}
	if d.unlink == nil {
		d.unlink = os.RemoveAll
	}
	if d.free == nil {
		d.free = freeBytes
	}
	return d
}

func freeBytes(dir string) (uint64, error) {
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		return 0, &os.PathError{Op: "statfs", Path: dir, Err: err}
	}
	return s.Bavail * uint64(s.Bsize), nil
}
