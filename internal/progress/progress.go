// Package progress draws how far long work is: a bar on a terminal, a line every few seconds elsewhere.
package progress

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/term"
)

const (
	barWidth     = 30
	terminalStep = 100 * time.Millisecond
	plainStep    = 5 * time.Second
)

// Bar shows one step of work after the other. Its methods may be used by many goroutines.
type Bar struct {
	out      io.Writer
	terminal bool
	now      func() time.Time

	mu    sync.Mutex
	step  string
	drawn time.Time
	line  string
}

// New returns a bar on a file, which is a terminal or not.
func New(out *os.File) *Bar {
	return &Bar{out: out, terminal: term.IsTerminal(int(out.Fd())), now: time.Now}
}

// Show draws how much of a step is done; total 0 means that it is not known. Drawing is limited in time, so call it often.
func (b *Bar) Show(step string, done, total uint64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	pause := plainStep
	if b.terminal {
		pause = terminalStep
	}
	now := b.now()
	if step == b.step && now.Sub(b.drawn) < pause && (total == 0 || done < total) {
		return
	}
	if step != b.step {
		b.end()
	}
	if line := format(step, done, total); line != b.line {
		b.step, b.drawn, b.line = step, now, line
		b.draw()
	}
}

// Done ends the last line.
func (b *Bar) Done() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.end()
	b.step, b.line = "", ""
}

func (b *Bar) end() {
	if b.terminal && b.line != "" {
		fmt.Fprintln(b.out)
	}
}

func (b *Bar) draw() {
	if b.terminal {
		fmt.Fprintf(b.out, "\r\x1b[K%s", b.line)
		return
	}
	fmt.Fprintln(b.out, b.line)
}

func format(step string, done, total uint64) string {
	if total == 0 {
		return fmt.Sprintf("%s: %d", step, done)
	}
	part := float64(min(done, total)) / float64(total)
	full := int(part * barWidth)
	return fmt.Sprintf("%s [%s%s] %3.0f %%  %d of %d", step, strings.Repeat("#", full), strings.Repeat(".", barWidth-full), part*100, done, total)
}
