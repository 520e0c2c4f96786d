package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"protokoll/cmd/protokoll/node"
	"protokoll/eventlog"
	"protokoll/eventlog/ledger"
	"protokoll/eventlog/ledger/verify"
	"protokoll/eventlog/seal"
	"protokoll/internal/progress"
	"protokoll/retention"
	"protokoll/schemas"
)

type auditCmd struct {
	Verify     auditVerifyCmd     `cmd:"" help:"Read the stored log and ledger independently: does every position hold its event, or a record why not?"`
	Checkpoint auditCheckpointCmd `cmd:"" help:"Print the newest signed checkpoint. Keep it off this machine."`
	Prove      auditProveCmd      `cmd:"" help:"Print the proof that a position is part of what the newest checkpoint signs."`
	Show       auditShowCmd       `cmd:"" help:"Show events as lines of JSON, without content."`
	AcceptLoss acceptLossCmd      `cmd:"" help:"Go on, on record and in a new epoch, with a log that is less than, or not, what its ledger promised."`
}

type auditVerifyCmd struct {
	where      `embed:""`
	Checkpoint []string `placeholder:"FILE" type:"existingfile" help:"A checkpoint, or a file of them, that was kept elsewhere. May be repeated."`
	Key        string   `placeholder:"KEY" help:"The public half of the ledger's key, kept elsewhere; without it, the one in the data folder."`
}

// errNotTrue is returned when a verification found faults.
var errNotTrue = errors.New("the log is not what was promised")

func (c *auditVerifyCmd) Run(ctx context.Context) error {
	store, err := c.store()
	if err != nil {
		return err
	}
	bar := progress.New(os.Stderr)
	defer bar.Done()
	options := verify.Options{
		Data: store.Folder, Public: c.Key, Checkpoints: c.Checkpoint, Keep: store.Keep, Rules: retention.Known,
		Keys: func() (*seal.Keybook, error) {
			return seal.View(filepath.Join(store.Folder, "keys"), seal.FileRoot(filepath.Join(store.Folder, "root.key")))
		},
		Progress: func(l eventlog.Lane, done, total uint64) { bar.Show("verifying lane "+l.String(), done, total) },
	}
	report, err := verify.Run(ctx, options)
	bar.Done()
	if err != nil {
		return err
	}
	printReport(report)
	if len(report.Faults) > 0 {
		return fmt.Errorf("%w: %s", errNotTrue, report.Faults[0])
	}
	return nil
}

func printReport(r verify.Report) {
	if r.Epoch > 0 {
		fmt.Printf("verified up to the checkpoint of %s, epoch %d\n", r.Newest.UTC().Format(time.RFC3339), r.Epoch)
	}
	for _, l := range r.Lanes {
		fmt.Printf("%-8s %10d positions: %d hold their event", l.Lane, l.Size, l.Events)
		for _, fate := range slices.Sorted(maps.Keys(l.Covered)) {
			switch n := l.Covered[fate]; fate {
			case "moved", "held":
				fmt.Printf(", %d %s", n, fate)
			default:
				fmt.Printf(", %d erased under %s", n, fate)
			}
		}
		if l.Void > 0 {
			fmt.Printf(", %d void", l.Void)
		}
		if l.Pending > 0 {
			fmt.Printf("; %d in a sweep that is pending", l.Pending)
		}
		if l.Above > 0 {
			fmt.Printf("; %d newer than the checkpoint", l.Above)
		}
		fmt.Println()
	}
	fmt.Printf("consistent with %d checkpoints", r.Proved)
	if r.Voided > 0 {
		fmt.Printf("; %d are of what a restore or an accepted loss ended, on record", r.Voided)
	}
	fmt.Println()
	for _, f := range r.Faults {
		fmt.Printf("FAULT %s\n", f)
	}
}

type auditCheckpointCmd struct {
	where `embed:""`
}

func (c *auditCheckpointCmd) Run(ctx context.Context) error {
	var r node.AuditCheckpoint
	if err := c.command(ctx, node.CommandAuditCheckpoint, nil, &r); err != nil {
		return err
	}
	fmt.Print(r.Note)
	fmt.Fprintf(os.Stderr, "public key: %s\n", r.Public) // not on stdout: that is the checkpoint, byte for byte
	return nil
}

type auditProveCmd struct {
	where    `embed:""`
	Position string `arg:"" help:"Such as lasting/42."`
}

func (c *auditProveCmd) Run(ctx context.Context) error {
	if _, err := node.ParsePosition(c.Position); err != nil {
		return usageError{err}
	}
	var r node.Inclusion
	if err := c.command(ctx, node.CommandAuditProve, node.AuditPosition{Position: c.Position}, &r); err != nil {
		return err
	}
	out := json.NewEncoder(os.Stdout)
	out.SetIndent("", "  ")
	return out.Encode(r)
}

type auditShowCmd struct {
	where `embed:""`
	staff `embed:""`
	Owner string `placeholder:"JID" help:"Events of this account only; an owner id does too."`
	Since string `placeholder:"TIME" help:"Not older than this: 2026-11-23, 2026-11-23T10:00:00Z, or how long ago, such as 36h."`
	Lane  string `help:"Events of this lane only: now, inbox, lasting, archive, held, audit, proof."`
	Limit int    `default:"1000" help:"At most so many, the newest (${default})."`
	Open  bool   `help:"Show content too. Needs --reason, and is written down."`
}

func (c *auditShowCmd) Run(ctx context.Context) error {
	since, err := parseSince(c.Since, time.Now())
	if err != nil {
		return usageError{err}
	}
	if c.Open && strings.TrimSpace(c.Reason) == "" {
		return usageError{errors.New("--open needs --reason TEXT: it is written down who saw what, and why")}
	}
	var events []node.AuditEvent
	query := node.AuditQuery{Staff: c.who(), Owner: c.Owner, Since: since, Lane: c.Lane, Limit: c.Limit, Open: c.Open}
	if err := c.command(ctx, node.CommandAuditShow, query, &events); err != nil {
		return err
	}
	out := json.NewEncoder(os.Stdout)
	for _, e := range events {
		if err := out.Encode(e); err != nil {
			return err
		}
	}
	return nil
}

// parseSince reads a day, a time, or how long ago it was.
func parseSince(text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if ago, err := time.ParseDuration(text); err == nil {
		return now.Add(-ago), nil
	}
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if t, err := time.ParseInLocation(layout, text, time.Local); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("--since %q is neither a time nor a duration", text)
}

type acceptLossCmd struct {
	where   `embed:""`
	staff   `embed:""`
	consent `embed:""`
}

func (c *acceptLossCmd) Run(ctx context.Context) error {
	if strings.TrimSpace(c.Reason) == "" {
		return usageError{errors.New("accept-loss needs --reason TEXT: it stands in the log for ever")}
	}
	store, err := c.store()
	if err != nil {
		return err
	}
	if err := c.ask("What the ledger promised and the log does not hold is lost for good then. Go on?"); err != nil {
		return err
	}
	store.Begin = &ledger.Beginning{Reason: schemas.EpochReason_LOSS_ACCEPTED, Note: c.Reason}
	epoch, err := node.AcceptLoss(ctx, store, c.who())
	if err != nil {
		return err
	}
	fmt.Printf("epoch %d begins; older checkpoints count as far as what they sign is still there\n", epoch)
	return nil
}
