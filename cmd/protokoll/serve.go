package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"

	"protokoll/accounts"
	"protokoll/cmd/protokoll/node"
	"protokoll/config"
	"protokoll/internal/peer"
	"protokoll/retention"
	"protokoll/xmpp/bytestreams"
	"protokoll/xmpp/features"
	"protokoll/xmpp/frame"
	"protokoll/xmpp/router"
	"protokoll/xmpp/stream"
	"protokoll/xmpp/upload"
)

type serveCmd struct {
	Config string `placeholder:"FILE" type:"path" required:"" help:"The configuration; config/protokoll.example.toml explains it."`
}

func (c *serveCmd) Run(ctx context.Context) error {
	settings, err := config.Load(c.Config)
	if err != nil {
		return err
	}
	policy, err := retention.Load(settings.Policy)
	if err != nil {
		return err
	}
	logger := newLogger(os.Stderr, settings.Report)
	nc, err := nodeConfig(settings, logger)
	if err != nil {
		return err
	}
	nc.Store.Policy = policy
	n, err := node.Start(ctx, nc)
	if err != nil {
		return err
	}
	logger.Info("serving", "version", node.Version, "domains", len(settings.Domain))
	return operate(ctx, n, logger)
}

// operate tells systemd how the server is, obeys SIGHUP, and stops the server when ctx ends or it cannot go on.
func operate(ctx context.Context, n *node.Node, logger *slog.Logger) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	notify(logger, daemon.SdNotifyReady)
	go keepAlive(ctx, logger)
	go reloadOnHangup(ctx, n, logger)
	failure := n.Wait(ctx)
	if failure != nil {
		logger.Error("stopping", "error", failure)
	}
	notify(logger, daemon.SdNotifyStopping)
	err := errors.Join(failure, n.Stop(context.Background()))
	logger.Info("stopped")
	return err
}

func notify(logger *slog.Logger, state string) {
	if _, err := daemon.SdNotify(false, state); err != nil {
		logger.Warn("systemd was not told", "state", state)
	}
}

// keepAlive answers systemd's watchdog. sd_watchdog_enabled(3) asks for half the interval.
func keepAlive(ctx context.Context, logger *slog.Logger) {
	interval, err := daemon.SdWatchdogEnabled(false)
	if err != nil || interval == 0 {
		return
	}
	tick := time.NewTicker(interval / 2)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			notify(logger, daemon.SdNotifyWatchdog)
		}
	}
}

func reloadOnHangup(ctx context.Context, n *node.Node, logger *slog.Logger) {
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	defer signal.Stop(hangups)
	for {
		select {
		case <-ctx.Done():
			return
		case <-hangups:
			if err := n.Reload(); err != nil {
				logger.Error("a certificate was not replaced", "error", err)
				continue
			}
			logger.Info("certificates read again")
		}
	}
}

func nodeConfig(c config.Config, logger *slog.Logger) (node.Config, error) {
	n := node.Config{
		Store: node.StoreConfig{
			Folder: c.Data, Logger: logger, ReserveBytes: uint64(c.Log.Reserve),
			SegmentEvents: uint64(c.Log.SegmentEvents), SegmentAge: c.Log.SegmentAge, Keep: c.Ledger.Keep,
		},
		Listen: c.Listen.Client, ListenTLS: c.Listen.ClientTLS, HTTPS: c.Listen.HTTPS, Proxy: c.Listen.Proxy,
		Upload: node.Upload{Host: c.Upload.Host, URL: c.Upload.URL, Limits: upload.Limits{
			FileBytes: int64(c.Upload.FileBytes), Files: c.Upload.Files, TotalBytes: int64(c.Upload.TotalBytes),
			KeptFiles: c.Upload.KeptFiles, KeptBytes: int64(c.Upload.KeptBytes), Reserve: int64(c.Upload.Reserve),
		}},
		Relay: node.Relay{Host: c.Proxy.Host, Address: c.Proxy.Address, Limits: bytestreams.Limits{
			Streams: c.Proxy.Streams, StreamsAccount: c.Proxy.StreamsAccount, BytesPerSecond: c.Proxy.BytesPerSecond,
		}},
		PubSub:          c.PubSub.Host,
		ListenComponent: c.Listen.Component, Components: map[string]string{},
		Tokens:   accounts.TokenLife{Local: c.Tokens.Life, Directory: c.Tokens.DirectoryLife},
		Contacts: features.Contacts(c.Contact), Operators: c.Operators,
		Streams: streamLimits(c.Limits),
		Accounts: router.Limits{
			Resources: c.Limits.ConnectionsAccount, Letters: c.Limits.OfflineMessages,
			LetterBytes: c.Limits.OfflineBytes, Archived: c.Limits.ArchiveMessages, ArchivedBytes: c.Limits.ArchiveBytes, RosterItems: c.Limits.RosterItems,
		},
		Origins: peer.DefaultLimits, Resume: c.Resume, Stop: c.Stop, Logger: logger,
	}
	n.Origins.Connections, n.Origins.PerSecond = c.Limits.ConnectionsOrigin, c.Limits.ConnectionsSecond
	var errs []error
	for _, one := range c.Component {
		secret, err := componentSecret(one.SecretFile)
		errs = append(errs, err)
		n.Components[one.Host] = secret
	}
	for _, d := range c.Domain {
		served := node.Domain{Pair: stream.Pair{Domain: d.Name, Certificate: d.Certificate, Key: d.Key}, Search: d.Search}
		if d.Directory != nil {
			var err error
			served.Directory, _, err = node.OpenDirectory(d, logger)
			errs = append(errs, err)
		}
		if d.Directory != nil {
			served.PasswordPage = d.Directory.PasswordPage
			for _, g := range d.Directory.Group {
				served.Groups = append(served.Groups, node.GroupSearchOf(g))
			}
			served.VCard = node.VCardOf(d.Directory.VCard)
		}
		served.DevicePasswords = d.Directory != nil && d.Directory.DevicePasswords
		n.Domains = append(n.Domains, served)
	}
	return n, errors.Join(errs...)
}

// componentSecret is the first line of a file.
func componentSecret(file string) (string, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return "", fmt.Errorf("read the secret of a component: %w", err)
	}
	line, _, _ := strings.Cut(string(text), "\n")
	return strings.TrimSpace(line), nil
}

func streamLimits(l config.Limits) stream.Limits {
	before, after := frame.BeforeLogin(), frame.AfterLogin()
	before.StanzaBytes, after.StanzaBytes = l.StanzaBytesLogin, l.StanzaBytes
	return stream.Limits{
		Before: before, After: after, Login: l.LoginTime, Idle: l.IdleTime, Queue: l.QueueBytes,
		AccountStream: 2 * l.ConnectionsAccount, Rate: l.BytesPerSecond,
	}
}
