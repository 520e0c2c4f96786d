package jetstream

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"

	"protokoll/eventlog"
	"protokoll/eventlog/seal"
	"protokoll/schemas"
)

const sweptFacts = 5 // of each appender, set again and again

// sweepersChild appends and sweeps until it is killed, and says which values were acknowledged: fact, then value. Every third
// value is that the fact ended.
func sweepersChild(args []string) error {
	p, err := openPlace(args[0])
	if err != nil {
		return err
	}
	from, err := strconv.Atoi(args[1])
	if err != nil {
		return err
	}
	cfg := p.config()
	cfg.SegmentEvents = 60
	g, err := Open(cfg)
	if err != nil {
		return err
	}
	fmt.Println("ready")
	var wg sync.WaitGroup
	for a := range appenders {
		wg.Go(func() {
			for n := from; ; n++ {
				name := fmt.Sprint(a*sweptFacts + rand.IntN(sweptFacts))
				f := eventlog.Set(name, &schemas.OfflineMessage{Stanza: []byte(stanza(n))})
				if n%3 == 0 {
					f = eventlog.End(schemas.Family_OFFLINE_FACTS, name)
				}
				if g.Append(eventlog.Command{Owner: p.owner, Facts: []eventlog.Fact{f}}).Wait(context.Background()) != nil {
					return
				}
				os.Stdout.WriteString(name + " " + strconv.Itoa(n) + "\n")
			}
		})
	}
	w := &world{t: loud{}, p: p, g: g}
	p.t = w.t
	for {
		if chosen := w.closedSegments(); len(chosen) > 0 {
			w.sweep(chosen, func() {})
			os.Stdout.WriteString("swept\n")
		}
	}
}

// loud ends the child at the first failure.
type loud struct{ testing.TB }

func (loud) Helper()                      {}
func (loud) Fatal(args ...any)            { panic(fmt.Sprint(args...)) }
func (loud) Fatalf(f string, args ...any) { panic(fmt.Sprintf(f, args...)) }

// told is the last value of a fact that was acknowledged.
type told struct {
	n     int
	ended bool // an end that was on its way may have come after it
}

var sweptID = regexp.MustCompile(`id='(\d+)'`)

// F3: whenever the process dies beside a sweep, each fact has its last acknowledged value or one that was on its way, and
// numbers go on.
func TestKilledWhileSweeping(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.create().Close()
	dir := p.share()
	highest, acknowledged := uint64(0), map[string]told{}
	for round := range 10 {
		killSweepers(t, dir, 1+round*1_000_000, acknowledged)
		var err error
		if p.keys, err = seal.OpenKeybook(filepath.Join(dir, "keys"), seal.FileRoot(filepath.Join(dir, "root"))); err != nil {
			t.Fatal(err)
		}
		g := p.open()
		if m := g.Mark(eventlog.Inbox); m < highest {
			t.Fatalf("mark %d after %d", m, highest)
		} else {
			highest = m
		}
		p.checkFacts(t, g, acknowledged)
		if err := g.Verify(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
		if err := g.Close(); err != nil {
			t.Fatal(err)
		}
	}
	m, err := readManifest(p.dir, eventlog.Inbox)
	if err != nil {
		t.Fatal(err)
	}
	if len(acknowledged) < appenders*sweptFacts || len(m.Swept) == 0 || m.Swept[0].First != 1 {
		t.Errorf("%d facts were acknowledged, %v swept: the test shows nothing", len(acknowledged), m.Swept)
	}
}

func killSweepers(t *testing.T, dir string, from int, acknowledged map[string]told) {
	t.Helper()
	cmd := child(t, "sweepers", dir, strconv.Itoa(from))
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	if !lines.Scan() || lines.Text() != "ready" {
		t.Fatal("the child did not start")
	}
	sweeps, more := 0, 1+rand.IntN(300) // lines after the first sweep
	next := [appenders]int{}
	for a := range next {
		next[a] = from
	}
	for lines.Scan() {
		if lines.Text() == "swept" {
			sweeps++
		}
		if sweeps > 0 {
			if more--; more == 0 {
				cmd.Process.Kill() // what it wrote before is read to its end
			}
		}
		if lines.Text() == "swept" {
			continue
		}
		name, value, ok := strings.Cut(lines.Text(), " ")
		n, err := strconv.Atoi(value)
		if !ok || err != nil {
			break // torn by the kill
		}
		acknowledged[name] = told{n: n} // one appender writes each fact, so the last line is the newest
		fact, _ := strconv.Atoi(name)
		next[fact/sweptFacts] = n + 1
	}
	cmd.Wait()
	for name, last := range acknowledged {
		fact, _ := strconv.Atoi(name)
		last.ended = last.ended || next[fact/sweptFacts]%3 == 0
		acknowledged[name] = last
	}
}

func (p *place) checkFacts(t *testing.T, g *Log, acknowledged map[string]told) {
	t.Helper()
	all := p.records(g, eventlog.Inbox)
	state := fold(all)
	byRank := foldByRank(all)
	for name, last := range acknowledged {
		n := last.n
		e := entity{p.owner.ID(), p.owner.Entity(schemas.Family_OFFLINE_FACTS, name)}
		if state[e].Position != byRank[e].Position {
			t.Errorf("fact %s: in order %v, by rank %v", name, state[e].Position, byRank[e].Position)
		}
		r, there := state[e]
		if !there {
			if n%3 != 0 && !last.ended {
				t.Errorf("fact %s: value %d was acknowledged and is lost", name, n)
			}
			continue
		}
		got, err := strconv.Atoi(sweptID.FindStringSubmatch(p.openStanza(r))[1])
		if err != nil || got < n || got == n && n%3 == 0 {
			t.Errorf("fact %s: value %d was acknowledged, %d is found: %v", name, n, got, err)
		}
	}
}
