package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"

	"protokoll/cmd/protokoll/node"
	"protokoll/internal/control"
	"protokoll/internal/progress"
)

type rehearseCmd struct {
	where  `embed:""`
	CopyTo string `name:"copy-to" placeholder:"DIR" type:"path" help:"Where the log is copied for the rehearsal. Without it: beside the data folder, where closed segments are linked instead of copied."`
}

// errRehearsal is returned when this program does not read a log as the running one does.
var errRehearsal = errors.New("do not upgrade to this version: it does not read the log as the running one does")

func (c *rehearseCmd) Run(ctx context.Context) error {
	store, err := c.store()
	if err != nil {
		return err
	}
	bar := progress.New(os.Stderr)
	r, err := node.Rehearse(ctx, store.Folder, c.CopyTo, func(p control.Progress) { bar.Show(p.Step, p.Done, p.Total) })
	bar.Done()
	if err != nil {
		return err
	}
	for _, lane := range slices.Sorted(maps.Keys(r.Events)) {
		fmt.Printf("%-10s %d events\n", lane, r.Events[lane])
	}
	for _, u := range r.Unknown {
		fmt.Printf("unknown    %s\n", u)
	}
	if len(r.Unknown) > 0 {
		return errRehearsal
	}
	what := "stopped"
	if r.Running {
		what = "running"
	}
	fmt.Printf("%-10s %s\nrehearsed  %s\n", what, r.Live, r.Rehearsed)
	if r.Live != r.Rehearsed {
		return errRehearsal
	}
	fmt.Println("equal: this version reads the log as the other one does")
	return nil
}
