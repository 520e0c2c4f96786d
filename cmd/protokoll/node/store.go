package node

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"protokoll/accounts"
	"protokoll/directory"
	"protokoll/eventlog"
	"protokoll/eventlog/jetstream"
	"protokoll/eventlog/ledger"
	"protokoll/eventlog/seal"
	"protokoll/projections/archive"
	"protokoll/projections/state"
	"protokoll/retention"
	"protokoll/retention/engine"
	"protokoll/rights"
	"protokoll/uploads"
)

// StoreConfig says how a data folder is used.
type StoreConfig struct {
	Folder        string
	Logger        *slog.Logger
	ReserveBytes  uint64                     // 0: the log's default
	SegmentEvents uint64                     // 0: the log's default
	SegmentAge    time.Duration              // rolls lanes that would roll later; 0: as their deadlines ask for
	MustExist     bool                       // refuse to set up an empty folder
	Domains       []string                   // that are served; nil: not known, and accounts of any may be added
	Directories   map[string]*directory.LDAP // by domain, for imports; nil: not known
	Keep          string                     // folder elsewhere that keeps checkpoints and what a restore must know; empty: none
	Policy        *retention.Policy          // nil: the one that was last in force in the folder
	Clock         func() time.Time           // nil: time.Now
	Elapsed       func() time.Duration       // never jumps; nil: the process's monotonic clock
	Begin         *ledger.Beginning          // begins a new epoch of the ledger; for restore and accept-loss
}

// Store is a data folder in use.
type Store struct {
	Folder   string
	Keys     *seal.Keybook
	Log      *jetstream.Log
	Ledger   *ledger.Ledger
	State    *state.State
	Archive  *archive.Index
	Accounts *accounts.Registry
	Policy   *retention.Policy
	Uploads  *uploads.Store
	// Retention carries the policy out. It runs in a Node; on a folder without a server it does what it is asked.
	Retention *engine.Engine

	clock func() time.Time
	// whole is held for reading by who reads a lane from its beginning, and for writing while segments are dropped.
	whole sync.RWMutex

	shown   func(bare string) // what follows when a person objects or is erased; nil while no server runs
	access  *deviceAccess     // with the live router; nil while no server runs
	rights  *rights.Rights    // through the live router; nil while no server runs
	reserve time.Duration     // how long an erased account's address is given to nobody else

	domains []string
	keep    string
	kept    ordersKept
	placing sync.Mutex // held while the record of where backups are is written
	logger  *slog.Logger
	// directories say who may get an account by an import, by domain.
	directories map[string]*directory.LDAP

	unlinking unlinking
	handouts  handouts

	lock   *os.File
	cancel context.CancelFunc
	runner sync.WaitGroup
	ledger ledgerRun
	failed chan error // what stopped the fold or the ledger; the first reason counts
}

// OpenStore takes the folder, sets it up if it is empty, and returns when state has caught up with the log.
func OpenStore(ctx context.Context, c StoreConfig) (*Store, error) {
	if err := os.MkdirAll(c.Folder, 0o700); err != nil {
		return nil, fmt.Errorf("make the data folder: %w", err)
	}
	if err := ownFiles(c.Folder, os.Geteuid()); err != nil {
		return nil, err
	}
	if c.Policy == nil {
		var err error
		if c.Policy, err = PolicyOf(c.Folder); err != nil {
			return nil, err
		}
	}
	held, err := lock(c.Folder)
	if err != nil {
		return nil, err
	}
	s := &Store{Folder: c.Folder, Policy: c.Policy, domains: c.Domains, directories: c.Directories, keep: c.Keep, logger: c.Logger, clock: c.now(), lock: held, failed: make(chan error, 1)}
	if err := s.open(ctx, c); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func (s *Store) open(ctx context.Context, c StoreConfig) error {
	fresh, err := s.prepare(c.MustExist)
	if err != nil {
		return err
	}
	root := seal.FileRoot(filepath.Join(s.Folder, "root.key"))
	if s.Keys, err = either(fresh, seal.Create, seal.OpenKeybook)(filepath.Join(s.Folder, "keys"), root); err != nil {
		return fmt.Errorf("open the keybook: %w", err)
	}
	for _, alarm := range s.Keys.Alarms() {
		c.Logger.Error("the keybook is damaged in part; its second copy was used", "error", alarm)
	}
	if s.Log, err = either(fresh, jetstream.Create, jetstream.Open)(logConfig(c, s.Keys)); err != nil {
		return fmt.Errorf("open the log: %w", err)
	}
	if fresh {
		if err := createLedger(s.Folder, c.Logger); err != nil {
			return err
		}
		if err := finishSetUp(s.Folder); err != nil {
			return err
		}
	}
	if s.State, err = state.Open(filepath.Join(s.Folder, "state"), s.Log, c.Logger); err != nil {
		return fmt.Errorf("open the state: %w", err)
	}
	s.State.MendUnder(s.whole.RLocker())
	if s.Archive, err = archive.Open(filepath.Join(s.Folder, "archive"), s.Log, c.Logger); err != nil {
		return err
	}
	if err := s.openLedger(ctx, c); err != nil {
		return err
	}
	s.Accounts = accounts.New(s.Log, s.State, s.Keys)
	s.Accounts.Clock, s.reserve = s.clock, c.policy().ReservedFor()
	if err := s.follow(ctx); err != nil {
		return err
	}
	if err := s.openUploads(); err != nil {
		return err
	}
	return s.openRetention(c)
}

// follow starts the fold and waits until it has seen what the log held at start.
func (s *Store) follow(ctx context.Context) error {
	run, cancel := context.WithCancel(context.Background())
	s.cancel = cancel
	caughtUp, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	s.runner.Go(func() {
		if err := s.State.Run(run); err != nil && run.Err() == nil {
			s.fail(fmt.Errorf("fold the log: %w", err))
			stop(err)
		}
	})
	s.runner.Go(func() {
		if err := s.Archive.Run(run); err != nil && run.Err() == nil {
			s.fail(fmt.Errorf("index the archive: %w", err))
			stop(err)
		}
	})
	if err := errors.Join(s.State.Caught(caughtUp), s.Archive.Caught(caughtUp)); err != nil {
		return fmt.Errorf("catch up with the log: %w", errors.Join(err, context.Cause(caughtUp)))
	}
	return s.keepOrders(ctx, run)
}

// rollLong is how old a segment becomes from which no rule takes anything.
const rollLong = 12 * time.Hour

// gatherNow is how long presences and sign-ins wait to share a sync. docs/decisions/0008
const gatherNow = 10 * time.Millisecond

func logConfig(c StoreConfig, keys *seal.Keybook) jetstream.Config {
	l := jetstream.Config{
		Dir: filepath.Join(c.Folder, "log"), Keys: keys, Logger: c.Logger,
		ReserveBytes: c.ReserveBytes, SegmentEvents: c.SegmentEvents, SegmentAge: map[eventlog.Lane]time.Duration{},
		Gather: map[eventlog.Lane]time.Duration{eventlog.Now: gatherNow}, Clock: c.Clock,
	}
	for _, lane := range eventlog.Lanes {
		age := cmp.Or(engine.Period(c.policy(), lane), rollLong)
		if c.SegmentAge > 0 {
			age = min(age, c.SegmentAge)
		}
		l.SegmentAge[lane] = age
	}
	return l
}

func (s *Store) fail(err error) {
	select {
	case s.failed <- err:
	default:
	}
}

// Failed tells of what stops the store for good: a fold that met what it does not know, a disk that lost a sync.
func (s *Store) Failed() <-chan error { return s.failed }

// Close stops the fold, then the log, and gives the folder back. It may be called on a store that did not open wholly.
func (s *Store) Close() error {
	var errs []error
	if s.Log != nil {
		errs = append(errs, s.Log.Close())
	}
	s.closeUploads()
	if s.cancel != nil {
		s.cancel()
		s.runner.Wait()
	}
	if s.State != nil {
		errs = append(errs, s.State.Close())
	}
	if s.Archive != nil {
		errs = append(errs, s.Archive.Close())
	}
	errs = append(errs, s.closeLedger())
	return errors.Join(append(errs, s.lock.Close())...)
}

func either[T any](first bool, a, b T) T {
	if first {
		return a
	}
	return b
}
