package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"protokoll/cmd/protokoll/node"
	"protokoll/rights"
)

type restrictCmd struct {
	where   `embed:""`
	staff   `embed:""`
	consent `embed:""`
	Address string `arg:"" help:"The address."`
}

func (c *restrictCmd) Run(ctx context.Context) error {
	if err := c.ask("Sessions of " + c.Address + " end, and nobody signs in until this is lifted. Go on?"); err != nil {
		return err
	}
	var done rights.Change
	if err := c.command(ctx, node.CommandRestrict, node.RightsArguments{Staff: c.who(), Address: c.Address}, &done); err != nil {
		return err
	}
	if !done.Changed {
		fmt.Printf("%s was restricted already, since %s\n", c.Address, done.Since.Format(time.RFC3339))
		return nil
	}
	fmt.Printf("restricted %s\n", c.Address)
	return nil
}

type unrestrictCmd struct {
	where   `embed:""`
	staff   `embed:""`
	consent `embed:""`
	Address string `arg:"" help:"The address."`
}

func (c *unrestrictCmd) Run(ctx context.Context) error {
	if err := c.ask("Due data of " + c.Address + " are erased again, and the person can sign in. Go on?"); err != nil {
		return err
	}
	var done rights.Change
	if err := c.command(ctx, node.CommandUnrestrict, node.RightsArguments{Staff: c.who(), Address: c.Address}, &done); err != nil {
		return err
	}
	if !done.Changed {
		fmt.Printf("%s was not restricted\n", c.Address)
		return nil
	}
	fmt.Printf("lifted the restriction of %s\n", c.Address)
	return nil
}

type rectifyCmd struct {
	where   `embed:""`
	staff   `embed:""`
	Address string `arg:"" help:"The address."`
}

func (c *rectifyCmd) Run(ctx context.Context) error {
	var all []rights.Rectifiable
	if err := c.command(ctx, node.CommandRectify, node.RightsArguments{Staff: c.who(), Address: c.Address}, &all); err != nil {
		return err
	}
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "WHAT\tHELD\tCOMES FROM\tNEWEST\tPUT RIGHT BY")
	for _, v := range all {
		fmt.Fprintf(w, "%s\t%d\t%s\t%s\t%s\n", v.Kind, v.Facts, strings.Join(v.Origins, ", "), v.Newest.Format(time.RFC3339), v.Where)
	}
	return w.Flush()
}

type objectCmd struct {
	where    `embed:""`
	staff    `embed:""`
	To       string `required:"" enum:"search,directory-photo" help:"What the person objects to: search or directory-photo."`
	Withdraw bool   `help:"Take the objection back."`
	Address  string `arg:"" help:"The address."`
}

func (c *objectCmd) Run(ctx context.Context) error {
	arguments := node.RightsArguments{Staff: c.who(), Address: c.Address, To: c.To, Withdraw: c.Withdraw}
	var done rights.Change
	if err := c.command(ctx, node.CommandObject, arguments, &done); err != nil {
		return err
	}
	fmt.Println(objected(c, done))
	return nil
}

func objected(c *objectCmd, done rights.Change) string {
	switch {
	case c.Withdraw && done.Changed:
		return "withdrew the objection of " + c.Address + " to " + c.To
	case c.Withdraw:
		return c.Address + " did not object to " + c.To
	case done.Changed:
		return "recorded that " + c.Address + " objects to " + c.To
	}
	return c.Address + " objected to " + c.To + " already, since " + done.Since.Format(time.RFC3339)
}
