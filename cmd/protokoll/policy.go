package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"

	"protokoll/cmd/protokoll/node"
	"protokoll/config"
	"protokoll/retention"
)

type policyCmd struct {
	Notice policyNoticeCmd `cmd:"" help:"Print the privacy notice (GDPR Art. 13)."`
	Record policyRecordCmd `cmd:"" help:"Print the record of processing activities (GDPR Art. 30)."`
	Show   policyShowCmd   `cmd:"" help:"Print the policy file, and its digest on standard error."`
}

// policySource says which policy is meant.
type policySource struct {
	Data   string `placeholder:"DIR" type:"path" xor:"source" help:"The policy in force in a data folder."`
	Config string `placeholder:"FILE" type:"path" xor:"source" help:"The policy that a configuration names."`
	Policy string `placeholder:"FILE" type:"path" xor:"source" help:"A policy file. Without any of these: the policy that is built in."`
}

func (s policySource) load() (*retention.Policy, error) {
	switch {
	case s.Data != "":
		if _, err := os.Stat(s.Data); err != nil {
			return nil, fmt.Errorf("the data folder: %w", err)
		}
		return node.PolicyOf(s.Data)
	case s.Config != "":
		settings, err := config.Load(s.Config)
		if err != nil {
			return nil, err
		}
		return retention.Load(settings.Policy)
	}
	return retention.Load(s.Policy)
}

// paper is what notice and record have in common.
type paper struct {
	policySource `embed:""`
	Lang         string `enum:"de,en" required:"" placeholder:"de|en" help:"The language: de or en."`
	HTML         bool   `name:"html" help:"Print a page instead of Markdown."`
}

func (c paper) print(write func(*retention.Policy, string) *retention.Paper) error {
	p, err := c.load()
	if err != nil {
		return err
	}
	text := write(p, c.Lang)
	if c.HTML {
		return text.HTML(os.Stdout)
	}
	return text.Markdown(os.Stdout)
}

type policyNoticeCmd struct {
	paper `embed:""`
}

func (c *policyNoticeCmd) Run() error { return c.print((*retention.Policy).Notice) }

type policyRecordCmd struct {
	paper `embed:""`
}

func (c *policyRecordCmd) Run() error { return c.print((*retention.Policy).Record) }

type policyShowCmd struct {
	policySource `embed:""`
}

// Run prints the file byte for byte, so that it can be copied.
func (c *policyShowCmd) Run() error {
	p, err := c.load()
	if err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "sha256 %x\n", p.Digest())
	_, err = os.Stdout.Write(p.File())
	return errors.Join(err, c.sayInForce(os.Stderr, p))
}

// sayInForce tells of a policy that a configuration names and that its server does not obey yet.
func (c *policyShowCmd) sayInForce(out io.Writer, p *retention.Policy) error {
	if c.Config == "" {
		return nil
	}
	settings, err := config.Load(c.Config)
	if err != nil {
		return err
	}
	now, err := node.PolicyOf(settings.Data)
	if err == nil && !bytes.Equal(now.File(), p.File()) {
		fmt.Fprintln(out, "not in force yet: the next start of the server puts it in force")
	}
	return err
}

// sayPolicy checks the policy that a configuration names.
func sayPolicy(out io.Writer, file string) (sound bool) {
	p, err := retention.Load(file)
	if err != nil {
		fmt.Fprintf(out, "policy: WRONG: %v\n", err)
		return false
	}
	which := file
	if which == "" {
		which = "the one that is built in"
	}
	fmt.Fprintf(out, "policy: ok, %s, %d rules, sha256 %x\n", which, len(p.Rules()), p.Digest())
	return true
}
