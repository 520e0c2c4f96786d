package faults

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"protokoll/test/server"
)

// town is everybody who uses the server in these tests: three who send, one who is always there, one who fetches his
// messages now and then, one who changes her roster.
type town struct {
	srv     *server.Server
	ledger  *ledger
	senders []*device
	present *device
	away    *device
	keeper  *keeper
	next    int
}

const senders = 3

func newTown(t *testing.T) *town {
	t.Helper()
	s, err := server.Start(server.Options{Binary: binary, Accounts: senders + 3, Password: password})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Remove)
	target, err := s.Target()
	if err != nil {
		t.Fatal(err)
	}
	w := &town{srv: s, ledger: newLedger()}
	person := func(n int) *device {
		return &device{target: target, user: fmt.Sprintf("user%d", n), password: password, resource: "phone", ledger: w.ledger, told: map[string]int{}}
	}
	for n := range senders {
		w.senders = append(w.senders, person(n+1))
	}
	w.present, w.away = person(senders+1), person(senders+2)
	w.keeper = &keeper{target: target, user: fmt.Sprintf("user%d", senders+3), password: password}
	return w
}

// devices are the ones that stay connected.
func (w *town) devices() []*device { return append([]*device{w.present}, w.senders...) }

// busy keeps everybody at work until the server is gone or stop is closed, and returns what no death explains.
func (w *town) busy(stop <-chan struct{}) []error {
	var jobs []func() error
	for i, d := range w.senders {
		jobs = append(jobs, func() error { return w.write(d, i, stop) })
	}
	jobs = append(jobs,
		func() error { return w.listen(stop) },
		func() error { return w.keeper.work(stop) })
	errs := make([]error, len(jobs))
	var all sync.WaitGroup
	for i, job := range jobs {
		all.Go(func() { errs[i] = job() })
	}
	all.Wait()
	var out []error
	for _, err := range errs {
		if err != nil && !lost(err) {
			out = append(out, err)
		}
	}
	return out
}

// write sends small bursts to the one who is there and the one who is not, and has each burst acknowledged.
func (w *town) write(d *device, lane int, stop <-chan struct{}) error {
	for burst := 0; ; burst++ {
		select {
		case <-stop:
			return nil
		default:
		}
		for i := range 4 {
			to := w.away.bare()
			if i%2 == 1 {
				to = w.present.full()
			}
			if err := d.message(w.id(lane), to); err != nil {
				return err
			}
		}
		if err := d.flush(); err != nil {
			return err
		}
	}
}

func (w *town) id(lane int) string {
	w.ledger.mu.Lock()
	defer w.ledger.mu.Unlock()
	w.next++
	return fmt.Sprintf("m%d-%d", lane, w.next)
}

// listen reads what comes, acknowledging when asked, and shows presence now and then.
func (w *town) listen(stop <-chan struct{}) error {
	for n := 0; ; n++ {
		select {
		case <-stop:
			return nil
		default:
		}
		if err := w.present.push("", "", fmt.Sprintf("<presence><status>%d</status></presence>", n)); err != nil {
			return err
		}
		if err := w.present.ping(); err != nil {
			return err
		}
	}
}

// reconnect brings every device back, and sees that all is settled.
func (w *town) reconnect() error {
	for _, d := range w.devices() {
		if err := d.connect(); err != nil {
			return fmt.Errorf("%s: %w", d.user, err)
		}
	}
	for range 2 { // what the second settles may be for the first
		for _, d := range w.devices() {
			if err := d.settle(); err != nil {
				return fmt.Errorf("%s: %w", d.user, err)
			}
		}
	}
	return nil
}

// fetch has the one who is away sign in, read everything and leave, and then once more, when nothing may come.
func (w *town) fetch() error {
	for range 2 {
		w.away.id = ""
		if err := w.away.connect(); err != nil {
			return err
		}
		if err := w.away.settle(); err != nil {
			return err
		}
		if err := w.away.leave(); err != nil {
			return err
		}
	}
	return nil
}

// inspect is what must hold after a start.
func (w *town) inspect(fetch bool) error {
	if err := w.keeper.check(); err != nil {
		return err
	}
	if err := w.reconnect(); err != nil {
		return err
	}
	if fetch {
		if err := w.fetch(); err != nil {
			return fmt.Errorf("fetching: %w", err)
		}
	}
	if faults := w.ledger.faults(fetch); len(faults) > 0 {
		return fmt.Errorf("%w:\n%s", errProtocol, strings.Join(faults[:min(len(faults), 10)], "\n"))
	}
	out, err := w.srv.Command("rebuild", "--check")
	if err != nil || !strings.Contains(out, "equal") {
		return fmt.Errorf("rebuild --check: %w\n%s", errors.Join(err), out)
	}
	return nil
}

// fail prints what is known before it ends the test.
func (w *town) fail(t *testing.T, when string, err error) {
	t.Helper()
	out := w.srv.Output()
	t.Fatalf("%s: %v\n%s\nthe server said last:\n%s", when, err, w.ledger.totals(), out[max(0, len(out)-3000):])
}

// during runs the town's work, does what is to be done after d, and waits for the work to end.
func (w *town) during(d time.Duration, do func()) []error {
	stop := make(chan struct{})
	timer := time.AfterFunc(d, func() { do(); close(stop) })
	defer timer.Stop()
	return w.busy(stop)
}
