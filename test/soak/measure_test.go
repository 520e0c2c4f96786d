package soak

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"runtime/pprof"
	"strings"
	"testing"
	"time"

	"protokoll/cmd/protokoll/node"
	"protokoll/xmpp/session"
)

// measure is what the server holds, in numbers and bytes.
type measure struct {
	goroutines, files int    // without goroutines that wait for sockets: they are kept, up to maxPollers
	pollers           int    // those
	live              uint64 // bytes of reachable objects, without the following two, which are the log's and bounded
	tail              uint64 // bytes of the newest events, which the log keeps for its followers: now more, now fewer
	blocks            uint64 // bytes of the blocks that JetStream wrote last: up to 8 MiB for each lane, according to how full they are
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
		m.goroutines, m.pollers = goroutines()
		m.files = openFiles(tb)
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
	_, tail := n.Log.Held()
	m.tail, m.blocks, m.heap = uint64(tail), blockBuffers(), stats.HeapInuse
	m.live = stats.HeapAlloc - m.tail - m.blocks
	m.events, m.tables = n.Figures().Events, tablesOf(n)
	m.resident, m.anonymous = memory("VmRSS:"), memory("RssAnon:")
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

// peak is the most that there was of each at one time.
type peak struct {
	connections, sessions, goroutines int
	resident                          uint64 // bytes
}

// watchEvery is the pause between two looks for a peak.
const watchEvery = 100 * time.Millisecond

// watch looks for peaks while load runs.
func watch(n *node.Node, load func()) (p peak) {
	over, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for ticker := time.NewTicker(watchEvery); ; {
			select {
			case <-over:
				ticker.Stop()
				return
			case <-ticker.C:
			}
			f, all := n.Figures(), runtime.NumGoroutine()
			p.connections, p.sessions, p.goroutines = max(p.connections, f.Connections), max(p.sessions, f.Sessions), max(p.goroutines, all)
			p.resident = max(p.resident, memory("VmRSS:"))
		}
	}()
	defer func() { <-ended }()
	defer close(over)
	load()
	return // by name: the goroutine writes to it until it has ended
}

// maxPollers is how many goroutines xmpp/stream keeps waiting for sockets; how many there are is chance.
const maxPollers = 8

// goroutines counts, those apart that wait for sockets.
func goroutines() (others, pollers int) {
	all := stacks()
	pollers = bytes.Count(all, []byte("poll.(*Poller).loop("))
	return bytes.Count(all, []byte("\n\ngoroutine ")) + 1 - pollers, pollers
}

// stacks is where all goroutines are.
func stacks() []byte {
	for size := 1 << 20; ; size *= 2 {
		all := make([]byte, size)
		if n := runtime.Stack(all, true); n < size {
			return all[:n]
		}
	}
}

// blockBuffer is where JetStream gets the memory for a block that it writes.
const blockBuffer = "nats-server/v2/server.getMsgBlockBuf"

// profileRate samples all buffers of blocks: the smallest have 256 KiB.
const profileRate = 16 << 10

// blockBuffers returns how many bytes are in buffers of blocks, according to the profile.
func blockBuffers() (size uint64) {
	var records []runtime.MemProfileRecord
	for n, ok := runtime.MemProfile(nil, false); !ok; n, ok = runtime.MemProfile(records, false) {
		records = make([]runtime.MemProfileRecord, n+100)
	}
	for i := range records {
		frames := runtime.CallersFrames(records[i].Stack())
		for more := true; more; {
			var f runtime.Frame
			if f, more = frames.Next(); strings.HasSuffix(f.Function, blockBuffer) {
				size += uint64(records[i].InUseBytes())
				break
			}
		}
	}
	return size
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

// memory returns a line of the process's status in bytes; 0 if there is none.
func memory(line string) uint64 {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	_, rest, _ := bytes.Cut(status, []byte("\n"+line))
	var kB uint64
	_, _ = fmt.Sscan(string(rest), &kB) // nothing there is 0
	return kB << 10
}

// spareBytes is what reachable memory may grow by beside a tenth: what belongs to the log and is not counted apart. That is
// what sizes of the tail are rounded up by, the writers' scratch, and where the last 256 to 1,024 subjects lead in JetStream,
// for each answer to a published event has a subject of its own.
const spareBytes = 1 << 20

// differences says in what the server did not come back to where it was.
func differences(before, after measure) (all []string) {
	if after.tables != (tables{}) {
		all = append(all, fmt.Sprintf("the tables are not empty: %+v", after.tables))
	}
	if !near(before, after) {
		all = append(all, fmt.Sprintf("goroutines went from %d to %d, open files from %d to %d",
			before.goroutines, after.goroutines, before.files, after.files))
	}
	if after.pollers > maxPollers {
		all = append(all, fmt.Sprintf("%d goroutines wait for sockets, at most %d may", after.pollers, maxPollers))
	}
	if limit := before.live + before.live/10 + spareBytes; after.live > limit {
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
