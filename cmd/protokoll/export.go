package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"protokoll/cmd/protokoll/node"
	"protokoll/internal/control"
	"protokoll/internal/durable"
	"protokoll/internal/progress"
)

type exportCmd struct {
	where              `embed:""`
	staff              `embed:""`
	Address            string `arg:"" help:"The address, such as anna@example.org."`
	Out                string `placeholder:"FILE.zip" type:"path" required:"" help:"Where the export is written, with mode 0600."`
	Force              bool   `help:"Replace the file if there is one."`
	WithoutCredentials bool   `help:"Leave out the keys that check a local account's password; another server cannot take over the password then."`
}

// errThere is returned when a file would be replaced.
var errThere = errors.New("there is such a file already; --force replaces it")

func (c *exportCmd) Run(ctx context.Context) (err error) {
	if _, err := os.Lstat(c.Out); !errors.Is(err, fs.ErrNotExist) && !c.Force {
		return fmt.Errorf("%s: %w", c.Out, errors.Join(err, errThere))
	}
	var r node.ExportResult
	arguments := node.ExportArguments{Staff: c.who(), Address: c.Address, Credentials: !c.WithoutCredentials}
	t, err := c.target(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, t.close()) }()
	bar := progress.New(os.Stderr)
	err = t.show(ctx, node.CommandExport, arguments, &r, func(p control.Progress) { bar.Show(p.Step, p.Done, p.Total) })
	bar.Done()
	if err != nil {
		return err
	}
	err = writeAside(c.Out, c.Force, func(w io.Writer) error { return t.writeExport(ctx, w, &r) })
	if err != nil {
		return fmt.Errorf("write the export: %w", err)
	}
	fmt.Printf("exported %s to %s\nfacts    %d\nheld     %d\nstaff    %d entries\nfiles    %d\n", r.Address, c.Out, r.Facts, r.Held, r.Staff, len(r.Files))
	return nil
}

// writeAside writes a file that only its owner reads, whole or not at all. Without replace it never takes another file's place.
func writeAside(path string, replace bool, write func(io.Writer) error) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*") // mode 0600
	if err != nil {
		return err
	}
	defer func() {
		if gone := os.Remove(f.Name()); gone != nil && !errors.Is(gone, fs.ErrNotExist) {
			err = errors.Join(err, gone)
		}
	}()
	err = write(f)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if !replace {
		switch err = os.Link(f.Name(), path); { // fails if there is one
		case errors.Is(err, fs.ErrExist):
			return errThere
		case err != nil: // a stick that knows no links
			replace = true
		}
	}
	if replace {
		if err := os.Rename(f.Name(), path); err != nil {
			return err
		}
	}
	return durable.SyncFolder(filepath.Dir(path))
}
