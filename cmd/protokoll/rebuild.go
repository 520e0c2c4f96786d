package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"protokoll/cmd/protokoll/node"
)

type rebuildCmd struct {
	where `embed:""`
	Check bool    `xor:"how" help:"Rebuild beside the live state and compare; change nothing."`
	Until *moment `xor:"how" placeholder:"TIME" help:"Rebuild the state of a moment beside the live one, print its digest and sums; change nothing."`
}

// errDifferent is returned when the live state is not what the log says.
var errDifferent = errors.New("the live state differs from what the log says: run rebuild without --check, and report this")

func (c *rebuildCmd) Run(ctx context.Context) error {
	if c.Check {
		return c.compare(ctx)
	}
	if c.Until != nil {
		return c.until(ctx)
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

func (c *rebuildCmd) until(ctx context.Context) error {
	var r node.UntilResult
	if err := c.command(ctx, node.CommandRebuildUntil, node.UntilArguments{At: c.Until.Time}, &r); err != nil {
		return err
	}
	fmt.Printf("until    %s\nevents   %d\nstate    %s\n", c.Until.Format(time.RFC3339), r.Events, r.State)
	for _, family := range slices.Sorted(maps.Keys(r.Sums)) {
		fmt.Printf("%-8s %s\n", family, facts(int(r.Sums[family])))
	}
	for _, lane := range slices.Sorted(maps.Keys(r.Erased)) {
		fmt.Printf("of lane %s %d events up to then are no longer held: what they said is not in this state\n", lane, r.Erased[lane])
	}
	return nil
}
