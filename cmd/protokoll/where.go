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
	Data   string `placeholder:"DIR" type:"path" help:"The data folder." xor:"where" required:""`
	Config string `placeholder:"FILE" type:"path" help:"The configuration that names the data folder." xor:"where" required:""`
}

func (w where) folder() (string, error) {
	if w.Data != "" {
		return w.Data, nil
	}
	c, err := config.Load(w.Config)
	if err != nil {
		return "", err
	}
	return c.Data, nil
}

// command carries out a command on the server that runs on the folder, else on the folder itself, and shows its progress.
func (w where) command(ctx context.Context, name string, arguments, result any) error {
	folder, err := w.folder()
	if err != nil {
		return err
	}
	bar := progress.New(os.Stderr)
	defer bar.Done()
	show := func(p control.Progress) { bar.Show(p.Step, p.Done, p.Total) }
	err = control.Call(ctx, folder, name, arguments, result, show)
	if !errors.Is(err, control.ErrNotRunning) {
		return err
	}
	return direct(ctx, folder, name, arguments, result, show)
}

func direct(ctx context.Context, folder, name string, arguments, result any, show func(control.Progress)) error {
	if _, err := os.Stat(folder); err != nil {
		return fmt.Errorf("the data folder: %w", err)
	}
	logger := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	store, err := node.OpenStore(ctx, node.StoreConfig{Folder: folder, Logger: logger, MustExist: true})
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
