package jetstream

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"protokoll/eventlog"
	"protokoll/schemas"
)

const (
	formatFile      = "format"
	lockFile        = "lock"
	manifestsFolder = "manifests"
	segmentsFolder  = "segments"
	liveFolder      = "live"
	msgsFolder      = "msgs" // in a stream's folder; JetStream's name

	// format is what formatFile holds. A log of another format is refused.
	format = "protokoll log 1, nats-server 2.15\n"

	laneCount = 8 // lanes are numbered from 1
)

var (
	// ErrExists is returned by Create when the folder holds a log already, or part of one.
	ErrExists = errors.New("there is a log already")
	// ErrInUse is returned when another process has the log open.
	ErrInUse = errors.New("another process uses this log")
)

// Log is the embedded log. It implements eventlog.Log.
type Log struct {
	cfg    Config
	lock   *os.File
	marks  *marks
	engine *engine
	lanes  [laneCount]*lane // by eventlog.Lane; 0 is nil

	writers sync.WaitGroup
	faults  chan error
	untold  atomic.Bool // there are void numbers without a proof.void event

	open sync.RWMutex // held for reading while something is removed beside the writers, for writing by Close

	closing sync.Once
	closed  error
}

var _ eventlog.Log = (*Log)(nil)

// Create makes an empty log and opens it. It is for the day of creation only: it returns ErrExists if the folder holds
// anything of a log. A creation that was interrupted is taken up again.
func Create(cfg Config) (*Log, error) {
	cfg = cfg.withDefaults()
	if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("create the log: %w", err)
	}
	lock, err := takeLock(cfg.Dir)
	if err != nil {
		return nil, err
	}
	if err := create(cfg); err != nil {
		releaseLock(lock)
		return nil, fmt.Errorf("create the log: %w", err)
	}
	return openLocked(cfg, lock)
}

func create(cfg Config) error {
	if err := refuseOld(cfg.Dir); err != nil {
		return err
	}
	for _, name := range []string{manifestsFolder, segmentsFolder, liveFolder} {
		if err := cfg.disk.makeFolder(filepath.Join(cfg.Dir, name)); err != nil {
			return err
		}
	}
	for _, l := range eventlog.Lanes {
		m := &manifest{Lane: l.String(), Next: 1, Segments: []segmentEntry{}, Voids: []voidEntry{}}
		if err := m.write(cfg.disk, cfg.Dir); err != nil {
			return err
		}
	}
	return cfg.disk.replace(filepath.Join(cfg.Dir, formatFile), strings.NewReader(format))
}

// refuseOld tells a folder without a log from one that holds anything of one.
func refuseOld(dir string) error {
	for _, pattern := range []string{formatFile, marksFile, segmentsFolder + "/*", liveFolder + "/*"} {
		found, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil {
			return err
		}
		if len(found) > 0 {
			return fmt.Errorf("%s: %w", found[0], ErrExists)
		}
	}
	for _, l := range eventlog.Lanes {
		m, err := readManifest(dir, l)
		if errors.Is(err, eventlog.ErrMissing) {
			continue
		}
		if err != nil || m.Next > 1 || len(m.Segments) > 0 {
			return fmt.Errorf("%s: %w", manifestPath(dir, l), ErrExists)
		}
	}
	return nil
}

// Open opens a log that exists. It returns ErrMissing where there is none, ErrDamaged with file and place when it does not
// hold what it once promised, having changed nothing then, and ErrInUse.
func Open(cfg Config) (*Log, error) {
	cfg = cfg.withDefaults()
	if _, err := os.Stat(cfg.Dir); errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("%s: %w", cfg.Dir, eventlog.ErrMissing)
	}
	lock, err := takeLock(cfg.Dir)
	if err != nil {
		return nil, err
	}
	return openLocked(cfg, lock)
}

func openLocked(cfg Config, lock *os.File) (*Log, error) {
	g := &Log{cfg: cfg, lock: lock, faults: make(chan error, 1)}
	if err := g.load(); err != nil {
		if g.marks != nil {
			g.marks.f.Close()
		}
		releaseLock(lock)
		return nil, fmt.Errorf("open the log: %w", err)
	}
	for _, id := range eventlog.Lanes {
		l := g.lanes[id]
		g.writers.Go(l.write)
		g.writers.Go(l.settle)
	}
	g.tellVoids()
	return g, nil
}

// load checks everything before it changes anything, then mends what an unclean stop left behind, then starts JetStream on
// an empty store.
func (g *Log) load() (err error) {
	if err := checkFormat(g.cfg.Dir); err != nil {
		return err
	}
	if g.marks, err = openMarks(g.cfg.Dir); err != nil {
		return err
	}
	var left [laneCount]*leftover
	for _, id := range eventlog.Lanes {
		g.lanes[id] = newLane(g, id)
		if left[id], err = g.lanes[id].inspect(); err != nil {
			return fmt.Errorf("lane %s: %w", id, err)
		}
	}
	strays, err := g.findStrays()
	if err != nil {
		return err
	}
	for _, id := range eventlog.Lanes {
		if err := g.lanes[id].mend(left[id]); err != nil {
			return fmt.Errorf("lane %s: %w", id, err)
		}
	}
	if err := g.clear(strays); err != nil {
		return err
	}
	return g.start()
}

func checkFormat(dir string) error {
	path := filepath.Join(dir, formatFile)
	b, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("%s: %w", path, eventlog.ErrMissing)
	}
	if err != nil {
		return err
	}
	if string(b) != format {
		return fmt.Errorf("%s: %w: unknown format", path, eventlog.ErrDamaged)
	}
	return nil
}

func (g *Log) start() (err error) {
	n := newNotices(func(level, text string) { g.cfg.Logger.Warn("JetStream reports", "level", level, "text", text) })
	if g.engine, err = startEngine(g.path(liveFolder), g.cfg.AckWait, n); err != nil {
		return err
	}
	if err := keepFolder(g.path(liveFolder)); err != nil {
		g.engine.stop()
		return err
	}
	for _, id := range eventlog.Lanes {
		if g.lanes[id].line, err = g.engine.line(id); err != nil {
			g.engine.stop()
			return err
		}
	}
	return nil
}

// takeLock makes sure that one process at a time uses the folder. The kernel gives the lock back when the process ends.
func takeLock(dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, lockFile), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock the log: %w", err)
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		f.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			return nil, fmt.Errorf("%s: %w", dir, ErrInUse)
		}
		return nil, fmt.Errorf("lock the log: %w", err)
	}
	return f, nil
}

// releaseLock unlocks before it closes: a child that was forked and has not yet become another program shares the lock.
func releaseLock(f *os.File) error {
	return errors.Join(unix.Flock(int(f.Fd()), unix.LOCK_UN), f.Close())
}

func (g *Log) path(name string) string { return filepath.Join(g.cfg.Dir, name) }

// Mark returns the lane's durable mark. See eventlog.Log.
func (g *Log) Mark(l eventlog.Lane) uint64 {
	if lane := g.lane(l); lane != nil {
		return lane.Mark()
	}
	return 0
}

func (g *Log) lane(l eventlog.Lane) *lane {
	if int(l) < len(g.lanes) {
		return g.lanes[l]
	}
	return nil
}

// Fatal gets the reason when a lane stopped for good: a failed sync, or damage that was met. The process should end then.
func (g *Log) Fatal() <-chan error { return g.faults }

func (g *Log) fatal(err error) {
	g.cfg.Logger.Error("the log stopped", "error", err.Error())
	select {
	case g.faults <- err:
	default: // the first reason is the one that counts
	}
}

// tellVoids appends a proof.void event for each range of void numbers that has none yet. It does not wait for them.
func (g *Log) tellVoids() {
	if !g.untold.CompareAndSwap(true, false) {
		return
	}
	for _, id := range eventlog.Lanes {
		l := g.lanes[id]
		l.chain.RLock()
		voids := append([]voidEntry(nil), l.voids...)
		l.chain.RUnlock()
		for i, v := range voids {
			if !v.Told {
				g.tellVoid(l, i, v)
			}
		}
	}
}

func (g *Log) tellVoid(l *lane, i int, v voidEntry) {
	g.writers.Go(func() { // Append waits while the queue of the proof lane is full, and its writer may be who called
		g.Append(eventlog.Command{Owner: g.cfg.Keys.Server(), Cause: schemas.Cause_SERVER, Facts: []eventlog.Fact{
			eventlog.Set(fmt.Sprintf("%s/%d", l.id, v.First), &schemas.NumbersVoid{Lane: uint32(l.id), First: v.First, Last: v.Last, Reason: v.Reason}),
		}}).Then(func(err error) {
			if err != nil {
				g.untold.Store(true)
				return
			}
			l.chain.Lock()
			l.voids[i].Told = true
			l.chain.Unlock()
		})
	})
}

// letGo makes JetStream forget a stream whose folder was moved or is to be removed.
func (g *Log) letGo(stream string) {
	if g.engine != nil {
		g.engine.forget(stream)
		g.engine.notices.unwatch(stream)
	}
}

// Close stores what is queued, stops the writers, closes the segments and lets go of the folder. See eventlog.Log.
func (g *Log) Close() error {
	g.closing.Do(func() { g.closed = g.close() })
	return g.closed
}

func (g *Log) close() error {
	for _, id := range eventlog.Lanes {
		g.lanes[id].queue.end(eventlog.ErrStopped)
	}
	g.writers.Wait()
	g.open.Lock()
	defer g.open.Unlock()
	g.engine.stop()
	g.engine = nil
	var errs []error
	for _, id := range eventlog.Lanes {
		errs = append(errs, g.lanes[id].end())
		g.lanes[id].halt(eventlog.ErrStopped)
	}
	errs = append(errs, g.marks.f.Close(), releaseLock(g.lock))
	return errors.Join(errs...)
}

// Follow hands out what stands in the lane and goes on. See eventlog.Log.
func (g *Log) Follow(ctx context.Context, l eventlog.Lane, from uint64, fn func([]eventlog.Record) error) error {
	return g.Read(ctx, l, from, forever, fn)
}

// Read hands out what stands in the lane up to a number. See eventlog.Log.
func (g *Log) Read(ctx context.Context, l eventlog.Lane, from, upTo uint64, fn func([]eventlog.Record) error) error {
	lane := g.lane(l)
	if lane == nil {
		return fmt.Errorf("%s: %w", l, eventlog.ErrMissing)
	}
	return lane.follow(ctx, from, upTo, fn)
}
