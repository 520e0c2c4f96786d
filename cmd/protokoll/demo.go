package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"time"

	"mellium.im/xmpp/jid"

	"protokoll/cmd/protokoll/node"
	"protokoll/config"
	"protokoll/internal/democa"
	"protokoll/internal/peer"
	"protokoll/retention"
	"protokoll/xmpp/features"
	"protokoll/xmpp/stream"
)

type demoCmd struct {
	Data       string            `placeholder:"DIR" type:"path" help:"Keep everything here; a second start goes on where the first stopped. Without it: a temporary folder."`
	Listen     string            `placeholder:"HOST:PORT" default:"127.0.0.1:5222" help:"Where clients connect with STARTTLS (${default})."`
	ListenTLS  string            `name:"listen-tls" placeholder:"HOST:PORT" default:"127.0.0.1:5223" help:"Where clients connect with direct TLS (${default})."`
	HTTPS      string            `name:"listen-https" placeholder:"HOST:PORT" help:"Where files are uploaded (127.0.0.1:5443, another port where that one is taken)."`
	Proxy      string            `name:"listen-proxy" placeholder:"HOST:PORT" help:"Where bytestreams are relayed (127.0.0.1:7777, another port where that one is taken)."`
	Components string            `name:"listen-component" placeholder:"HOST:PORT" help:"Where external components connect; with --component."`
	Component  map[string]string `placeholder:"HOST=SECRET" help:"A component that may connect. Repeatable."`
	Domain     string            `placeholder:"NAME" default:"localhost" help:"The domain (${default})."`
	Accounts   int               `placeholder:"N" default:"3" help:"How many accounts user1 … userN there are (${default})."`
	Password   string            `placeholder:"TEXT" help:"The password of all of them. Without it: the one of the last start, at first a random one."`
	Policy     string            `placeholder:"FILE" type:"path" help:"The privacy policy to obey. Without it: the one that is built in."`
	Verbose    bool              `short:"v" help:"Log everything to standard error."`
}

// maxDemoAccounts keeps a typing error from filling the disk.
const maxDemoAccounts = 1_000_000

// Validate is called by kong.
func (c *demoCmd) Validate() error {
	domain, err := jid.Parse(c.Domain)
	if err != nil || domain.Domainpart() != domain.String() {
		return fmt.Errorf("--domain: %q is no domain", c.Domain)
	}
	c.Domain = domain.String()
	if c.Accounts < 1 || c.Accounts > maxDemoAccounts {
		return fmt.Errorf("--accounts: must be 1 to %d", maxDemoAccounts)
	}
	for flag, address := range map[string]string{"--listen": c.Listen, "--listen-tls": c.ListenTLS, "--listen-https": c.https(), "--listen-proxy": c.proxy()} {
		if _, port, err := net.SplitHostPort(address); err != nil || port == "" {
			return fmt.Errorf("%s: must be host:port", flag)
		}
	}
	if (c.Components == "") != (len(c.Component) == 0) {
		return errors.New("--listen-component and --component belong together")
	}
	if c.Components != "" && !config.OnlyHere(c.Components) {
		return errors.New("--listen-component: must be an address that only this machine reaches, such as 127.0.0.1:5347")
	}
	if c.Password == "" {
		return nil // the one of the last start
	}
	if _, err := checkPassword(c.Password); err != nil {
		return fmt.Errorf("--password: %w", err)
	}
	return nil
}

func (c *demoCmd) https() string { return cmp.Or(c.HTTPS, "127.0.0.1:5443") }
func (c *demoCmd) proxy() string { return cmp.Or(c.Proxy, "127.0.0.1:7777") }

func (c *demoCmd) components() []string {
	if c.Components == "" {
		return nil
	}
	return []string{c.Components}
}

// anyPort lists what nobody asked for and need not be there.
func (c *demoCmd) anyPort() (all []string) {
	if c.HTTPS == "" {
		all = append(all, c.https())
	}
	if c.Proxy == "" {
		all = append(all, c.proxy())
	}
	return all
}

func (c *demoCmd) Run(ctx context.Context) (err error) {
	if c.Data == "" {
		if c.Data, err = os.MkdirTemp("", "protokoll-demo-"); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, os.RemoveAll(c.Data)) }()
	}
	n, err := c.start(ctx)
	if err != nil {
		return err
	}
	if err := c.introduce(n.Addresses()); err != nil {
		return errors.Join(err, n.Stop(context.Background()))
	}
	go report(ctx, n, os.Stdout)
	return operate(ctx, n, slog.New(slog.DiscardHandler))
}

func (c *demoCmd) start(ctx context.Context) (*node.Node, error) {
	if err := os.MkdirAll(c.Data, 0o700); err != nil {
		return nil, err
	}
	policy, err := retention.Load(c.Policy)
	if err != nil {
		return nil, err
	}
	if _, err := democa.Pair(c.Data, c.Domain, time.Now()); err != nil {
		return nil, err
	}
	logger := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	if c.Verbose {
		logger = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	tls := filepath.Join(c.Data, "tls")
	return node.Start(ctx, node.Config{
		Store:   node.StoreConfig{Folder: c.Data, Logger: logger, Policy: policy},
		Domains: []node.Domain{{Pair: stream.Pair{Domain: c.Domain, Certificate: filepath.Join(tls, "cert.pem"), Key: filepath.Join(tls, "cert.key")}, Search: node.SearchOptOut}},
		Listen:  []string{c.Listen}, ListenTLS: []string{c.ListenTLS}, HTTPS: []string{c.https()}, Proxy: []string{c.proxy()},
		ListenComponent: c.components(), Components: c.Component,
		AnyPort: c.anyPort(), Upload: node.Upload{Name: "localhost"}, Relay: node.Relay{Address: "127.0.0.1"}, // the domain may be in no DNS
		Operators: []string{"user1@" + c.Domain},
		Contacts:  features.Contacts{DataProtection: []string{"mailto:data-protection@" + c.Domain}, Admin: []string{"xmpp:user1@" + c.Domain}, Abuse: []string{"xmpp:user1@" + c.Domain}},
		// Whoever tries the server out, or loads it, is one origin.
		Origins: peer.Limits{Connections: 100_000, PerSecond: 100_000, Burst: 100_000, FreeFailures: 10, FreeOriginFailures: 300, MaxWait: 10 * time.Second},
		Logger:  logger,
		Prepare: c.accounts,
	})
}

// accounts makes the accounts, and fills in the password that is shown.
func (c *demoCmd) accounts(ctx context.Context, s *node.Store) error {
	given := c.Password != ""
	if !given {
		c.Password = rand.Text()[:12]
	}
	made, err := s.EnsureDemoAccounts(ctx, c.Domain, c.Accounts, c.Password, given)
	if err != nil {
		return fmt.Errorf("make the accounts: %w", err)
	}
	if !given && !made {
		c.Password = "the one of the first start (--password sets another)"
	}
	return nil
}

// introduce says how to connect.
func (c *demoCmd) introduce(at []string) error {
	host, port, err := net.SplitHostPort(at[0])
	if err != nil {
		return err
	}
	ca := filepath.Join(c.Data, "ca.pem")
	fmt.Printf("Protokoll serves %s on %s (STARTTLS) and %s (TLS): user1 … user%d, password: %s\n", c.Domain, at[0], at[1], c.Accounts, c.Password)
	fmt.Printf("Gajim:     gajim; account user1@%s, custom host %s port %s; trust %s\n", c.Domain, host, port, ca)
	fmt.Printf("profanity: profanity; /tls certpath %s, then /connect user1@%s server %s port %s\n", ca, c.Domain, host, port)
	return nil
}
