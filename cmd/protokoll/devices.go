package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"protokoll/cmd/protokoll/node"
)

type accountDevicesCmd struct {
	where   `embed:""`
	staff   `embed:""`
	Address string `arg:"" help:"The address."`
	Revoke  string `placeholder:"ID" help:"End the tokens, the device password and the sessions of this device."`
}

func (c *accountDevicesCmd) Run(ctx context.Context) error {
	args := node.DeviceArguments{Staff: c.who(), Address: c.Address, ID: c.Revoke}
	if c.Revoke != "" {
		var done node.DeviceRevoked
		if err := c.command(ctx, node.CommandDeviceRevoke, args, &done); err != nil {
			return err
		}
		fmt.Printf("revoked %s\n", c.Revoke)
		if done.PasswordNeeded {
			fmt.Println("the device knows the password of the account: only another password keeps it out")
		}
		return nil
	}
	var all []node.DeviceView
	if err := c.command(ctx, node.CommandDevices, args, &all); err != nil {
		return err
	}
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	for _, d := range all {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", d.ID, lastSeen(d), ways(d), d.Software, d.Device)
	}
	return w.Flush()
}

func lastSeen(d node.DeviceView) string {
	switch {
	case d.Connected:
		return "connected"
	case d.LastSeen.IsZero():
		return "never seen"
	}
	return d.LastSeen.Format(time.DateOnly)
}

// ways are how a device may sign in.
func ways(d node.DeviceView) string {
	var all []string
	for _, way := range []struct {
		has  bool
		name string
	}{{d.Password, "password"}, {d.Grant, "device password"}, {d.Tokens, "token"}} {
		if way.has {
			all = append(all, way.name)
		}
	}
	return strings.Join(all, ", ")
}

type accountDevicePasswordCmd struct {
	where   `embed:""`
	staff   `embed:""`
	Address string `arg:"" help:"The address of a directory account."`
	Label   string `arg:"" help:"What it is for, such as \"Monal on the iPhone\"."`
}

func (c *accountDevicePasswordCmd) Run(ctx context.Context) error {
	var made node.DevicePasswordView
	args := node.DeviceArguments{Staff: c.who(), Address: c.Address, Label: c.Label}
	if err := c.command(ctx, node.CommandDevicePassword, args, &made); err != nil {
		return err
	}
	fmt.Printf("%s\n", made.Password)
	fmt.Fprintf(os.Stderr, "This is shown once. Revoke it with: protokoll account devices %s --revoke password-%s\n", c.Address, made.ID)
	return nil
}
