package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"time"

	"protokoll/cmd/protokoll/node"
	"protokoll/internal/control"
	"protokoll/internal/progress"
)

type restoreCmd struct {
	staff   `embed:""`
	consent `embed:""`
	Dir     string `arg:"" type:"path" help:"A backup, or a folder of backups: then the newest finished one."`
	Data    string `required:"" placeholder:"NEWDIR" type:"path" help:"The data folder that is made. Nothing may be there."`
	Orders  string `placeholder:"FILE" type:"path" help:"The newest orders that were kept (erasures, restrictions, objections); without it those beside the backup."`
	Keys    string `placeholder:"DIR" type:"path" help:"Where the keys of the backup are; without it beside the backup."`
}

func (c *restoreCmd) Run(ctx context.Context) error {
	if c.Orders == "" {
		fmt.Fprintln(os.Stderr, "protokoll: without --orders nobody knows of erasures and restrictions after the newest backup; the newest file `orders` lies with the checkpoints")
		if err := c.ask("Go on with the orders beside the backup?"); err != nil {
			return err
		}
	}
	bar := progress.New(os.Stderr)
	r, err := node.Restore(ctx, node.RestoreConfig{
		Staff: c.who(), Backup: c.Dir, Keys: c.Keys, Orders: c.Orders, Folder: c.Data, Note: c.Reason,
		Logger: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn})),
	}, func(p control.Progress) { bar.Show(p.Step, p.Done, p.Total) })
	bar.Done()
	if err != nil {
		return err
	}
	fmt.Printf("restored %s\nfrom     %s\nmade     %s\norders   known until %s; %d were given after the backup, all obeyed\nepoch    %d\nstate    %s\n",
		c.Data, r.Backup, r.Made.Format(time.RFC3339), r.OrdersUntil.Format(time.RFC3339), r.Orders, r.Epoch, r.State)
	fmt.Println("Everybody signs in anew. What was stored after the backup is lost.")
	return nil
}
