package node

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"

	"protokoll/eventlog/ledger"
)

// LedgerFolder is where the ledger lies in a data folder.
const LedgerFolder = "ledger"

// createLedger makes the ledger of a new store and shows the key that whoever keeps checkpoints should keep with them.
func createLedger(folder string, logger *slog.Logger) error {
	public, err := ledger.Create(filepath.Join(folder, LedgerFolder))
	if err != nil {
		return err
	}
	logger.Info("the ledger's key was made; keep its public half with the checkpoints, off this machine", "public", public)
	return nil
}

// ledgerRun is the ledger's follower.
type ledgerRun struct {
	cancel context.CancelFunc
	runner sync.WaitGroup
}

// openLedger compares the ledger with the log before anything is served, and starts to follow.
func (s *Store) openLedger(ctx context.Context, c StoreConfig) error {
	var err error
	s.Ledger, err = ledger.Open(ctx, ledger.Config{
		Dir: filepath.Join(s.Folder, LedgerFolder), Log: s.Log, Server: s.Keys.Server(), Keep: c.Keep, Logger: c.Logger, Begin: c.Begin,
	})
	if err != nil {
		return err
	}
	run, cancel := context.WithCancel(context.Background())
	s.ledger.cancel = cancel
	s.ledger.runner.Go(func() {
		if err := s.Ledger.Run(run); err != nil {
			s.fail(fmt.Errorf("keep the ledger: %w", err))
		}
	})
	return nil
}

// closeLedger signs the last checkpoint. The log is closed by then, so the follower has all of it and ends by itself.
func (s *Store) closeLedger() error {
	if s.Ledger == nil {
		return nil
	}
	s.ledger.runner.Wait()
	s.ledger.cancel()
	if err := s.Ledger.Close(); err != nil {
		return fmt.Errorf("close the ledger: %w", err)
	}
	return nil
}

// AcceptLoss opens a store whose ledger disagrees with its log, begins the epoch that the configuration says, and closes it.
func AcceptLoss(ctx context.Context, c StoreConfig, who Staff) (epoch uint64, err error) {
	s, err := OpenStore(ctx, c)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	return s.Ledger.Epoch(), s.audited(ctx, who, "audit.accept-loss", fmt.Sprintf("epoch %d", s.Ledger.Epoch()))
}
