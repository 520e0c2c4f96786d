package main

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"log/slog"
	"os"

	"protokoll/cmd/protokoll/node"
	"protokoll/config"
	"protokoll/directory"
	"protokoll/internal/control"
)

// target is where many commands in a row go: a running server, or a folder that is opened once for all of them.
type target struct {
	folder string
	store  *node.Store // nil: a server runs
	people []*directory.LDAP
}

// target finds out whether a server runs. With a configuration the directories are asked by this process if none does.
func (w where) target(ctx context.Context) (*target, error) {
	c, err := w.store()
	if err != nil {
		return nil, err
	}
	t := &target{folder: c.Folder}
	running, err := control.Running(ctx, c.Folder)
	if err != nil || running {
		return t, err
	}
	if _, err := os.Stat(c.Folder); err != nil {
		return nil, fmt.Errorf("the data folder: %w", err)
	}
	if w.Config != "" {
		if err := t.directories(w.Config, &c); err != nil {
			return nil, errors.Join(err, t.close())
		}
	}
	if t.store, err = node.OpenStore(ctx, c); err != nil {
		return nil, errors.Join(err, t.close())
	}
	return t, nil
}

func (t *target) directories(file string, c *node.StoreConfig) error {
	settings, err := config.Load(file)
	if err != nil {
		return err
	}
	c.Directories = map[string]*directory.LDAP{}
	logger := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	for _, d := range settings.Domain {
		if d.Directory == nil {
			continue
		}
		ldap, _, err := node.OpenDirectory(d, logger)
		if err != nil {
			return err
		}
		c.Directories[d.Name] = ldap
		t.people = append(t.people, ldap)
	}
	return nil
}

// call carries out one command.
func (t *target) call(ctx context.Context, name string, arguments, result any) error {
	return t.show(ctx, name, arguments, result, func(control.Progress) {})
}

// show carries out one command and is told how far it is.
func (t *target) show(ctx context.Context, name string, arguments, result any, show func(control.Progress)) error {
	if t.store == nil {
		return control.Call(ctx, t.folder, name, arguments, result, show)
	}
	input, err := json.Marshal(arguments)
	if err != nil {
		return err
	}
	output, err := t.store.Commands()[name](ctx, input, show)
	if err != nil {
		return err
	}
	data, err := json.Marshal(output)
	if err != nil || result == nil {
		return err
	}
	return json.Unmarshal(data, result)
}

func (t *target) close() error {
	var errs []error
	if t.store != nil {
		errs = append(errs, t.store.Close())
	}
	for _, l := range t.people {
		errs = append(errs, l.Close())
	}
	return errors.Join(errs...)
}

// fingerprint tells whether what is read again is what was read first.
type fingerprint struct {
	sum   hash.Hash
	first []byte
}

func (f *fingerprint) begin() hash.Hash {
	f.sum = sha256.New()
	return f.sum
}

func (f *fingerprint) keep() { f.first = f.sum.Sum(nil) }

func (f *fingerprint) same() bool { return string(f.first) == string(f.sum.Sum(nil)) }
