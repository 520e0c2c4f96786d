package node

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"protokoll/backup"
	"protokoll/eventlog"
	"protokoll/eventlog/ledger"
	"protokoll/internal/control"
	"protokoll/internal/durable"
	"protokoll/rights"
	"protokoll/schemas"
)

// RestoreConfig says what is restored, and where.
type RestoreConfig struct {
	Staff
	Backup string // a backup, or a folder of backups: then the newest finished one
	Keys   string // where its keys are; empty: beside it
	Orders string // newest file of orders; empty: the one beside the backup
	Folder string // the data folder that is made; nothing may be there
	Note   string
	Logger *slog.Logger
}

// RestoreResult is what was restored.
type RestoreResult struct {
	Backup      string    `json:"backup"`
	Made        time.Time `json:"made"`
	OrdersUntil time.Time `json:"orders_until"`
	Orders      int       `json:"orders"` // that the backup did not know
	Epoch       uint64    `json:"epoch"`
	Events      uint64    `json:"events"`
	State       string    `json:"state"`
}

// restoring ends the name of a folder that is not a whole store yet.
const restoring = ".restoring"

// Restore makes a data folder out of a backup: all or nothing. It stands aside until every order since then is obeyed and the
// ledger's new epoch is on disk; only then it gets its name.
func Restore(ctx context.Context, c RestoreConfig, progress func(control.Progress)) (r RestoreResult, err error) {
	if _, err := os.Lstat(c.Folder); !errors.Is(err, fs.ErrNotExist) {
		return r, fmt.Errorf("%s is there already; restore makes a new data folder", c.Folder)
	}
	e, err := backup.Find(c.Backup)
	if err != nil {
		return r, err
	}
	keys, err := backup.FindKeys(e, c.Keys)
	if err != nil {
		return r, err
	}
	if c.Orders == "" {
		c.Orders = filepath.Join(filepath.Dir(e.Path), backup.OrdersName)
	}
	orders, err := backup.ReadOrders(c.Orders)
	if err != nil {
		return r, fmt.Errorf("what was ordered since the backup must be obeyed: %w", err)
	}
	aside := c.Folder + restoring
	if err := os.RemoveAll(aside); err != nil { // of a restore that was interrupted
		return r, fmt.Errorf("restore: %w", err)
	}
	u, err := backup.Unpack(ctx, e, keys, aside, seenBy(orders), time.Now(), backupSteps(progress))
	if err == nil {
		r, err = settle(ctx, c, u, orders)
	}
	if err != nil {
		return r, errors.Join(fmt.Errorf("restore: %w", err), os.RemoveAll(aside))
	}
	r.Backup, r.Made, r.OrdersUntil = e.Path, e.Manifest.When(), time.UnixMilli(orders.At)
	place := backup.Place{Dir: filepath.Dir(e.Path), Keys: filepath.Dir(keys), Last: e.Made}
	if err := backup.Remember(filepath.Join(aside, backup.PlacesName), place); err != nil {
		return r, errors.Join(fmt.Errorf("restore: %w", err), os.RemoveAll(aside))
	}
	if err := os.Rename(aside, c.Folder); err != nil {
		return r, fmt.Errorf("restore: %w", err)
	}
	return r, durable.SyncFolder(filepath.Dir(c.Folder))
}

func seenBy(o backup.Orders) backup.Seen {
	s := backup.Seen{At: time.UnixMilli(o.At), Marks: map[eventlog.Lane]uint64{}}
	for _, l := range eventlog.Lanes {
		s.Marks[l] = o.Marks[l.String()]
	}
	return s
}

// settle opens the unpacked store, which begins the epoch, obeys the orders and closes it again.
func settle(ctx context.Context, c RestoreConfig, u backup.Unpacked, orders backup.Orders) (r RestoreResult, err error) {
	s, err := OpenStore(ctx, StoreConfig{
		Folder: u.Dir, Logger: c.Logger, MustExist: true,
		Begin: &ledger.Beginning{Reason: schemas.EpochReason_RESTORE, Note: c.Note, Above: orders.Epoch},
	})
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	known, err := s.Orders(ctx)
	if err != nil {
		return r, err
	}
	missing := orders.Lacks(known)
	if err := s.obey(ctx, rights.By{Actor: c.Actor, Reason: "ordered again by a restore"}, known, missing); err != nil {
		return r, fmt.Errorf("obey the orders since the backup: %w", err)
	}
	if err := s.endTokens(ctx); err != nil {
		return r, err
	}
	if _, err := s.endMissing(ctx); err != nil {
		return r, err
	}
	epoch := s.Ledger.Epoch()
	if err := s.audited(ctx, c.Staff, "restore", fmt.Sprintf("epoch %d, %d orders", epoch, len(missing))); err != nil {
		return r, err
	}
	d, err := s.State.Digest(ctx)
	return RestoreResult{Orders: len(missing), Epoch: epoch, Events: d.Events, State: d.String()}, err
}

// ownerOf reads the owner of an order, which ReadOrders has checked.
func ownerOf(o backup.Order) (id schemas.OwnerID) {
	hex.Decode(id[:], []byte(o.Owner)) //nolint:errcheck // checked
	return id
}
