package jetstream

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"sync"

	"protokoll/eventlog"
	"protokoll/schemas"
)

// lane is a chain of segments with one writer and any number of followers.
type lane struct {
	log     *Log
	id      eventlog.Lane
	queue   *queue
	line    *line
	settled *settlements

	// The writer's, and Open's and Close's while it does not run.
	live              *live
	next              uint64 // number of the next event; changed under chain
	plain, enciphered []byte
	records           [][]byte

	manifests sync.Mutex // held while the manifest on disk is made to agree with the chain; taken before chain

	chain    sync.RWMutex // guards the following; nothing is waited for under it but the disk
	segments []*segment
	voids    []voidEntry
	swept    []sweptEntry
	sweeps   []*sweep
	mark     uint64
	tail     tail
	changed  chan struct{} // closed and made anew when the mark moved or the lane stopped
	stopped  error
}

func newLane(g *Log, id eventlog.Lane) *lane {
	return &lane{log: g, id: id, queue: newQueue(g.cfg.QueueFacts), settled: newSettlements(), changed: make(chan struct{})}
}

func (l *lane) enqueue(p *part) error { return l.queue.put(p) }

// describe is the manifest of the chain as it is in memory.
func (l *lane) describe() *manifest {
	l.chain.RLock()
	defer l.chain.RUnlock()
	m := &manifest{
		Lane: l.id.String(), Mark: l.mark, Next: l.next, Segments: []segmentEntry{}, Voids: slices.Clone(l.voids), Swept: slices.Clone(l.swept),
	}
	for _, s := range l.segments {
		m.Segments = append(m.Segments, s.entry())
	}
	return m
}

// writeManifest states the chain as it is in memory. The caller holds manifests, or is Open.
func (l *lane) writeManifest() error { return l.replaceManifest(l.describe()) }

// replaceManifest stops the lane after ErrUncertain, because either statement may stand then.
func (l *lane) replaceManifest(m *manifest) error {
	err := m.write(l.log.cfg.disk, l.log.cfg.Dir)
	if errors.Is(err, eventlog.ErrUncertain) {
		l.stop(err)
	}
	return err
}

// begin makes a new segment: its key, its stream, its files on disk, and only then its name in the manifest.
func (l *lane) begin() error {
	id := newSegmentID()
	key, err := l.log.cfg.Keys.AddSegment(id)
	if err != nil {
		return fmt.Errorf("key for a segment: %w", err)
	}
	s := &segment{id: id, key: key, lane: l.id, first: l.next, state: open, dir: filepath.Join(streamsFolder(l.log.path(liveFolder)), streamName(l.id, id))}
	if err := l.start(s); errors.Is(err, eventlog.ErrUncertain) {
		return err // the manifest may name it
	} else if err != nil {
		l.log.letGo(s.name())
		return errors.Join(err, l.log.erase(s.dir, s.id))
	}
	return nil
}

func (l *lane) start(s *segment) error {
	if err := l.log.engine.create(s.name(), subject(l.id, s.id), s.first); err != nil {
		return err
	}
	w, err := startLive(l.log.cfg.disk, s, l.log.cfg.Clock())
	if err != nil {
		return err
	}
	l.manifests.Lock() // until a segment that was taken out again is in no manifest either
	defer l.manifests.Unlock()
	l.chain.Lock()
	l.segments = append(l.segments, s)
	l.chain.Unlock()
	if err := l.writeManifest(); err != nil {
		w.file.Close()
		l.unlist(s)
		return err
	}
	l.live = w
	return nil
}

// finish closes the live segment: no later start reads more of it than it holds now. An empty one is dropped.
func (l *lane) finish() error {
	w := l.live
	if l.Mark() < w.first {
		return l.discard()
	}
	l.manifests.Lock() // nobody else may say that it is closed before its new place is on disk
	defer l.manifests.Unlock()
	done, err := complete(w.msgs(), w.blocks)
	if err != nil {
		return err
	}
	from, to := w.dir, filepath.Join(l.log.path(segmentsFolder), w.name())
	l.chain.Lock()
	err = l.log.cfg.disk.rename(from, to)
	if err == nil {
		w.state, w.last, w.blocks, w.dir = closed, l.mark, done, to
	}
	l.chain.Unlock()
	if err != nil {
		return fmt.Errorf("put a closed segment away: %w", err)
	}
	w.file.Close()
	l.live = nil
	if err := l.log.cfg.disk.syncMove(from, to); err != nil {
		err = fmt.Errorf("%w: put a closed segment away: %w", eventlog.ErrUncertain, err)
		l.stop(err)
		return err
	}
	l.log.letGo(w.name()) // after the syncs: JetStream may remove the folder of its last stream
	return l.writeManifest()
}

// discard drops the live segment, which holds nothing that counts.
func (l *lane) discard() error {
	w := l.live
	w.file.Close()
	l.live = nil
	l.manifests.Lock()
	l.chain.Lock()
	w.state = dropping
	l.chain.Unlock()
	err := l.writeManifest()
	l.manifests.Unlock()
	if err != nil {
		return err
	}
	l.log.letGo(w.name())
	return l.finishDrops([]*segment{w.segment})
}

// void records that the numbers from the end of the lane to upTo hold nothing.
func (l *lane) void(upTo uint64, why schemas.VoidReason) {
	l.chain.Lock()
	defer l.chain.Unlock()
	first := l.mark + 1
	if n := len(l.voids); n > 0 {
		first = max(first, l.voids[n-1].Last+1)
	}
	if first <= upTo {
		l.voids = append(l.voids, voidEntry{First: first, Last: upTo, Reason: why})
	}
	l.next = max(l.next, upTo+1)
}

// Mark is the number of the last event that a sync covered.
func (l *lane) Mark() uint64 {
	l.chain.RLock()
	defer l.chain.RUnlock()
	return l.mark
}

// stop ends the lane after a fault. Followers get what is durable and then the reason.
func (l *lane) stop(err error) {
	l.queue.end(fmt.Errorf("lane %s: %w: %v", l.id, eventlog.ErrStopped, err)) // not %w: what is refused now is not uncertain
	l.halt(err)
	l.log.fatal(fmt.Errorf("lane %s: %w", l.id, err))
}

// halt ends followers with err once they have what is durable. The first reason counts.
func (l *lane) halt(err error) {
	l.chain.Lock()
	defer l.chain.Unlock()
	if l.stopped == nil {
		l.stopped = err
		close(l.changed)
		l.changed = make(chan struct{})
	}
}
