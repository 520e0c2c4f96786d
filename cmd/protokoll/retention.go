package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"text/tabwriter"
	"time"

	"protokoll/cmd/protokoll/node"
	"protokoll/retention/engine"
)

type retentionCmd struct {
	Status retentionStatusCmd `cmd:"" help:"Say for each rule what is due and overdue, and when lanes are swept next. Fails if anything is overdue, also in backups."`
	Run    retentionRunCmd    `cmd:"" help:"Take out now what is due."`
}

type retentionStatusCmd struct {
	where `embed:""`
}

// errOverdue is returned when something should be gone and is not.
var errOverdue = errors.New("something is overdue: run protokoll retention run")

func (c *retentionStatusCmd) Run(ctx context.Context) error {
	var s node.RetentionStatus
	if err := c.command(ctx, node.CommandRetentionStatus, nil, &s); err != nil {
		return err
	}
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "CLASS\tRULE\tDEADLINE\tDUE\tOVERDUE\tOLDEST SINCE")
	for _, r := range s.Rules {
		fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%d\t%s\n", r.Class, r.Rule, r.Deadline, r.Due, r.Overdue, when(r.Oldest))
	}
	fmt.Fprintln(w, "\t\t\t\t\t\nLANE\tEVENTS\tLIVE\tBYTES\tNEXT SWEEP\tLAST SWEEP")
	for _, l := range s.Lanes {
		fmt.Fprintf(w, "%s\t%d\t%d\t%d\t%s\t%s\n", l.Lane, l.Events, l.Live, l.Bytes, when(l.NextSweep), when(l.LastSweep))
	}
	err := w.Flush()
	for _, l := range s.Lanes {
		if l.UnderWay {
			fmt.Printf("lane %s: a sweep is under way, or goes on at the next start\n", l.Lane)
		}
		if l.Waiting != "" {
			fmt.Printf("lane %s waits: %s\n", l.Lane, l.Waiting)
		}
	}
	if n := s.Overdue(); n > 0 {
		err = fmt.Errorf("%d events: %w", n, errOverdue)
	}
	return errors.Join(err, sayBackups(os.Stdout, s))
}

func when(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.Local().Format(time.DateTime)
}

type retentionRunCmd struct {
	where   `embed:""`
	staff   `embed:""`
	consent `embed:""`
	DryRun  bool `help:"Show the plan and change nothing."`
}

func (c *retentionRunCmd) Run(ctx context.Context) error {
	var plans []engine.Plan
	if err := c.command(ctx, node.CommandRetentionPlan, nil, &plans); err != nil {
		return err
	}
	showPlans(plans)
	if c.DryRun || len(plans) == 0 {
		return nil
	}
	if err := c.ask("What goes cannot be brought back. Sweep now?"); err != nil {
		return err
	}
	var results []engine.Result
	arguments := node.RetentionArguments{Staff: c.who(), Yes: true}
	if err := c.command(ctx, node.CommandRetentionRun, arguments, &results); err != nil {
		return err
	}
	for _, r := range results {
		fmt.Printf("lane %s: %d erased, %d moved, %d held, in %s\n", r.Plan.Lane, r.Erased, r.Moved, r.Held, r.Took.Round(time.Millisecond))
	}
	return nil
}

func showPlans(plans []engine.Plan) {
	if len(plans) == 0 {
		fmt.Println("nothing is due")
		return
	}
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "LANE\tSEGMENT\tNUMBERS\tKEPT\tDUE\tBYTES")
	for _, p := range plans {
		for _, s := range p.Segments {
			fmt.Fprintf(w, "%s\t%.8s\t%d-%d\t%d\t%d\t%d\n", p.Lane, s.ID, s.First, s.Last, s.Keeps, s.Due, s.Bytes)
		}
	}
	w.Flush() // to standard output: nothing could be said about a failure
	for _, p := range plans {
		if p.Ends > 0 {
			fmt.Printf("lane %s: %d of %d facts end by a rule of age, or belong to nobody\n", p.Lane, p.Ends, p.Facts)
		}
	}
}
