package jetstream

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"protokoll/eventlog"
	"protokoll/eventlog/jetstream/blocks"
	"protokoll/eventlog/seal"
	"protokoll/schemas"
)

// leftover is the segment that an unclean stop left open, as it was found.
type leftover struct {
	segment *segment
	survey  *survey
}

// inspect reads the lane's manifest and looks at every segment. It changes nothing.
func (l *lane) inspect() (*leftover, error) {
	m, err := readManifest(l.log.cfg.Dir, l.id)
	if err != nil {
		return nil, err
	}
	l.next, l.mark, l.voids, l.swept = m.Next, m.Mark, m.Voids, m.Swept
	var left *leftover
	for _, e := range m.Segments {
		s, err := l.segmentOf(e)
		if err != nil {
			return nil, err
		}
		l.segments = append(l.segments, s)
		switch s.state {
		case closed:
			if err := compareEnds(s); err != nil {
				return nil, err
			}
			l.mark = max(l.mark, s.last)
		case open:
			sv, err := surveySegment(s, max(l.log.marks.get(l.id), l.mark))
			if err != nil {
				return nil, err
			}
			left = &leftover{s, sv}
		}
	}
	if left == nil && l.log.marks.get(l.id) > l.mark {
		return nil, fmt.Errorf("%w: the lane ends at %d, but %d was on disk", eventlog.ErrDamaged, l.mark, l.log.marks.get(l.id))
	}
	return left, l.checkGaps()
}

// segmentOf finds a listed segment's folder and key. A dropping one may have lost both.
func (l *lane) segmentOf(e segmentEntry) (*segment, error) {
	id, err := parseID(e.ID)
	if err != nil {
		return nil, err
	}
	s := &segment{id: id, lane: l.id, first: e.First, state: e.State, last: e.Last, blocks: e.Blocks}
	if s.dir, err = l.log.locate(s.name()); err != nil {
		return nil, err
	}
	if s.state == dropping {
		return s, nil
	}
	if s.dir == "" {
		return nil, fmt.Errorf("segment %s of the manifest: %w", s.name(), eventlog.ErrMissing)
	}
	if s.key, err = l.log.cfg.Keys.Segment(id); err != nil {
		return nil, fmt.Errorf("key of segment %s: %w", s.name(), err)
	}
	return s, nil
}

// locate finds a stream's folder: put away, or still where JetStream wrote it. It returns "" if it is nowhere.
func (g *Log) locate(name string) (string, error) {
	for _, dir := range []string{g.path(segmentsFolder), streamsFolder(g.path(liveFolder))} {
		path := filepath.Join(dir, name)
		found, err := exists(path)
		if err != nil || found {
			return path, err
		}
	}
	return "", nil
}

// compareEnds is the cheap check of a closed segment: every block is there, with its size and its last checksum.
func compareEnds(s *segment) error {
	now, err := complete(s.msgs(), s.blocks)
	if err != nil {
		return fmt.Errorf("segment %s: %w: %w", s.name(), eventlog.ErrDamaged, err)
	}
	if len(now) == 0 || s.blocks[0].First != s.first {
		return fmt.Errorf("segment %s: %w: its first block is not listed", s.name(), eventlog.ErrDamaged)
	}
	for i, b := range now {
		if b != s.blocks[i] {
			return fmt.Errorf("%w: %w", eventlog.ErrDamaged, &blocks.Damage{
				File: blocks.Path(s.msgs(), b.Index), Offset: min(b.Size, s.blocks[i].Size), Number: b.First, Reason: "not as it was closed",
			})
		}
	}
	return nil
}

// checkGaps makes sure that every number before the mark that no segment holds is recorded as void or swept.
func (l *lane) checkGaps() error {
	next := uint64(1)
	for _, s := range l.segments {
		if s.state == dropping {
			continue
		}
		if err := l.explained(next, s.first-1); err != nil {
			return err
		}
		if s.state == open {
			return nil
		}
		next = s.last + 1
	}
	return l.explained(next, l.mark)
}

func (l *lane) explained(from, to uint64) error {
	if from <= to && !l.isEmpty(from, to) {
		return fmt.Errorf("%w: numbers %d to %d are missing without a reason", eventlog.ErrDamaged, from, to)
	}
	return nil
}

// mend finishes what was begun when the process died. Each step may be repeated.
func (l *lane) mend(left *leftover) error {
	for _, v := range l.voids {
		if !v.Told {
			l.log.untold.Store(true)
		}
	}
	if left != nil {
		if err := l.mendOpen(left); err != nil {
			return err
		}
	}
	var begun []*segment
	for _, s := range l.segments {
		if s.state == dropping {
			begun = append(begun, s)
		}
	}
	return l.finishDrops(begun)
}

// mendOpen closes the segment that was being written. What was intact is kept: some of it may have been acknowledged.
func (l *lane) mendOpen(left *leftover) error {
	s, sv, d := left.segment, left.survey, l.log.cfg.disk
	if to := filepath.Join(l.log.path(segmentsFolder), s.name()); s.dir != to {
		if err := d.move(s.dir, to); err != nil {
			return fmt.Errorf("put an open segment away: %w", err)
		}
		s.dir = to
	}
	highest := max(l.mark, sv.last, s.first-1, l.next-1)
	if sv.last < s.first {
		s.state = dropping
	} else {
		if err := sv.rewriteTail(d, s.msgs()); err != nil {
			return err
		}
		done, err := complete(s.msgs(), sv.blocks)
		if err != nil {
			return err
		}
		s.state, s.last, s.blocks = closed, sv.last, done
		l.mark = sv.last
	}
	l.void(highest+unacknowledged, schemas.VoidReason_UNCLEAN_STOP)
	l.log.untold.Store(true)
	return l.writeManifest()
}

// end closes the live segment at a clean stop.
func (l *lane) end() error {
	if l.live == nil {
		return nil
	}
	if l.isStopped() {
		l.live.file.Close() // the next start decides what is on disk
		return nil
	}
	return l.finish()
}

// stray is a stream's folder that no manifest names.
type stray struct {
	dir   string
	id    seal.SegmentID
	known bool // it has a name of ours
}

// findStrays looks for folders that no manifest names. One that has a key and holds events means that the manifest is older
// than the segment: that is damage. Others were never used, or their removal was not finished.
func (g *Log) findStrays() ([]stray, error) {
	var strays []stray
	for _, dir := range []string{g.path(segmentsFolder), streamsFolder(g.path(liveFolder))} {
		entries, err := os.ReadDir(dir)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		for _, e := range entries {
			s, err := g.strayOf(dir, e.Name())
			if err != nil {
				return nil, err
			}
			if s != nil {
				strays = append(strays, *s)
			}
		}
	}
	return strays, nil
}

func (g *Log) strayOf(dir, name string) (*stray, error) {
	s := &stray{dir: filepath.Join(dir, name)}
	lane, hexID, _ := strings.Cut(name, "-")
	id, err := parseID(hexID)
	l := g.laneNamed(lane)
	if err != nil || l == nil {
		return s, nil
	}
	for _, listed := range l.segments {
		if listed.id == id {
			return nil, nil
		}
	}
	s.id, s.known = id, true
	if _, err := g.cfg.Keys.Segment(id); err != nil {
		return s, nil // its key is forgotten: the removal was under way
	}
	holds, err := holdsEvents(s.dir, l.id, id)
	if err == nil && holds {
		err = fmt.Errorf("%w: segment %s holds events but stands in no manifest", eventlog.ErrDamaged, name)
	}
	return s, err
}

func (g *Log) laneNamed(name string) *lane {
	for _, id := range eventlog.Lanes {
		if id.String() == name {
			return g.lanes[id]
		}
	}
	return nil
}

func holdsEvents(dir string, l eventlog.Lane, id seal.SegmentID) (found bool, err error) {
	msgs := filepath.Join(dir, msgsFolder)
	indexes, err := blocks.List(msgs)
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	for _, i := range indexes {
		if err == nil {
			err = blocks.Sound(streamIn(dir, l, id), i, func(blocks.Record) { found = true })
		}
	}
	return found, err
}

// clear removes strays and whatever else JetStream keeps: it starts on an empty store, so it can neither skip nor cut
// anything of what it wrote before.
func (g *Log) clear(strays []stray) error {
	for _, s := range strays {
		if !s.known {
			continue
		}
		if err := g.erase(s.dir, s.id); err != nil {
			return err
		}
	}
	left, err := filepath.Glob(filepath.Join(g.path(liveFolder), "*"))
	if err != nil {
		return err
	}
	for _, path := range left {
		if err := g.cfg.disk.remove(path); err != nil {
			return fmt.Errorf("clear JetStream's store: %w", err)
		}
	}
	return nil
}
