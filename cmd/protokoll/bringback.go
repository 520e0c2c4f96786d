package main

import (
	"context"
	"fmt"
	"os"
	"text/tabwriter"
	"time"

	"protokoll/cmd/protokoll/node"
)

// moment is a point of time on the command line.
type moment struct{ time.Time }

// momentForms are how a moment may be written; without a zone it is local time.
var momentForms = []string{time.RFC3339, "2006-01-02T15:04:05", "2006-01-02T15:04", "2006-01-02 15:04:05", "2006-01-02 15:04"}

// UnmarshalText is called by kong.
func (m *moment) UnmarshalText(text []byte) (err error) {
	for _, form := range momentForms {
		if m.Time, err = time.ParseInLocation(form, string(text), time.Local); err == nil {
			return nil
		}
	}
	return fmt.Errorf("%q is no time such as 2026-11-23T14:30:00", text)
}

type accountRestoreCmd struct {
	where   `embed:""`
	staff   `embed:""`
	consent `embed:""`
	Address string   `arg:"" help:"The address."`
	At      moment   `required:"" placeholder:"TIME" help:"The moment whose facts are brought back, such as 2026-11-23T14:30:00."`
	Family  []string `placeholder:"NAME" help:"Only these: roster, profile, private, node, pep, block."`
	DryRun  bool     `name:"dry-run" help:"Show the difference and change nothing."`
	Open    bool     `help:"Show content too; needs --reason and is written down."`
}

func (c *accountRestoreCmd) Run(ctx context.Context) error {
	arguments := node.PastArguments{
		AccountArguments: node.AccountArguments{Address: c.Address}, Staff: c.who(), At: c.At.Time, Families: c.Family, Open: c.Open,
	}
	var r node.PastResult
	if err := c.command(ctx, node.CommandAccountPast, arguments, &r); err != nil {
		return err
	}
	if err := show(r); err != nil {
		return err
	}
	if changes := r.Changes(); c.DryRun || changes == 0 {
		return nil
	} else if err := c.ask(fmt.Sprintf("Bring %s back? Sessions of the account end.", facts(changes))); err != nil {
		return err
	}
	arguments.Open = false
	if err := c.command(ctx, node.CommandAccountRestore, arguments, &r); err != nil {
		return err
	}
	fmt.Printf("brought back %s\n", facts(r.Changes()))
	return nil
}

func facts(n int) string {
	if n == 1 {
		return "1 fact"
	}
	return fmt.Sprintf("%d facts", n)
}

// show prints the difference: signs are those of a diff from now to then.
func show(r node.PastResult) error {
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "family\tsame\tadded\tchanged\tremoved\tno longer held")
	for _, f := range r.Families {
		fmt.Fprintf(w, "%s\t%d\t%d\t%d\t%d\t%d\n", f.Family, f.Same, f.Added, f.Changed, f.Removed, f.Unknown)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	for _, f := range r.Families {
		for _, line := range f.Content {
			fmt.Printf("%s %s\n", f.Family, line)
		}
	}
	if r.Erased > 0 {
		fmt.Printf("%d events up to that moment are no longer held, by whatever rule erased them. A fact of which nothing is held may have\n"+
			"had a value then: it is left as it is now.\n", r.Erased)
	}
	return nil
}
