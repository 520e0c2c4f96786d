package jetstream

import (
	"context"
	"errors"
	"fmt"
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"protokoll/eventlog"
)

// descriptors is how many the child may have: enough to open a log.
const descriptors = 128

// A process that has no descriptors left, because too many clients are connected, goes on appending; who cannot read the disk
// for that reason has met no damage. It runs in a process of its own, whose limit it lowers.
func TestNoDescriptorsLeft(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	if out, err := child(t, "no descriptors", p.share()).Output(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

func noDescriptorsChild(args []string) error {
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: descriptors, Max: descriptors}); err != nil {
		return err
	}
	p, err := openPlace(args[0])
	if err != nil {
		return err
	}
	g, err := Create(p.config())
	if err != nil {
		return err
	}
	if err := errors.Join(appendOne(g, p.message(1)), g.Close()); err != nil {
		return err
	}
	if g, err = Open(p.config()); err != nil {
		return err
	}
	if err := appendOne(g, p.message(2)); err != nil { // its segment is there before the descriptors end
		return err
	}
	giveBack, err := takeDescriptors()
	if err != nil {
		return err
	}
	if err := p.goOnWithout(g); err != nil {
		return err
	}
	giveBack()
	if err := readAll(g); err != nil {
		return fmt.Errorf("with descriptors again: %w", err)
	}
	return errors.Join(appendOne(g, p.message(5)), g.Close())
}

// goOnWithout does what must work without a descriptor.
func (p *place) goOnWithout(g *Log) error {
	if err := appendOne(g, p.message(3)); err != nil {
		return fmt.Errorf("append: %w", err)
	}
	if err := readAll(g); !errors.Is(err, unix.EMFILE) || errors.Is(err, eventlog.ErrDamaged) {
		return fmt.Errorf("reading the disk: got %w", err)
	}
	if err := appendOne(g, p.message(4)); err != nil {
		return fmt.Errorf("append after somebody could not read: %w", err)
	}
	return nil
}

func readAll(g *Log) error {
	return g.Read(context.Background(), eventlog.Inbox, 1, g.Mark(eventlog.Inbox), func([]eventlog.Record) error { return nil })
}

func takeDescriptors() (giveBack func(), err error) {
	null, err := os.Open(os.DevNull)
	if err != nil {
		return nil, err
	}
	taken := []int{}
	for {
		fd, err := unix.FcntlInt(null.Fd(), unix.F_DUPFD_CLOEXEC, 0)
		if errors.Is(err, unix.EMFILE) {
			break
		}
		if err != nil {
			return nil, err
		}
		taken = append(taken, fd)
	}
	return func() {
		for _, fd := range taken {
			unix.Close(fd)
		}
		null.Close()
	}, nil
}
