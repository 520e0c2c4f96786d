package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	"golang.org/x/net/idna"

	"protokoll/cmd/protokoll/node"
	"protokoll/config"
	"protokoll/directory"
	"protokoll/internal/progress"
)

type checkCmd struct {
	Config string `placeholder:"FILE" type:"path" required:"" help:"The configuration."`
	All    bool   `help:"Show whole lists instead of one screen."`
}

// certificateAlarm is how long before its end a certificate is reported.
const certificateAlarm = 14 * 24 * time.Hour

var errCheck = errors.New("the check found faults")

// Run checks everything and says everything that is wrong, not only the first fault.
func (c *checkCmd) Run(ctx context.Context) error {
	settings, err := config.Load(c.Config)
	if err != nil {
		return err
	}
	fmt.Println("configuration: ok")
	if len(settings.Contact.DataProtection) == 0 {
		fmt.Println("contact: no data_protection address; clients cannot show whom to ask")
	}
	sound := sayPolicy(os.Stdout, settings.Policy)
	sound = sayRootKey(os.Stdout, settings.Data) && sound
	for _, d := range settings.Domain {
		sound = c.domain(ctx, os.Stdout, d) && sound
	}
	if !sound {
		return errCheck
	}
	return nil
}

func (c *checkCmd) domain(ctx context.Context, out io.Writer, d config.Domain) bool {
	sound := true
	say := func(what string, err error, fine string) {
		if err != nil {
			sound = false
			fine = "WRONG: " + err.Error()
		}
		fmt.Fprintf(out, "%s: %s: %s\n", d.Name, what, fine)
	}
	until, err := checkCertificate(d, time.Now())
	say("certificate", err, "ok, until "+until.Format(time.DateOnly))
	if d.Directory == nil {
		fmt.Fprintf(out, "%s: accounts: local only\n", d.Name)
		return sound
	}
	report, err := c.directory(ctx, d)
	say("directory", err, "reachable")
	if err == nil {
		sound = report.OK() && sound
		err = report.Print(out, c.All)
	}
	return sound && err == nil
}

// sayRootKey says what holds the root key: forgetting is no stronger. A bare disk is told and is no fault, because what lies below a
// virtual machine cannot be seen.
func sayRootKey(out io.Writer, folder string) (sound bool) {
	enciphered, err := node.RootKey(folder)
	switch {
	case err != nil:
		fmt.Fprintf(out, "root key: WRONG: %v\n", err)
		return false
	case enciphered:
		fmt.Fprintln(out, "root key: a file on an enciphered disk")
	default:
		fmt.Fprintln(out, "root key: a bare file on a disk that is not known to be enciphered; erased data is as safe as that file")
	}
	return true
}

func checkCertificate(d config.Domain, now time.Time) (until time.Time, err error) {
	pair, err := tls.LoadX509KeyPair(d.Certificate, d.Key)
	if err != nil {
		return until, err
	}
	leaf, err := x509.ParseCertificate(pair.Certificate[0])
	if err != nil {
		return until, err
	}
	name, err := idna.Lookup.ToASCII(d.Name) // RFC 5280 §7.2
	if err != nil {
		return until, err
	}
	switch err := leaf.VerifyHostname(name); {
	case err != nil:
		return until, fmt.Errorf("%s is for other names: %v", d.Certificate, leaf.DNSNames)
	case now.After(leaf.NotAfter):
		return until, fmt.Errorf("%s ended on %s", d.Certificate, leaf.NotAfter.Format(time.DateOnly))
	case now.Add(certificateAlarm).After(leaf.NotAfter):
		return until, fmt.Errorf("%s ends on %s", d.Certificate, leaf.NotAfter.Format(time.DateOnly))
	case now.Before(leaf.NotBefore):
		return until, fmt.Errorf("%s begins on %s", d.Certificate, leaf.NotBefore.Format(time.DateOnly))
	}
	return leaf.NotAfter, nil
}

func (c *checkCmd) directory(ctx context.Context, d config.Domain) (directory.Report, error) {
	ldap, mapping, err := node.OpenDirectory(d, slog.New(slog.DiscardHandler))
	if err != nil {
		return directory.Report{}, err
	}
	bar := progress.New(os.Stderr)
	defer bar.Done()
	report, err := directory.Check(ctx, ldap, mapping, func(done, total int) {
		bar.Show("reading the directory", uint64(done), uint64(total))
	})
	return report, errors.Join(err, ldap.Close())
}
