package jetstream

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"protokoll/eventlog"
	"protokoll/eventlog/jetstream/blocks"
	"protokoll/eventlog/seal"
)

// segment is one link of a lane's chain. Its mutable fields are guarded by the lane's chain lock.
type segment struct {
	id    seal.SegmentID
	key   *seal.Segment
	lane  eventlog.Lane
	first uint64

	state  state
	last   uint64       // of a closed segment
	blocks []blockEntry // of an open segment only Index and First
	dir    string       // the stream's folder
	pins   int          // how many copy it
	doomed bool         // it is about to be dropped, so nobody may pin it
}

func newSegmentID() (id seal.SegmentID) {
	rand.Read(id[:]) // never fails: crypto/rand crashes the program instead
	return id
}

// streamName is the name of a segment's stream and of its folder.
func streamName(l eventlog.Lane, id seal.SegmentID) string { return l.String() + "-" + id.String() }

// subject is short because every record on disk holds it; no two live streams may share one.
func subject(l eventlog.Lane, id seal.SegmentID) string {
	return l.String() + "." + hex.EncodeToString(id[:4])
}

func (s *segment) name() string { return streamName(s.lane, s.id) }
func (s *segment) msgs() string { return filepath.Join(s.dir, msgsFolder) }

func (s *segment) entry() segmentEntry {
	e := segmentEntry{ID: s.id.String(), State: s.state, First: s.first}
	if s.state == closed {
		e.Last, e.Blocks = s.last, s.blocks
	}
	return e
}

// stream reads the segment's blocks out of a folder that does not move.
func streamIn(dir string, l eventlog.Lane, id seal.SegmentID) blocks.Stream {
	return blocks.Stream{Name: streamName(l, id), Subject: subject(l, id), Open: blocks.Folder(filepath.Join(dir, msgsFolder))}
}

// live is the segment that its lane's writer appends to. It is the writer's alone.
type live struct {
	*segment
	opened time.Time
	file   *os.File // newest block; held since it was created, so that it is told of every failed write-back
	index  int      // of that block
	size   int64    // bytes of that block that a sync covered
}

// startLive opens the newest block of a new stream and makes the stream's files and folders durable.
func startLive(d disk, s *segment, now time.Time) (*live, error) {
	indexes, err := blocks.List(s.msgs())
	if err != nil {
		return nil, err
	}
	if len(indexes) == 0 {
		return nil, fmt.Errorf("stream %s has no block", s.name())
	}
	w := &live{segment: s, opened: now, index: indexes[len(indexes)-1]}
	if w.file, err = os.OpenFile(blocks.Path(s.msgs(), w.index), os.O_RDWR, 0); err != nil {
		return nil, fmt.Errorf("open a block: %w", err)
	}
	s.blocks = []blockEntry{{Index: w.index, First: s.first}}
	if err := w.syncAll(d); err != nil {
		w.file.Close()
		return nil, err
	}
	return w, nil
}

// syncAll makes a new stream durable up to the log's own folder.
func (w *live) syncAll(d disk) error {
	if err := d.sync(w.file); err != nil {
		return fmt.Errorf("sync a block: %w", err)
	}
	streams := filepath.Dir(w.dir)
	account := filepath.Dir(streams)
	store := filepath.Dir(account)
	// The last one holds the name of JetStream's store, which is made anew at each start.
	for _, dir := range []string{w.msgs(), w.dir, streams, account, store, filepath.Dir(store)} {
		if err := d.syncFolder(dir); err != nil {
			return err
		}
	}
	return w.measure()
}

// sync makes durable what was written since the last call: every block touched, and the folder when one is new. It returns
// the blocks that are new.
func (w *live) sync(d disk) (fresh []blockEntry, err error) {
	for {
		if err := d.sync(w.file); err != nil {
			return nil, fmt.Errorf("sync a block: %w", err)
		}
		// Asking first needs no descriptor: there may be none, and that is no reason to call a write uncertain.
		path := blocks.Path(w.msgs(), w.index+1)
		if found, err := exists(path); err != nil {
			return nil, fmt.Errorf("look for a block: %w", err)
		} else if !found {
			break
		}
		next, err := os.OpenFile(path, os.O_RDWR, 0)
		if err != nil {
			return nil, fmt.Errorf("open a block: %w", err)
		}
		w.file.Close() // synced for the last time; nothing is written to it any more
		w.file, w.index = next, w.index+1
		first, err := blocks.First(w.file)
		if err != nil {
			return nil, err
		}
		fresh = append(fresh, blockEntry{Index: w.index, First: first})
	}
	if len(fresh) > 0 {
		if err := d.syncFolder(w.msgs()); err != nil {
			return nil, err
		}
	}
	return fresh, w.measure()
}

func (w *live) measure() error {
	info, err := w.file.Stat()
	if err != nil {
		return fmt.Errorf("measure a block: %w", err)
	}
	w.size = info.Size()
	return nil
}

// cut takes back what was written since the last sync. Truncating needs no room on the disk.
func (w *live) cut(d disk) error {
	indexes, err := blocks.List(w.msgs())
	if err != nil {
		return err
	}
	for _, i := range indexes {
		if i > w.index {
			if err := os.Remove(blocks.Path(w.msgs(), i)); err != nil {
				return fmt.Errorf("take back a block: %w", err)
			}
		}
	}
	if err := w.file.Truncate(w.size); err != nil {
		return fmt.Errorf("take back a write: %w", err)
	}
	if err := d.sync(w.file); err != nil {
		return fmt.Errorf("take back a write: %w", err)
	}
	return d.syncFolder(w.msgs())
}

// complete fills in what a closed segment's manifest says about its blocks.
func complete(msgs string, list []blockEntry) ([]blockEntry, error) {
	done := make([]blockEntry, len(list))
	for i, b := range list {
		size, sum, err := blocks.End(blocks.Path(msgs, b.Index))
		if err != nil {
			return nil, err
		}
		b.Size, b.Checksum = size, hex.EncodeToString(sum[:])
		done[i] = b
	}
	return done, nil
}
