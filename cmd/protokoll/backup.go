package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"protokoll/backup"
	"protokoll/cmd/protokoll/node"
	"protokoll/config"
	"protokoll/eventlog"
	"protokoll/internal/progress"
)

type backupCmd struct {
	Make   backupMakeCmd   `cmd:"" default:"withargs" help:"Copy log, keys and policy into a folder of backups, from a running server or a stopped folder."`
	Verify backupVerifyCmd `cmd:"" help:"Read a backup again and open every record of it."`
	Prune  backupPruneCmd  `cmd:"" help:"Remove backups that are older than the policy allows."`
	Forget backupForgetCmd `cmd:"" help:"Say that a folder of backups is gone for good, so that retention status asks for it no more."`
}

type backupMakeCmd struct {
	where       `embed:""`
	staff       `embed:""`
	backupRules `embed:""`
	Dir         string `arg:"" type:"path" help:"The folder of backups; each backup gets a folder of its own in it."`
	Incremental bool   `help:"Link to what an earlier backup in the folder holds instead of copying it again."`
}

// backupRules say where keys go and how long backups stay.
type backupRules struct {
	KeysTo string        `name:"keys-to" placeholder:"DIR" type:"path" help:"The folder for the keys; without it they lie beside the backups."`
	Keep   time.Duration `placeholder:"TIME" help:"How long a backup may stay. Without it: as long as the policy says, the one that is built in if no other is named."`
	// Without keys a backup is noise, so this is how long an erasure may take to reach all copies.
	KeepKeys time.Duration `placeholder:"TIME" default:"168h" help:"How long the keys of a backup stay (${default})."`

	every time.Duration // how often the policy wants a backup
}

func (r backupRules) keysFolder(dir string) string {
	if r.KeysTo != "" {
		return r.KeysTo
	}
	return dir
}

func (c *backupMakeCmd) Run(ctx context.Context) error {
	var r backup.Result
	arguments := node.BackupArguments{Staff: c.who(), Dir: c.Dir, KeysTo: c.KeysTo, Incremental: c.Incremental, Config: c.Config}
	if c.Config != "" {
		settings, err := config.Load(c.Config)
		if err != nil {
			return err
		}
		arguments.Policy = settings.Policy
	}
	if err := c.command(ctx, node.CommandBackup, arguments, &r); err != nil {
		return err
	}
	fmt.Printf("backup   %s\nkeys     %s\nsegments %d\ncopied   %d bytes, %d held by earlier backups\n", r.Backup, r.Keys, r.Segments, r.Copied, r.Linked)
	fmt.Println("not in it: state, which is folded from the log, and lane now (presences, sessions)")
	if err := c.obey(policySource{Data: c.Data, Config: c.Config}); err != nil {
		return err
	}
	return c.reportOld(c.Dir)
}

// obey fills in the policy's period where none is given.
func (r *backupRules) obey(source policySource) error {
	policy, err := source.load()
	if err != nil {
		return err
	}
	r.every = time.Duration(policy.Limits.BackupEvery)
	if r.Keep == 0 {
		r.Keep = policy.BackupPeriod()
		r.KeepKeys = min(r.KeepKeys, r.Keep)
	}
	return nil
}

// reportOld says which backups should be gone already.
func (r *backupRules) reportOld(dir string) error {
	for _, what := range []struct {
		dir    string
		list   func(string) ([]backup.Entry, error)
		period time.Duration
	}{{dir, backup.List, r.Keep}, {r.keysFolder(dir), backup.ListKeys, r.KeepKeys}} {
		all, err := what.list(what.dir)
		if err != nil {
			return err
		}
		for _, e := range backup.Old(all, time.Now(), what.period) {
			why := fmt.Sprintf("older than %s", what.period)
			if errors.Is(e.Fault, backup.ErrPartial) {
				why = "not finished"
			}
			fmt.Fprintf(os.Stderr, "protokoll: %s is %s: `protokoll backup prune` removes it\n", e.Path, why)
		}
	}
	if e, err := backup.Find(dir); r.every > 0 && err == nil && time.Since(e.Made) > r.every {
		fmt.Fprintf(os.Stderr, "protokoll: the newest backup is of %s; the policy wants one every %s\n", e.Made.Format(time.RFC3339), r.every)
	}
	return nil
}

type backupVerifyCmd struct {
	backupRules  `embed:""`
	policySource `embed:""`
	Dir          string `arg:"" type:"path" help:"A backup, or a folder of backups: then the newest finished one."`
}

func (c *backupVerifyCmd) Run(ctx context.Context) error {
	e, err := backup.Find(c.Dir)
	if err != nil {
		return err
	}
	keys, err := backup.FindKeys(e, c.KeysTo)
	if err != nil {
		return err
	}
	bar := progress.New(os.Stderr)
	r, err := backup.Verify(ctx, e, keys, bar.Show)
	bar.Done()
	if err != nil {
		return err
	}
	fmt.Printf("%s\nmade     %s\nfiles    %d, %d bytes, all as written\n", e.Path, e.Made.Format(time.RFC3339), r.Files, r.Bytes)
	for _, l := range eventlog.Lanes {
		if r.Events[l] > 0 {
			fmt.Printf("%-8s %d events opened\n", l, r.Events[l])
		}
	}
	if err := c.obey(c.policySource); err != nil {
		return err
	}
	return c.reportOld(filepath.Dir(e.Path))
}

type backupPruneCmd struct {
	backupRules  `embed:""`
	policySource `embed:""`
	consent      `embed:""`
	Dir          string `arg:"" type:"path" help:"The folder of backups."`
}

func (c *backupPruneCmd) Run(context.Context) error {
	if err := c.obey(c.policySource); err != nil {
		return err
	}
	if c.Keep < c.KeepKeys {
		return usageError{errors.New("--keep must not be shorter than --keep-keys")}
	}
	if err := c.reportOld(c.Dir); err != nil {
		return err
	}
	if err := c.ask("Remove all these for good?"); err != nil {
		return err
	}
	p, err := backup.Prune(c.Dir, c.KeysTo, time.Now(), c.Keep, c.KeepKeys)
	if err != nil {
		return err
	}
	fmt.Printf("removed %d backups, %d copies of keys, %d unfinished\n", p.Backups, p.Keys, p.Partial)
	return nil
}
