package jetstream

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"protokoll/eventlog"
	"protokoll/schemas"
)

const (
	smallDisk    = 24 << 20
	smallReserve = 4 << 20
)

// F21: a disk that is really full. It runs in a mount namespace of its own on a small tmpfs.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	dir := p.share()
	cmd := child(t, "full disk", dir, p.dir)
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS}
	if os.Geteuid() != 0 {
		cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}}
	}
	if out, err := cmd.Output(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

func fullDiskChild(args []string) error {
	p, err := openPlace(args[0])
	if err != nil {
		return err
	}
	if err := os.MkdirAll(p.dir, 0o700); err != nil {
		return err
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("make mounts private: %w", err)
	}
	if err := unix.Mount("tmpfs", p.dir, "tmpfs", 0, fmt.Sprintf("size=%d", smallDisk)); err != nil {
		return fmt.Errorf("mount a small disk: %w", err)
	}
	cfg := p.config()
	cfg.ReserveBytes = smallReserve
	g, err := Create(cfg)
	if err != nil {
		return err
	}
	if err := p.reachReserve(g); err != nil {
		return fmt.Errorf("at the reserve: %w", err)
	}
	if err := p.reachEnd(g); err != nil {
		return fmt.Errorf("at the end of the disk: %w", err)
	}
	return nil
}

func (p *place) photo(n int) eventlog.Command {
	c := p.message(n)
	c.Facts = append(c.Facts, eventlog.Set("photo", &schemas.OfflineMessage{Stanza: bytes.Repeat([]byte("x"), 300<<10)}))
	return c
}

func appendOne(g *Log, c eventlog.Command) error { return g.Append(c).Wait(context.Background()) }

func (p *place) until(g *Log, first int) (stored int, err error) {
	for n := first; n < first+1000; n++ {
		if err := appendOne(g, p.photo(n)); err != nil {
			return n, err
		}
	}
	return 0, errors.New("the disk is never full")
}

// reachReserve appends until the reserve is reached, makes room, and goes on.
func (p *place) reachReserve(g *Log) error {
	ballast := filepath.Join(p.dir, "ballast")
	if err := os.WriteFile(ballast, make([]byte, 8<<20), 0o600); err != nil {
		return err
	}
	n, err := p.until(g, 0)
	if !errors.Is(err, eventlog.ErrNoSpace) {
		return fmt.Errorf("want no space, got %w", err)
	}
	if mark := g.Mark(eventlog.Inbox); mark != uint64(2*n) {
		return fmt.Errorf("mark %d after %d commands", mark, n)
	}
	if err := os.Remove(ballast); err != nil {
		return err
	}
	return appendOne(g, p.message(n))
}

// reachEnd takes the reserve away, so that JetStream itself meets the end of the disk.
func (p *place) reachEnd(g *Log) error {
	for _, l := range g.lanes[1:] {
		l.log.cfg.disk.free = func(string) (uint64, error) { return 1 << 40, nil }
	}
	mark := g.Mark(eventlog.Inbox)
	ballast := filepath.Join(p.dir, "ballast")
	free, err := freeBytes(p.dir)
	if err != nil {
		return err
	}
	if err := os.WriteFile(ballast, make([]byte, int(free)-(1<<20)), 0o600); err != nil {
		return err
	}
	if _, err = p.until(g, 1000); !errors.Is(err, eventlog.ErrNoSpace) {
		return fmt.Errorf("want no space, got %w", err)
	}
	stored := g.Mark(eventlog.Inbox)
	if err := appendOne(g, p.photo(2000)); !errors.Is(err, eventlog.ErrNoSpace) {
		return fmt.Errorf("want no space again, got %w", err)
	}
	if err := os.Remove(ballast); err != nil {
		return err
	}
	if err := appendOne(g, p.message(3000)); err != nil {
		return fmt.Errorf("with room again: %w", err)
	}
	count := func(g *Log) (n int, err error) {
		err = g.Read(context.Background(), eventlog.Inbox, 1, g.Mark(eventlog.Inbox), func(r []eventlog.Record) error { n += len(r); return nil })
		return n, err
	}
	want := int(stored) + 1 // every command stored has its numbers, and one came after
	if n, err := count(g); err != nil || n != want || mark > stored {
		return fmt.Errorf("%d events, want %d: %w", n, want, err)
	}
	if err := g.Close(); err != nil {
		return err
	}
	g, err = Open(p.config())
	if err != nil {
		return err
	}
	if n, err := count(g); err != nil || n != want {
		return fmt.Errorf("%d events after a restart, want %d: %w", n, want, err)
	}
	if err := g.Verify(context.Background(), nil); err != nil {
		return err
	}
	if g.Mark(eventlog.Proof) == 0 {
		return errors.New("the void numbers are told nowhere")
	}
	return g.Close()
}
