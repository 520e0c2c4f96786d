// Command protokoll is the server and everything that operates it.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"

	"protokoll/config"
)

type cli struct {
	Serve     serveCmd     `cmd:"" help:"Run the server."`
	Demo      demoCmd      `cmd:"" help:"Run a complete server with local accounts, made for trying out."`
	Check     checkCmd     `cmd:"" help:"Check configuration, certificates and directory; say everything that is wrong."`
	Account   accountCmd   `cmd:"" help:"Local accounts: add, list, show, change the password."`
	Rebuild   rebuildCmd   `cmd:"" help:"Rebuild the current state from the log, or check that it equals what the log says."`
	Policy    policyCmd    `cmd:"" help:"The privacy policy: the notice for the people, the record of processing activities, the file in force."`
	Retention retentionCmd `cmd:"" help:"What is due by the privacy policy, and taking it out."`

	Audit   auditCmd   `cmd:"" help:"Show and verify what is stored: events, checkpoints, proofs."`
	Backup  backupCmd  `cmd:"" help:"Back up log and keys; verify and prune backups."`
	Restore restoreCmd `cmd:"" help:"Make a data folder out of a backup, and obey what was ordered since."`
	Export  exportCmd  `cmd:"" help:"Hand out everything that is held about one person, as XEP-0227, JSON and a page to read."`
	Erase   eraseCmd   `cmd:"" help:"Erase an account, with a receipt (GDPR Art. 17)."`

	Restrict   restrictCmd   `cmd:"" help:"Restrict the processing of an account: nobody signs in, nothing is erased (GDPR Art. 18)."`
	Unrestrict unrestrictCmd `cmd:"" help:"Lift a restriction."`
	Rectify    rectifyCmd    `cmd:"" help:"Say where each kind of a person's data is put right (GDPR Art. 16)."`
	Object     objectCmd     `cmd:"" help:"Record that a person objects to a use of their data (GDPR Art. 21)."`

	Import   importCmd   `cmd:"" help:"Take over accounts from another server: XEP-0227, as ejabberd and Prosody write it."`
	Rehearse rehearseCmd `cmd:"" help:"Before an upgrade: read a copy of the log with this version and compare with the running server."`
	Version  versionCmd  `cmd:"" help:"Say which version this is."`
}

// Lines that begin with a tab are not wrapped.
const description = `An XMPP server for organisations that must answer for the data they hold.

	Try it:  protokoll demo
	Run it:  protokoll check --config FILE && protokoll serve --config FILE`

func main() {
	// The first SIGINT or SIGTERM begins an orderly stop, the second one ends the process at once.
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	if err := run(ctx, os.Args[1:]); err != nil {
		complain(os.Stderr, err)
		os.Exit(exitCode(err))
	}
}

func run(ctx context.Context, args []string) error {
	var c cli
	parser, err := kong.New(&c, kong.Name("protokoll"), kong.Description(description),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, NoExpandSubcommands: true}),
		kong.BindTo(ctx, (*context.Context)(nil)))
	if err != nil {
		return err
	}
	chosen, err := parser.Parse(args)
	if err != nil {
		return usageError{err}
	}
	return chosen.Run()
}

// complain says what went wrong, and where help is for a command line that cannot be understood.
func complain(out io.Writer, err error) {
	// Faults of another file than the configuration are wrapped in words of their own.
	if faults := (config.Faults)(nil); errors.As(err, &faults) && err.Error() == faults.Error() {
		fmt.Fprintf(out, "protokoll: the configuration has faults:\n%v\n", err)
		return
	}
	fmt.Fprintf(out, "protokoll: %v\n", err)
	if errors.As(err, new(usageError)) {
		fmt.Fprintln(out, "protokoll --help says what there is.")
	}
}

// usageError is a command line that cannot be understood.
type usageError struct{ error }

// exitCode is 2 for a wrong command line and 1 for everything else.
func exitCode(err error) int {
	if errors.As(err, new(usageError)) {
		return 2
	}
	return 1
}
