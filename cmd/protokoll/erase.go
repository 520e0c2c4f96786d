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

type eraseCmd struct {
	where   `embed:""`
	staff   `embed:""`
	consent `embed:""`
	Receipt string `placeholder:"FILE" type:"path" help:"Write the receipt into a file too."`
	Address string `arg:"" help:"The address."`
}

func (c *eraseCmd) Run(ctx context.Context) error {
	arguments := node.RightsArguments{Staff: c.who(), Address: c.Address}
	var plan rights.Plan
	err := c.command(ctx, node.CommandErasePlan, arguments, &plan)
	if isErased(err) {
		fmt.Printf("nothing to do: %v\n", err)
		return nil
	}
	if err != nil {
		return err
	}
	if err := showPlan(c.Address, plan); err != nil {
		return err
	}
	if err := c.ask("Erase all of this? It cannot be taken back."); err != nil {
		return err
	}
	var receipt rights.Receipt
	if err := c.command(ctx, node.CommandErase, arguments, &receipt); err != nil {
		return err
	}
	fmt.Print(receipt.Text)
	if c.Receipt == "" {
		return nil
	}
	if err := os.WriteFile(c.Receipt, []byte(receipt.Text), 0o600); err != nil {
		return fmt.Errorf("the account is erased, but the receipt could not be written: %w", err)
	}
	return nil
}

// isErased tells whether a command failed because there is nothing left. Errors of a running server are texts.
func isErased(err error) bool {
	return err != nil && strings.Contains(err.Error(), rights.ErrErased.Error())
}

func showPlan(address string, p rights.Plan) error {
	if p.Begun {
		fmt.Println("An erasure of this account was interrupted; it will be finished.")
	}
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "erase\t%s\n", address)
	for _, f := range p.Facts {
		fmt.Fprintf(w, "%s\t%d\n", rights.Kind(f.Family), f.Facts)
	}
	fmt.Fprintf(w, "contacts here to be told\t%d\ncontacts elsewhere to be told\t%d\n", p.Here, p.Elsewhere)
	fmt.Fprintf(w, "address kept free until\t%s\n", p.KeptFree.Format(time.DateOnly))
	return w.Flush()
}
