package node

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"protokoll/internal/democa"
	"protokoll/xmpp/stream"
)

// demoConfig is a server for localhost on ports of its own.
func demoConfig(t *testing.T) Config {
	t.Helper()
	folder := t.TempDir()
	if _, err := democa.Pair(folder, "localhost", time.Now()); err != nil {
		t.Fatal(err)
	}
	tls := filepath.Join(folder, "tls")
	logger := slog.New(slog.DiscardHandler)
	return Config{
		Store:   StoreConfig{Folder: folder, Logger: logger, ReserveBytes: 1},
		Domains: []Domain{{Pair: stream.Pair{Domain: "localhost", Certificate: filepath.Join(tls, "cert.pem"), Key: filepath.Join(tls, "cert.key")}}},
		Listen:  []string{"127.0.0.1:0"}, Logger: logger,
	}
}

// What keeps a start from being finished is said, and the folder is given back.
func TestStartThatFailsGivesAllBack(t *testing.T) {
	t.Parallel()
	errPrepare := errors.New("not today")
	for name, row := range map[string]struct {
		hinder func(t *testing.T, c *Config)
		mend   func(t *testing.T, c *Config)
		want   string
	}{
		"control socket": {
			hinder: func(t *testing.T, c *Config) { makeFolder(t, c.Store.Folder, "control.sock/in-the-way") },
			mend:   func(t *testing.T, c *Config) { removeAll(t, c.Store.Folder, "control.sock") },
			want:   "control socket",
		},
		"port": {
			hinder: func(_ *testing.T, c *Config) { c.ListenTLS = []string{"127.0.0.1:65536"} },
			mend:   func(_ *testing.T, c *Config) { c.ListenTLS = nil },
			want:   "listen on",
		},
		"resume table": {
			hinder: func(t *testing.T, c *Config) { makeFolder(t, c.Store.Folder, "resume") },
			mend:   func(t *testing.T, c *Config) { removeAll(t, c.Store.Folder, "resume") },
			want:   "sessions",
		},
		"preparation": {
			hinder: func(_ *testing.T, c *Config) { c.Prepare = func(context.Context, *Store) error { return errPrepare } },
			mend:   func(_ *testing.T, c *Config) { c.Prepare = nil },
			want:   errPrepare.Error(),
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := demoConfig(t)
			row.hinder(t, &c)
			if _, err := Start(t.Context(), c); err == nil || !strings.Contains(err.Error(), row.want) {
				t.Fatalf("got %v, want something about %q", err, row.want)
			}
			row.mend(t, &c)
			n, err := Start(t.Context(), c)
			if err != nil {
				t.Fatalf("once that is mended: %v", err)
			}
			if err := n.Stop(context.Background()); err != nil {
				t.Error(err)
			}
		})
	}
}

func makeFolder(t *testing.T, folder, name string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Join(folder, name), 0o700); err != nil {
		t.Fatal(err)
	}
}

func removeAll(t *testing.T, folder, name string) {
	t.Helper()
	if err := os.RemoveAll(filepath.Join(folder, name)); err != nil {
		t.Fatal(err)
	}
}

func TestStreamsLeaveDescriptors(t *testing.T) {
	t.Parallel()
	for descriptors, want := range map[uint64]int{
		64: 32, 1023: 512, 1024: 512, 1025: 513, 4096: 3584,
		stream.DefaultStreams + 511: stream.DefaultStreams - 1, stream.DefaultStreams + 513: stream.DefaultStreams, 1 << 63: stream.DefaultStreams,
	} {
		if got := streamsFor(descriptors); got != want {
			t.Errorf("%d descriptors: %d streams, want %d", descriptors, got, want)
		}
	}
}
