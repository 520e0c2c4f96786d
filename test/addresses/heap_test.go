package addresses

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"protokoll/test/server"
	"protokoll/test/wire"
)

// dumps is how often the heap is looked at before an address in it counts as kept. The collector takes what a preempted goroutine's
// dead variables seem to point to for alive, once; whatever is kept is there each time.
const dumps = 5

// searchHeap dumps the heap after everybody has signed out, by a client from an ordinary address.
func searchHeap(t *testing.T, n needles, s *server.Server, target wire.Target) {
	t.Helper()
	g := &guest{t: t, target: target, user: "user7", heard: &transcript{}}
	c := g.bound("dump")
	g.ask(c, "keep", "get", target.Domain, "<ping xmlns='urn:xmpp:ping' trap='keep' file='"+planted.String()+"'/>")
	var dump []byte
	for i := range dumps {
		file := filepath.Join(t.TempDir(), "heap")
		g.ask(c, fmt.Sprintf("heap%d", i), "get", target.Domain, "<ping xmlns='urn:xmpp:ping' trap='dump' file='"+file+"'/>")
		var err error
		if dump, err = os.ReadFile(file); err != nil {
			t.Fatal(err)
		}
		if len(needlesOf(planted).find(dump)) == 0 {
			t.Error("an address that is kept in memory is not found in the heap dump: the search is blind")
		}
		found := n.find(dump)
		if len(found) == 0 {
			break
		}
		t.Logf("dump %d holds %v", i+1, found)
		time.Sleep(300 * time.Millisecond) // goroutines go on
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	t.Logf("searched a heap dump of %d KiB", len(dump)>>10)
	n.expectNone(t, "the heap dump", dump)
}

// memory searches all of the memory that a process can write to, and returns how much that is.
func memory(t *testing.T, n needles, pid int) (size int, hits []string) {
	t.Helper()
	maps, err := os.ReadFile(fmt.Sprintf("/proc/%d/maps", pid))
	if err != nil {
		t.Fatal(err)
	}
	mem, err := os.Open(fmt.Sprintf("/proc/%d/mem", pid))
	if err != nil {
		t.Fatal(err)
	}
	defer mem.Close()
	for line := range strings.Lines(string(maps)) {
		var from, to int64
		var mode string
		if _, err := fmt.Sscanf(line, "%x-%x %s", &from, &to, &mode); err != nil || !strings.HasPrefix(mode, "rw") {
			continue
		}
		region := make([]byte, min(to-from, 256<<20))
		got, _ := mem.ReadAt(region, from) // what cannot be read was never used
		size += got
		hits = append(hits, n.find(region[:got])...)
	}
	return size, hits
}
