package poll

import (
	"errors"
	"runtime"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// ear is a Handler that hears of bytes, and may block.
type ear struct {
	conn  *Conn
	heard chan struct{}
	block chan struct{} // nil: never
	mu    sync.Mutex    // two leaders may call at a time
	aside bool
}

func (e *ear) Writable() {}

func (e *ear) Ready() {
	if e.aside {
		e.conn.StepAside()
	}
	e.read()
	if e.block != nil {
		<-e.block
	}
}

func (e *ear) read() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.conn.NextBatch()
	for buf := make([]byte, 16); ; {
		if n, err := e.conn.Read(buf); n == 0 || err != nil {
			break
		}
		e.heard <- struct{}{}
	}
}

// pair returns a watched socket and the descriptor of its other end.
func pair(t *testing.T, p *Poller, e *ear) (far int) {
	t.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	e.heard = make(chan struct{}, 16)
	e.conn = p.Add(fds[0], e)
	if err := e.conn.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Close(fds[1]) })
	return fds[1]
}

func say(t *testing.T, fd int) {
	t.Helper()
	if _, err := unix.Write(fd, []byte{'x'}); err != nil {
		t.Fatal(err)
	}
}

// hears waits until bytes have come.
func (e *ear) hears(t *testing.T, what string) {
	t.Helper()
	select {
	case <-e.heard:
	case <-time.After(10 * time.Second):
		t.Fatal("not heard: ", what)
	}
}

// TestBlockedHandlers blocks more handlers than there are sets: everybody else is heard, whether the watch is awake or dozing.
func TestBlockedHandlers(t *testing.T) {
	for _, row := range []struct {
		name        string
		doze, aside bool
	}{{"watched", false, false}, {"dozing", true, false}, {"stepping aside", false, true}} {
		t.Run(row.name, func(t *testing.T) {
			p, err := New()
			if err != nil {
				t.Fatal(err)
			}
			block := make(chan struct{})
			var ears []*ear
			for i := range 3 * runtime.GOMAXPROCS(0) {
				e := &ear{aside: row.aside}
				if i < 2*runtime.GOMAXPROCS(0) {
					e.block = block
				}
				far := pair(t, p, e)
				ears = append(ears, e)
				for end := time.Now().Add(10 * time.Second); row.doze && !p.watch.dozing.Load(); time.Sleep(patience) {
					if time.Now().After(end) {
						t.Fatal("the watch never dozes")
					}
				}
				say(t, far)
				e.hears(t, "behind handlers that block")
			}
			close(block)
			for _, e := range ears {
				if err := e.conn.Close(); err != nil {
					t.Error(err)
				}
			}
			if err := p.Close(); err != nil {
				t.Error(err)
			}
			if n := p.Len(); n != 0 {
				t.Errorf("%d sockets left", n)
			}
		})
	}
}

// TestStepAside wants another leader at once.
func TestStepAside(t *testing.T) {
	p, err := New()
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	e := &ear{aside: true}
	far := pair(t, p, e)
	before := e.conn.set.leader.Load()
	say(t, far)
	e.hears(t, "the only socket")
	if e.conn.set.leader.Load() == before {
		t.Error("the leader is the same")
	}
	say(t, far)
	e.hears(t, "under the new leader")
}

// TestStartAfterClose refuses sockets once the poller has ended; closing twice does no harm.
func TestStartAfterClose(t *testing.T) {
	p, err := New()
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(p.Close(), p.Close()); err != nil {
		t.Fatal(err)
	}
	if err := p.Add(0, &ear{}).Start(); !errors.Is(err, ErrClosed) {
		t.Errorf("got %v", err)
	}
}
