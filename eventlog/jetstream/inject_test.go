package jetstream

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"protokoll/eventlog"
	"protokoll/eventlog/seal"
)

const outcomeCount = 24

// outcomesChild appends messages one after the other, rolling often, and says what became of each.
func outcomesChild(args []string) error {
	p, err := openPlace(args[0])
	if err != nil {
		return err
	}
	cfg := p.config()
	cfg.SegmentEvents = 5
	g, err := Open(cfg)
	if err != nil {
		return err
	}
	for n := range outcomeCount {
		err := g.Append(p.message(n)).Wait(context.Background())
		switch {
		case err == nil:
			fmt.Println("stored", n)
		case errors.Is(err, eventlog.ErrNoSpace):
			fmt.Println("refused", n)
		case errors.Is(err, eventlog.ErrUncertain):
			fmt.Println("uncertain", n)
		case errors.Is(err, eventlog.ErrStopped):
			fmt.Println("stopped", n)
		default:
			return err
		}
	}
	return g.Close()
}

// F21, F22: the system calls fail at any moment, of JetStream as well as ours. What was called stored is there at the next
// start, what was called refused is not, and the log is sound.
func TestFailingSystemCalls(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("strace"); err != nil {
		t.Fatal("strace is needed: ", err)
	}
	seen := map[string]int{}
	few := []string{"2", "5", "9", "4+5"}
	for fault, moments := range map[string][]string{
		"pwrite64:error=ENOSPC": few, "pwrite64:error=EIO": few, "renameat:error=ENOSPC": few,
		"fsync:error=EIO": {"1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "12", "14", "17", "20", "25", "30"}, // counted by thread
	} {
		for _, when := range moments {
			t.Run(fault+" at "+when, func(t *testing.T) {
				for _, o := range failingCalls(t, fault+":when="+when) {
					seen[o.result]++
				}
			})
		}
	}
	for _, result := range []string{"stored", "refused", "uncertain"} {
		if seen[result] == 0 {
			t.Errorf("no command was %s: the test shows nothing", result)
		}
	}
}

type outcome struct {
	result string
	n      int
}

func failingCalls(t *testing.T, fault string) (outcomes []outcome) {
	t.Helper()
	p := newPlace(t)
	p.create().Close()
	dir := p.share()
	cmd := child(t, "outcomes", dir)
	cmd.Args = append([]string{"strace", "-f", "-o", filepath.Join(t.TempDir(), "trace"), "-e", "trace=pwrite64,fsync,renameat,renameat2", "-e", "inject=" + fault, cmd.Path}, cmd.Args[1:]...)
	strace, err := exec.LookPath("strace")
	if err != nil {
		t.Fatal(err)
	}
	cmd.Path, cmd.Stderr = strace, nil
	out, _ := cmd.Output() // it may fail; what it said counts
	for lines := bufio.NewScanner(strings.NewReader(string(out))); lines.Scan(); {
		result, number, _ := strings.Cut(lines.Text(), " ")
		n, err := strconv.Atoi(number)
		if err != nil {
			t.Fatal(err)
		}
		outcomes = append(outcomes, outcome{result, n})
	}
	if p.keys, err = seal.OpenKeybook(filepath.Join(dir, "keys"), seal.FileRoot(filepath.Join(dir, "root"))); err != nil {
		t.Fatal(err)
	}
	g := p.open()
	defer g.Close()
	texts, _ := p.stanzas(g)
	for _, o := range outcomes {
		if found := slices.Contains(texts, stanza(o.n)); o.result == "stored" && !found || (o.result == "refused" || o.result == "stopped") && found {
			t.Errorf("message %d was %s and is found: %v", o.n, o.result, found)
		}
	}
	if err := g.Verify(t.Context(), nil); err != nil {
		t.Error(err)
	}
	return outcomes
}
