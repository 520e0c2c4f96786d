package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/term"

	"protokoll/cmd/protokoll/node"
	"protokoll/xmpp/sasl"
)

type accountCmd struct {
	Add            accountAddCmd            `cmd:"" help:"Add a local account. The password is read from standard input or a file."`
	List           accountListCmd           `cmd:"" help:"List all accounts."`
	Show           accountShowCmd           `cmd:"" help:"Show one account."`
	Passwd         accountPasswdCmd         `cmd:"" help:"Change the password of a local account."`
	Devices        accountDevicesCmd        `cmd:"" help:"List the devices that have access to an account, or take it away from one."`
	DevicePassword accountDevicePasswordCmd `cmd:"" help:"Make a password for one device of a directory account."`
	Restore        accountRestoreCmd        `cmd:"" help:"Bring back what an account held at a moment; show the difference first."`
}

// password is where a new password comes from; never the command line, which other users can read.
type password struct {
	PasswordFile string `placeholder:"FILE" type:"path" help:"Read the password from the first line of a file instead of standard input."`
}

func (p password) read() (string, error) {
	in := os.Stdin
	if p.PasswordFile != "" {
		f, err := os.Open(p.PasswordFile)
		if err != nil {
			return "", fmt.Errorf("read the password: %w", err)
		}
		defer f.Close()
		in = f
	} else if term.IsTerminal(int(in.Fd())) {
		return ask(in)
	}
	line, err := bufio.NewReader(io.LimitReader(in, maxPasswordLine)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", fmt.Errorf("read the password: %w", err)
	}
	return checkPassword(strings.TrimRight(line, "\r\n"))
}

// maxPasswordLine bounds what is read of a password, in bytes. It is above sasl.MaxPassword, so nothing is cut off unnoticed.
const maxPasswordLine = 4096

// checkPassword refuses here what would not reach the server as it is: JSON replaces broken UTF-8.
func checkPassword(p string) (string, error) {
	switch {
	case p == "":
		return "", errors.New("the password is empty")
	case len(p) > sasl.MaxPassword:
		return "", fmt.Errorf("the password is longer than %d bytes", sasl.MaxPassword)
	case !utf8.ValidString(p):
		return "", errors.New("the password is not UTF-8")
	case strings.ContainsFunc(p, unicode.IsControl):
		return "", errors.New("the password has a control character")
	}
	return p, nil
}

func ask(in *os.File) (string, error) {
	fmt.Fprint(os.Stderr, "Password: ")
	line, err := term.ReadPassword(int(in.Fd()))
	fmt.Fprintln(os.Stderr)
	if err != nil {
		return "", fmt.Errorf("read the password: %w", err)
	}
	return checkPassword(string(line))
}

type accountAddCmd struct {
	where    `embed:""`
	password `embed:""`
	Address  string `arg:"" help:"The address, such as anna@example.org."`
}

func (c *accountAddCmd) Run(ctx context.Context) error {
	secret, err := c.read()
	if err != nil {
		return err
	}
	var done node.AccountView
	if err := c.command(ctx, node.CommandAccountAdd, node.AccountArguments{Address: c.Address, Password: secret}, &done); err != nil {
		return err
	}
	fmt.Printf("added %s\n", done.Address)
	return nil
}

type accountPasswdCmd struct {
	where    `embed:""`
	password `embed:""`
	Address  string `arg:"" help:"The address of a local account."`
}

func (c *accountPasswdCmd) Run(ctx context.Context) error {
	secret, err := c.read()
	if err != nil {
		return err
	}
	var done node.AccountView
	if err := c.command(ctx, node.CommandAccountPasswd, node.AccountArguments{Address: c.Address, Password: secret}, &done); err != nil {
		return err
	}
	fmt.Printf("changed the password of %s\n", done.Address)
	return nil
}

type accountListCmd struct {
	where `embed:""`
}

func (c *accountListCmd) Run(ctx context.Context) error {
	var all []node.AccountView
	if err := c.command(ctx, node.CommandAccountList, nil, &all); err != nil {
		return err
	}
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	for _, a := range all {
		fmt.Fprintf(w, "%s\t%s", a.Address, a.Kind)
		if note := standing(a); note != "" {
			fmt.Fprintf(w, "\t%s", note)
		}
		fmt.Fprintln(w)
	}
	return w.Flush()
}

type accountShowCmd struct {
	where   `embed:""`
	Address string `arg:"" help:"The address."`
}

func (c *accountShowCmd) Run(ctx context.Context) error {
	var a node.AccountView
	if err := c.command(ctx, node.CommandAccountShow, node.AccountArguments{Address: c.Address}, &a); err != nil {
		return err
	}
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "address\t%s\nkind\t%s\nowner id\t%s\nopened\t%s\ncontacts\t%d\noffline messages\t%d\nsessions\t%d\n",
		a.Address, a.Kind, a.Owner, a.Opened.Format(time.RFC3339), a.Contacts, a.Offline, a.Sessions)
	if note := standing(a); note != "" {
		fmt.Fprintf(w, "standing\t%s\n", note)
	}
	if len(a.Objections) > 0 {
		fmt.Fprintf(w, "objects to\t%s\n", strings.Join(a.Objections, ", "))
	}
	return w.Flush()
}

// standing says what is unusual about an account; empty for one that is just open.
func standing(a node.AccountView) string {
	switch {
	case !a.Closing.IsZero():
		return "being erased since " + a.Closing.Format(time.RFC3339)
	case !a.Restricted.IsZero():
		return "restricted since " + a.Restricted.Format(time.RFC3339)
	}
	return ""
}
