package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"

	"protokoll/cmd/protokoll/node"
	"protokoll/config"
	"protokoll/internal/control"
	"protokoll/internal/progress"
)

// where says on which data folder a command works.
type where struct {
	Data   string `placeholder:"DIR" type:"path" help:"The data folder. This or --config is needed."`
	Config string `placeholder:"FILE" type:"path" help:"The configuration that names the data folder."`
}

// Validate is called by kong. Marking both as required would have them both in the usage line.
func (w where) Validate() error {
	if (w.Data == "") == (w.Config == "") {
		return errors.New("one of --data=DIR and --config=FILE is needed, and only one")
	}
	return nil
}

// store says which folder it is and, if there is a configuration, which domains are served.
func (w where) store() (node.StoreConfig, error) {
	logger := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	s := node.StoreConfig{Folder: w.Data, Logger: logger, MustExist: true}
	if w.Config == "" {
		return s, nil
	}
	c, err := config.Load(w.Config)
	if err != nil {
		return s, err
	}
	s.Folder, s.Keep = c.Data, c.Ledger.Keep
	for _, d := range c.Domain {
		s.Domains = append(s.Domains, d.Name)
	}
	return s, nil
}

// command carries out a command on the server that runs on the folder, else on the folder itself, and shows its progress.
func (w where) command(ctx context.Context, name string, arguments, result any) error {
	store, err := w.store()
	if err != nil {
		return err
	}
	bar := progress.New(os.Stderr)
	defer bar.Done()
	show := func(p control.Progress) { bar.Show(p.Step, p.Done, p.Total) }
	err = control.Call(ctx, store.Folder, name, arguments, result, show)
	if !errors.Is(err, control.ErrNotRunning) {
		return err
	}
	return direct(ctx, store, name, arguments, result, show)
}

func direct(ctx context.Context, c node.StoreConfig, name string, arguments, result any, show func(control.Progress)) error {
	if _, err := os.Stat(c.Folder); err != nil {
		return fmt.Errorf("the data folder: %w", err)
	}
	store, err := node.OpenStore(ctx, c)
	if err != nil {
		return err
	}
	input, err := json.Marshal(arguments)
	if err != nil {
		return errors.Join(err, store.Close())
	}
	output, err := store.Commands()[name](ctx, input, show)
	if err = errors.Join(err, store.Close()); err != nil {
		return err
	}
	data, err := json.Marshal(output)
	if err != nil {
		return err
	}
	return json.Unmarshal(data, result)
}
