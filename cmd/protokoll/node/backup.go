package node

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"protokoll/backup"
	"protokoll/internal/control"
)

// CommandBackup writes a backup.
const CommandBackup = "backup"

// BackupArguments say where a backup goes.
type BackupArguments struct {
	Staff
	Dir         string `json:"dir"`
	KeysTo      string `json:"keys_to,omitempty"`
	Incremental bool   `json:"incremental,omitempty"`
	Config      string `json:"config,omitempty"` // files to take along: the configuration and the policy
	Policy      string `json:"policy,omitempty"`
}

// errInside is returned for backups that would lie in the data folder, and be lost with it.
var errInside = errors.New("backups cannot lie in the data folder")

func (s *Store) backup(ctx context.Context, input json.RawMessage, progress func(control.Progress)) (any, error) {
	var a BackupArguments
	if err := json.Unmarshal(input, &a); err != nil {
		return nil, fmt.Errorf("read the arguments: %w", err)
	}
	for _, dir := range []string{a.Dir, a.KeysTo} {
		if relative, err := filepath.Rel(s.Folder, dir); dir != "" && (err != nil || filepath.IsLocal(relative)) {
			return nil, fmt.Errorf("%s: %w", dir, errInside)
		}
	}
	if err := s.remember(backup.Place{Dir: a.Dir, Keys: a.KeysTo, Last: time.Now().UTC()}); err != nil {
		return nil, err
	}
	detail := "full"
	if a.Incremental {
		detail = "incremental"
	}
	if err := s.audited(ctx, a.Staff, "backup", detail); err != nil {
		return nil, err
	}
	source := backup.Source{
		Folder: s.Folder, Log: s.Log, Keys: s.Keys, Orders: s.Orders, Program: Version, Clock: time.Now,
		Secrets: map[string]string{"ledger/key": filepath.Join(s.Folder, LedgerFolder, "key")},
		Before:  map[string]string{"ledger/tip": filepath.Join(s.Folder, LedgerFolder, "tip")},
		After:   map[string]string{"ledger": filepath.Join(s.Folder, LedgerFolder)},
	}
	for name, path := range map[string]string{"protokoll.toml": a.Config, "policy.toml": a.Policy} {
		if path != "" {
			source.After["config/"+name] = path
		}
	}
	return backup.Make(ctx, source, backup.Options{Dir: a.Dir, KeysTo: a.KeysTo, Incremental: a.Incremental}, backupSteps(progress))
}

// backupSteps turns progress of package backup into that of commands.
func backupSteps(show func(control.Progress)) backup.Progress {
	return func(step string, done, total uint64) { show(control.Progress{Step: step, Done: done, Total: total}) }
}

func (s *Store) remember(p backup.Place) error {
	s.placing.Lock()
	defer s.placing.Unlock()
	return backup.Remember(s.placesFile(), p)
}

func (s *Store) placesFile() string { return filepath.Join(s.Folder, backup.PlacesName) }

// CommandBackupForget says that a folder of backups is gone for good.
const CommandBackupForget = "backup.forget"

// BackupForgetArguments name the folder.
type BackupForgetArguments struct {
	Staff
	Dir string `json:"dir"`
}

func (s *Store) backupForget(ctx context.Context, input json.RawMessage, _ func(control.Progress)) (any, error) {
	var a BackupForgetArguments
	if err := json.Unmarshal(input, &a); err != nil {
		return nil, fmt.Errorf("read the arguments: %w", err)
	}
	s.placing.Lock()
	defer s.placing.Unlock()
	if err := backup.ForgetPlace(s.placesFile(), a.Dir); err != nil {
		return nil, err
	}
	return nil, s.audited(ctx, a.Staff, "backup", "a folder of backups is gone for good")
}

// standings says what lies in each folder of backups that is known.
func (s *Store) standings() (all []backup.Standing, err error) {
	places, err := backup.ReadPlaces(s.placesFile())
	for _, p := range places {
		all = append(all, backup.Look(p, s.clock(), s.Policy.BackupPeriod()))
	}
	return all, err
}
