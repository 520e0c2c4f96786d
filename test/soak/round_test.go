package soak

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"protokoll/test/wire"
)

// planVariable holds a plan as JSON in the environment of the process that is the load.
const planVariable = "PROTOKOLL_SOAK_PLAN"

// plan is one round of load.
type plan struct {
	Addr, TLSAddr, Domain string
	CA                    []byte // PEM
	People                int
	Length                time.Duration // until nobody starts anything new
	Pace                  time.Duration // mean pause between two things that a person does
	Window                time.Duration // in which sessions can be resumed
	Seed                  uint64
}

// tally is what happened in a round.
type tally struct {
	Happened map[string]int
	Wrong    []string // the first of what must not happen
}

func (t tally) String() string {
	var b strings.Builder
	for _, what := range slices.Sorted(maps.Keys(t.Happened)) {
		fmt.Fprintf(&b, "%s %d  ", what, t.Happened[what])
	}
	return strings.TrimSpace(b.String())
}

// run lets another process carry out the plan, and waits until it and all of its connections have gone.
func (p plan) run(ctx context.Context) (t tally, err error) {
	text, err := json.Marshal(p)
	if err != nil {
		return t, err
	}
	self, err := os.Executable()
	if err != nil {
		return t, err
	}
	var out, trouble bytes.Buffer
	cmd := exec.CommandContext(ctx, self)
	cmd.Env = append(os.Environ(), planVariable+"="+string(text))
	cmd.Stdout, cmd.Stderr = &out, &trouble
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Run(); err != nil {
		return t, fmt.Errorf("soak: the load failed: %w\n%s", err, trouble.Bytes())
	}
	return t, json.Unmarshal(out.Bytes(), &t)
}

// loadRound is the load: it carries out a plan and writes the tally.
func loadRound(text string, out io.Writer) error {
	var p plan
	if err := json.Unmarshal([]byte(text), &p); err != nil {
		return fmt.Errorf("soak: reading the plan: %w", err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(p.CA) {
		return errors.New("soak: the plan's CA holds no certificate")
	}
	r := &round{
		plan: p, end: time.Now().Add(p.Length), happened: map[string]int{},
		target: wire.Target{Addr: p.Addr, TLSAddr: p.TLSAddr, Domain: p.Domain, Roots: roots},
	}
	var people sync.WaitGroup
	for i := range p.People {
		people.Go(func() { newPerson(r, i).live() })
	}
	people.Wait()
	return json.NewEncoder(out).Encode(tally{r.happened, r.wrong})
}

// round is what the people of one load share.
type round struct {
	plan
	target wire.Target
	end    time.Time

	mu       sync.Mutex
	happened map[string]int
	wrong    []string
}

func (r *round) over() bool { return !time.Now().Before(r.end) }

// count notes that something happened.
func (r *round) count(what string) {
	r.mu.Lock()
	r.happened[what]++
	r.mu.Unlock()
}

// maxWrong is how much of what must not happen is kept.
const maxWrong = 10

// fault notes what must not happen.
func (r *round) fault(what string, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.happened["WRONG"]++
	if len(r.wrong) < maxWrong {
		r.wrong = append(r.wrong, fmt.Sprintf("%s: %v", what, err))
	}
}

func (r *round) bare(i int) string { return fmt.Sprintf("%s@%s", name(i), r.Domain) }

// name is the localpart of person i.
func name(i int) string { return fmt.Sprintf("user%d", i) }
