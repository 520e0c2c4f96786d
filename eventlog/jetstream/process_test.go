package jetstream

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"protokoll/eventlog"
	"protokoll/eventlog/seal"
	"protokoll/schemas"
)

// openPlace opens the place that another process made in a folder; the owner's id is in a file.
func openPlace(dir string) (*place, error) {
	keys, err := seal.OpenKeybook(filepath.Join(dir, "keys"), seal.FileRoot(filepath.Join(dir, "root")))
	if err != nil {
		return nil, err
	}
	id, err := os.ReadFile(filepath.Join(dir, "owner"))
	if err != nil {
		return nil, err
	}
	owner, err := keys.Owner(schemas.OwnerID(id))
	if err != nil {
		return nil, err
	}
	return &place{dir: filepath.Join(dir, "log"), keys: keys, owner: owner}, nil
}

// share writes down what another process needs to open the place.
func (p *place) share() string {
	p.t.Helper()
	id := p.owner.ID()
	dir := filepath.Dir(p.dir)
	if err := os.WriteFile(filepath.Join(dir, "owner"), id[:], 0o600); err != nil {
		p.t.Fatal(err)
	}
	return dir
}

const (
	appenders = 8
	perWorker = 1_000_000 // numbers of appender w begin at w times this
)

// appendersChild appends commands of one to three messages until it is killed, and says which ones were acknowledged.
func appendersChild(args []string) error {
	p, err := openPlace(args[0])
	if err != nil {
		return err
	}
	from, err := strconv.Atoi(args[1])
	if err != nil {
		return err
	}
	cfg := p.config()
	cfg.SegmentEvents = 500 // kills hit rolls too
	g, err := Open(cfg)
	if err != nil {
		return err
	}
	fmt.Println("ready")
	var wg sync.WaitGroup
	for w := range appenders {
		wg.Go(func() {
			for n := from; ; n += 3 {
				if g.Append(p.messages(w*perWorker+n, 3)).Wait(context.Background()) != nil {
					return
				}
				os.Stdout.WriteString(strconv.Itoa(w*perWorker+n) + "\n")
			}
		})
	}
	wg.Wait()
	return nil
}

var stanzaID = regexp.MustCompile(`id='(\d+)'`)

// F1: whenever the process dies, everything acknowledged is in the log, once, in the order of its appender, whole.
func TestKilledAtRandomMoments(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.create().Close()
	dir := p.share()
	acknowledged := map[int]bool{}
	for round := range 12 {
		killAppenders(t, dir, round*10_000, acknowledged)
		keys, err := seal.OpenKeybook(filepath.Join(dir, "keys"), seal.FileRoot(filepath.Join(dir, "root")))
		if err != nil {
			t.Fatal(err)
		}
		p.keys = keys
		p.checkAcknowledged(t, acknowledged)
	}
	if len(acknowledged) < 100 {
		t.Errorf("only %d commands were acknowledged: the test shows nothing", len(acknowledged))
	}
}

func killAppenders(t *testing.T, dir string, from int, acknowledged map[int]bool) {
	t.Helper()
	cmd := child(t, "appenders", dir, strconv.Itoa(from))
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
	time.AfterFunc(time.Duration(rand.IntN(250))*time.Millisecond, func() { cmd.Process.Kill() })
	for lines.Scan() {
		n, err := strconv.Atoi(lines.Text())
		if err != nil {
			break // torn by the kill
		}
		acknowledged[n] = true
	}
	cmd.Wait()
}

func (p *place) checkAcknowledged(t *testing.T, acknowledged map[int]bool) {
	t.Helper()
	g := p.open()
	defer g.Close()
	texts, numbers := p.stanzas(g)
	seen, newest := map[int]bool{}, map[int]int{}
	for i, text := range texts {
		n, err := strconv.Atoi(stanzaID.FindStringSubmatch(text)[1])
		if err != nil {
			t.Fatal(err)
		}
		if i > 0 && numbers[i] <= numbers[i-1] {
			t.Fatalf("number %d after %d", numbers[i], numbers[i-1])
		}
		if w := n / perWorker; n%perWorker < newest[w] || seen[n] {
			t.Fatalf("message %d twice or out of order", n)
		} else {
			newest[w] = n % perWorker
		}
		seen[n] = true
	}
	for n := range acknowledged {
		if !seen[n] || !seen[n+1] || !seen[n+2] {
			t.Fatalf("command %d was acknowledged and is missing", n)
		}
	}
	for n := range seen {
		if first := n - n%perWorker%10_000%3; !seen[first] || !seen[first+1] || !seen[first+2] {
			t.Fatalf("message %d is there without the rest of its command", n)
		}
	}
	if err := g.Verify(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
}

const marker = "receipt settled"

// markerChild appends three commands, the second large enough to go over several blocks, and writes a marker after each receipt.
func markerChild(args []string) error {
	p, err := openPlace(args[0])
	if err != nil {
		return err
	}
	g, err := Open(p.config())
	if err != nil {
		return err
	}
	large := p.message(2)
	for range 40 {
		large.Facts = append(large.Facts, eventlog.Set("photo", &schemas.OfflineMessage{Stanza: bytes.Repeat([]byte("x"), 500<<10)}))
	}
	for _, c := range []eventlog.Command{p.message(1), large, p.message(3)} {
		if err := g.Append(c).Wait(context.Background()); err != nil {
			return err
		}
		unix.Write(2, []byte(marker+"\n"))
	}
	return g.Close()
}

// An acknowledgement follows the sync of every block file that its command was written to, and of the folder where a block
// is new. Seen in the system calls, because killing the process cannot show it. Also F39: a group that crosses a block.
func TestReceiptFollowsSync(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.create().Close()
	dir := p.share()
	trace := filepath.Join(t.TempDir(), "trace")
	cmd := child(t, "marker", dir)
	strace, err := exec.LookPath("strace")
	if err != nil {
		t.Fatal("strace is needed: ", err)
	}
	cmd.Args = append([]string{strace, "-f", "-y", "-s", "40", "-e", "trace=openat,pwrite64,write,fsync,fdatasync", "-o", trace, cmd.Path}, cmd.Args[1:]...)
	cmd.Path, cmd.Stderr = strace, io.Discard
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(trace)
	if err != nil {
		t.Fatal(err)
	}
	checkTrace(t, string(data))
}

var (
	blockWrite = regexp.MustCompile(`pwrite64\(\d+<(\S+\.blk)>`)
	blockMade  = regexp.MustCompile(`openat\(.*"(\S+\.blk)", [^)]*O_CREAT`)
	syncCall   = regexp.MustCompile(`^(\d+) .*f(?:data)?sync\(\d+<([^>]+)>(\)\s*= 0| <unfinished)`)
	syncEnd    = regexp.MustCompile(`^(\d+) .*f(?:data)?sync resumed>\)\s*= 0`)
)

// checkTrace keeps which files have writes, and which folders names, that no sync covers, and looks at it at each marker.
func checkTrace(t *testing.T, trace string) {
	t.Helper()
	dirty := map[string]bool{}
	type running struct {
		path    string
		touched bool
	}
	syncing := map[string]*running{} // by thread
	markers, blocksSeen := 0, map[string]bool{}
	touch := func(path string) {
		dirty[path] = true
		for _, s := range syncing {
			s.touched = s.touched || s.path == path // may be too late for a sync that runs
		}
	}
	for line := range strings.Lines(trace) {
		if m := blockMade.FindStringSubmatch(line); m != nil && !blocksSeen[m[1]] {
			touch(filepath.Dir(m[1]))
			blocksSeen[m[1]] = true
		}
		if m := blockWrite.FindStringSubmatch(line); m != nil {
			touch(m[1])
		}
		if m := syncCall.FindStringSubmatch(line); m != nil {
			if strings.HasPrefix(m[3], ")") {
				delete(dirty, m[2])
			} else {
				syncing[m[1]] = &running{path: m[2]}
			}
		}
		if m := syncEnd.FindStringSubmatch(line); m != nil && syncing[m[1]] != nil {
			if !syncing[m[1]].touched {
				delete(dirty, syncing[m[1]].path)
			}
			delete(syncing, m[1])
		}
		if strings.Contains(line, marker) {
			markers++
			for path := range dirty {
				t.Errorf("receipt %d was settled before %s was synced", markers, filepath.Base(path))
			}
		}
	}
	if markers != 3 || len(blocksSeen) < 3 {
		t.Errorf("the trace shows %d receipts and %d blocks", markers, len(blocksSeen))
	}
}
