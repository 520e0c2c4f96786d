package progress

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"
)

// newTestBar returns a bar on a buffer and the hand of its clock.
func newTestBar(terminal bool) (*Bar, *bytes.Buffer, *time.Time) {
	out, now := &bytes.Buffer{}, time.Unix(1e9, 0)
	return &Bar{out: out, terminal: terminal, now: func() time.Time { return now }}, out, &now
}

const clear = "\r\x1b[K"

func TestTerminal(t *testing.T) {
	t.Parallel()
	b, out, now := newTestBar(true)
	b.Show("reading", 0, 200)
	b.Show("reading", 1, 200) // too soon
	*now = now.Add(terminalStep)
	b.Show("reading", 100, 200)
	*now = now.Add(terminalStep)
	b.Show("reading", 100, 200) // nothing new
	b.Show("reading", 200, 200) // the end is always shown
	b.Show("writing", 7, 0)     // a new step too
	b.Done()
	want := clear + "reading [" + strings.Repeat(".", 30) + "]   0 %  0 of 200" +
		clear + "reading [" + strings.Repeat("#", 15) + strings.Repeat(".", 15) + "]  50 %  100 of 200" +
		clear + "reading [" + strings.Repeat("#", 30) + "] 100 %  200 of 200\n" +
		clear + "writing: 7\n"
	if out.String() != want {
		t.Errorf("got\n%q, want\n%q", out, want)
	}
}

func TestNoTerminal(t *testing.T) {
	t.Parallel()
	b, out, now := newTestBar(false)
	for i := range uint64(100) {
		b.Show("reading", i, 100)
		*now = now.Add(plainStep / 50)
	}
	b.Show("reading", 100, 100)
	b.Done()
	got := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
	if len(got) != 3 || !strings.HasSuffix(got[0], "0 of 100") || !strings.HasSuffix(got[1], "50 of 100") || !strings.HasSuffix(got[2], "100 of 100") {
		t.Errorf("got %q", got)
	}
	if strings.ContainsAny(out.String(), "\r\x1b") {
		t.Errorf("control characters in %q", out)
	}
}

func TestFormat(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		done, total uint64
		want        string
	}{
		{0, 0, "s: 0"},
		{1 << 63, 0, "s: 9223372036854775808"},
		{1, 3, "s [##########....................]  33 %  1 of 3"},
		{5, 3, "s [##############################] 100 %  5 of 3"}, // what is counted may grow meanwhile
	} {
		if got := format("s", c.done, c.total); got != c.want {
			t.Errorf("%d of %d: got %q, want %q", c.done, c.total, got, c.want)
		}
	}
}

// A bar that showed nothing prints nothing, and Done may be called again.
func TestSilent(t *testing.T) {
	t.Parallel()
	b, out, _ := newTestBar(true)
	b.Done()
	b.Done()
	if out.Len() != 0 {
		t.Errorf("got %q", out)
	}
}

func TestManyGoroutines(t *testing.T) {
	t.Parallel()
	file, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	b := New(file)
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for n := range uint64(100) {
				b.Show(fmt.Sprint("step ", i), n, 100)
			}
		})
	}
	all.Wait()
	b.Done()
	text, err := os.ReadFile(file.Name())
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if !strings.HasPrefix(line, "step ") || !strings.HasSuffix(line, " of 100\n") {
			t.Errorf("broken line %q", line)
		}
	}
}
