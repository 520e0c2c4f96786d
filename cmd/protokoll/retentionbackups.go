package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"text/tabwriter"
	"time"

	"protokoll/backup"
	"protokoll/cmd/protokoll/node"
)

var (
	// errOldBackups is returned when backups, or keys of some, are older than the policy allows.
	errOldBackups = errors.New("backups are older than the policy allows: run protokoll backup prune DIR")
	// errUnseen is returned when nobody can tell whether old backups lie somewhere.
	errUnseen = errors.New("a folder of backups cannot be looked into: mount it, or run protokoll backup forget DIR if it is gone for good")
)

// sayBackups shows what lies where backups were made. It fails if anything there is overdue, or may be.
func sayBackups(out io.Writer, s node.RetentionStatus) error {
	if len(s.Backups) == 0 {
		fmt.Fprintln(out, "no backup was made of this folder, as far as it knows")
		return nil
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "\nBACKUPS IN\tKEYS IN\tMAY STAY\tBACKUPS\tKEYS\tUNFINISHED\tOVERDUE\tOLDEST\tNEWEST")
	for _, b := range s.Backups {
		fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%d\t%d\t%d\t%s\t%s\n",
			b.Dir, b.Keys, s.BackupPeriod, b.Backups, b.KeyCopies, b.Unfinished, b.Overdue, when(b.Oldest), when(b.Newest))
	}
	errs := []error{w.Flush()}
	newest := time.Time{}
	for _, b := range s.Backups {
		if b.Newest.After(newest) {
			newest = b.Newest
		}
		errs = append(errs, faultsOf(b))
	}
	if s.BackupEvery > 0 && s.At.Sub(newest) > s.BackupEvery {
		fmt.Fprintf(os.Stderr, "protokoll: the newest backup is of %s; the policy wants one every %s\n", when(newest), s.BackupEvery)
	}
	return errors.Join(errs...)
}

func faultsOf(b backup.Standing) (err error) {
	if b.Overdue > 0 {
		err = fmt.Errorf("%d in %s: %w", b.Overdue, b.Dir, errOldBackups)
	}
	if b.Unseen != "" {
		err = errors.Join(err, fmt.Errorf("%s (%s): %w", b.Dir, b.Unseen, errUnseen))
	}
	return err
}

type backupForgetCmd struct {
	where   `embed:""`
	staff   `embed:""`
	consent `embed:""`
	Dir     string `arg:"" type:"path" help:"The folder that is gone."`
}

func (c *backupForgetCmd) Run(ctx context.Context) error {
	if err := c.ask("Is this folder destroyed, with everything that was in it?"); err != nil {
		return err
	}
	arguments := node.BackupForgetArguments{Staff: c.who(), Dir: c.Dir}
	if err := c.command(ctx, node.CommandBackupForget, arguments, &struct{}{}); err != nil {
		return err
	}
	fmt.Println("forgotten", c.Dir)
	return nil
}
