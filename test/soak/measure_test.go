package soak

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"runtime/pprof"
	"strconv"
	"testing"
	"time"

	"protokoll/cmd/protokoll/node"
	"protokoll/xmpp/session"
)

// measure is what the server holds, in numbers and bytes.
type measure struct {
	goroutines, files int
	live              uint64 // bytes of reachable objects
	heap              uint64 // bytes of spans that hold objects
	resident          uint64 // bytes, mapped files included
	anonymous         uint64 // bytes, without mapped files
	events            uint64
	tables            tables
}

// tables are sums of entries. All of it is 0 when nobody is there and nothing is waited for.
type tables struct {
	streams, accounts, timers int
	sessions                  session.Figures
}

func tablesOf(n *node.Node) tables {
	f := n.Figures()
	return tables{f.Connections, f.Accounts, f.Timers, n.Sessions.Figures()}
}

// patience is how long what is over may take to go: resume windows, idle accounts, connections to nobody. It ends a failing
// test; no test passes by waiting.
const patience = time.Minute

// take waits until the tables are empty and what changes by itself has come to rest, and measures. before is the measure to
// come back to, or nil.
func take(tb testing.TB, n *node.Node, before *measure) measure {
	tb.Helper()
	if !until(patience, func() bool { return tablesOf(n) == tables{} }) {
		tb.Errorf("%v after the last client left the tables are not empty: %+v", patience, tablesOf(n))
	}
	var m measure
	same := 0 // times in a row that goroutines and files were what they were
	until(patience/2, func() bool {
		last := m
		m.goroutines, m.files = runtime.NumGoroutine(), openFiles(tb)
		if same++; m.goroutines != last.goroutines || m.files != last.files {
			same = 0
		}
		return same >= rest && (before == nil || near(*before, m))
	})
	runtime.GC()
	runtime.GC() // the first one moves pools aside, the second one frees them
	debug.FreeOSMemory()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	m.live, m.heap, m.events, m.tables = stats.HeapAlloc, stats.HeapInuse, n.Figures().Events, tablesOf(n)
	m.resident, m.anonymous = resident(tb)
	return m
}

const (
	// tick is the pause between two looks at what comes to rest by itself.
	tick = 20 * time.Millisecond
	// rest is how many looks see the same when it has.
	rest = 50
)

func until(patience time.Duration, holds func() bool) bool {
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(tick) {
		if holds() {
			return true
		}
	}
	return holds()
}

// spareGoroutines are what may begin or end by itself: timers that are just running.
const spareGoroutines = 2

func near(before, after measure) bool {
	diff := after.goroutines - before.goroutines
	return after.files == before.files && diff <= spareGoroutines && diff >= -spareGoroutines
}

// openFiles counts descriptors, without the one that counts.
func openFiles(tb testing.TB) int {
	tb.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		tb.Fatal(err)
	}
	return len(entries) - 1
}

// resident returns the memory of the process, with and without mapped files.
func resident(tb testing.TB) (all, anonymous uint64) {
	tb.Helper()
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		tb.Fatal(err)
	}
	for line := range bytes.Lines(status) {
		fields := bytes.Fields(line)
		if len(fields) < 2 {
			continue
		}
		kB, _ := strconv.ParseUint(string(fields[1]), 10, 64) // other lines hold other things
		switch string(fields[0]) {
		case "VmRSS:":
			all = kB << 10
		case "RssAnon:":
			anonymous = kB << 10
		}
	}
	return all, anonymous
}

// differences says in what the server did not come back to where it was.
func differences(before, after measure) (all []string) {
	if after.tables != (tables{}) {
		all = append(all, fmt.Sprintf("the tables are not empty: %+v", after.tables))
	}
	if !near(before, after) {
		all = append(all, fmt.Sprintf("goroutines went from %d to %d, open files from %d to %d",
			before.goroutines, after.goroutines, before.files, after.files))
	}
	if limit := before.live + before.live/10; after.live > limit {
		all = append(all, fmt.Sprintf("reachable memory went from %d to %d bytes, at most %d may be", before.live, after.live, limit))
	}
	return all
}

// profile writes what a measure is made of, where that is asked for.
func profile(tb testing.TB, when string) {
	tb.Helper()
	if *profiles == "" {
		return
	}
	for _, kind := range []string{"heap", "goroutine"} {
		f, err := os.Create(filepath.Join(*profiles, when+"."+kind))
		if err != nil {
			tb.Fatal(err)
		}
		if err := pprof.Lookup(kind).WriteTo(f, 0); err != nil {
			tb.Error(err)
		}
		if err := f.Close(); err != nil {
			tb.Error(err)
		}
	}
}

// stacks is where goroutines are, for who looks for the one too many.
func stacks() string {
	var b bytes.Buffer
	_ = pprof.Lookup("goroutine").WriteTo(&b, 1) // a buffer takes everything
	return b.String()
}
