package main

import (
	"context"
	"errors"
	"fmt"

	"protokoll/cmd/protokoll/node"
)

type rebuildCmd struct {
	where `embed:""`
	Check bool `help:"Rebuild beside the live state and compare; change nothing."`
}

// errDifferent is returned when the live state is not what the log says.
var errDifferent = errors.New("the live state differs from what the log says: run rebuild without --check, and report this")

func (c *rebuildCmd) Run(ctx context.Context) error {
	if c.Check {
		return c.compare(ctx)
	}
	var r node.RebuildResult
	if err := c.command(ctx, node.CommandRebuild, nil, &r); err != nil {
		return err
	}
	fmt.Printf("rebuilt from %d events\nstate %s\n", r.Events, r.Rebuilt)
	return nil
}

func (c *rebuildCmd) compare(ctx context.Context) error {
	var r node.RebuildResult
	if err := c.command(ctx, node.CommandRebuildCheck, nil, &r); err != nil {
		return err
	}
	fmt.Printf("events   %d\nlive     %s\nrebuilt  %s\n", r.Events, r.Live, r.Rebuilt)
	if r.Live != r.Rebuilt {
		return errDifferent
	}
	fmt.Println("equal")
	return nil
}
