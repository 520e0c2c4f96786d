package faults

import (
	"crypto/x509"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"protokoll/test/server"
	"protokoll/test/wire"
)

// errorsOf collects the conditions of stanza errors that come back.
func errorsOf(p *peer) func() []string {
	b := &bodies{}
	p.stanza = func(n *wire.Node) {
		if e := n.Child(wire.NSClient, "error"); e != nil {
			for _, c := range e.Elements() {
				if c.Name.Space == wire.NSStanza {
					b.mu.Lock()
					b.all = append(b.all, e.Get("type")+" "+c.Name.Local)
					b.mu.Unlock()
				}
			}
		}
	}
	return b.list
}

// TestSyncFails is F22: fsync answers EIO. Nothing is acknowledged, fsync is not tried again, the process stops and says why;
// after a start the client's message is there once, and so is everything acknowledged before.
func TestSyncFails(t *testing.T) {
	t.Parallel()
	s, target := start(t, server.Options{Accounts: 2})
	sender, _ := client(target, "user1", "pen")
	told := errorsOf(sender)
	away := "user2@" + target.Domain
	online(t, sender, available)
	say(t, sender, away, "before")
	stop := trace(t, s, "-e", "trace=fsync,fdatasync", "-e", "inject=fsync,fdatasync:error=EIO")
	must(t, sender.send(posted{text: "<message type='chat' id='during' to='" + away + "'><body>during</body></message>"}))
	if !until(wire.Patience, func() bool { return !s.Alive() }) {
		t.Fatal("the server goes on with a disk that loses what it took")
	}
	sender.lost()
	if n := sender.unacknowledged(); n != 1 {
		t.Errorf("%d stanzas are unacknowledged, want 1: nobody knows whether the message is on disk; told: %v", n, told())
	}
	syncs := map[string]int{}
	for _, c := range calls(stop()) {
		if c.begins && strings.HasSuffix(c.file, ".blk") {
			syncs[c.file]++
		}
	}
	for file, n := range syncs {
		if n > 1 {
			t.Errorf("%s was synced %d times: a failed sync is not tried again", filepath.Base(file), n)
		}
	}
	if len(syncs) == 0 {
		t.Error("no block was synced")
	}
	if _, said, _ := strings.Cut(s.Output(), "\nprotokoll: "); !strings.Contains(said, "input/output error") {
		t.Errorf("the process does not say why it stops: %s", tail(s.Output(), 600))
	}
	again(t, s)
	must(t, sender.connect())
	say(t, sender, away, "after")
	reader, read := client(target, "user2", "desk")
	online(t, reader, available)
	if !until(wire.Patience, func() bool { return read.count("after") > 0 }) || fmt.Sprint(read.list()) != "[before during after]" {
		t.Errorf("shown: %v", read.list())
	}
	must(t, same(s))
	sender.signOut()
	reader.signOut()
}

// TestWriteFails is F21 and F22: a write to the log answers EIO or ENOSPC. Nothing is acknowledged as stored, the sender is told
// to wait, and when writes work again so does everything else, without a restart.
func TestWriteFails(t *testing.T) {
	t.Parallel()
	for _, errno := range []string{"ENOSPC", "EIO"} {
		t.Run(errno, func(t *testing.T) {
			t.Parallel()
			s, target := start(t, server.Options{Accounts: 2})
			sender, _ := client(target, "user1", "pen")
			refused := errorsOf(sender)
			away := "user2@" + target.Domain
			online(t, sender, available)
			say(t, sender, away, "before")
			stop := trace(t, s, "-e", "trace=pwrite64", "-e", "inject=pwrite64:error="+errno)
			say(t, sender, away, "during")
			if got := fmt.Sprint(refused()); got != "[wait resource-constraint]" {
				t.Errorf("the sender is told %s", got)
			}
			_ = stop()
			say(t, sender, away, "after")
			if got := len(refused()); got > 1 {
				t.Errorf("refused although the disk works again: %v", refused())
			}
			reader, read := client(target, "user2", "desk")
			online(t, reader, available)
			if !until(wire.Patience, func() bool { return read.count("after") > 0 }) || fmt.Sprint(read.list()) != "[before after]" {
				t.Errorf("shown: %v", read.list())
			}
			must(t, same(s))
			sender.drop()
			reader.drop()
			s.Kill()
			again(t, s)
			must(t, same(s))
		})
	}
}

// reserve is what the log keeps free for sweeps (log.reserve_bytes), smallDisk leaves 24 MiB more.
const (
	reserve   = 64 << 20
	smallDisk = reserve + 24<<20
)

// TestFullDisk is F21 with a disk that is really full: what would have to be stored is refused with resource-constraint of type
// wait, people who are online keep chatting, and when there is room again service is normal.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	unshare := []string{"unshare", "--mount"}
	if os.Geteuid() != 0 {
		unshare = append(unshare, "--map-root-user")
	}
	mount := fmt.Sprintf(`mount -t tmpfs -o size=%d tmpfs "$0" && exec "$@"`, smallDisk)
	s, err := server.Start(server.Options{Binary: binary, Password: password, Data: data, Accounts: 3, Wrap: append(unshare, "sh", "-c", mount, data)})
	must(t, err)
	t.Cleanup(s.Remove)
	inside := fmt.Sprintf("/proc/%d/root%s", s.PID(), data) // the mount is seen by the server only
	pem, err := os.ReadFile(filepath.Join(inside, "ca.pem"))
	must(t, err)
	target := wire.Target{Addr: s.Addr, TLSAddr: s.TLSAddr, Domain: s.Domain, Roots: x509.NewCertPool()}
	target.Roots.AppendCertsFromPEM(pem)

	sender, _ := client(target, "user1", "pen")
	refused := errorsOf(sender)
	friend, shown := client(target, "user3", "desk")
	away := "user2@" + target.Domain
	online(t, sender, available)
	online(t, friend, available)
	say(t, sender, away, "before")
	ballast := filepath.Join(inside, "ballast")
	var disk syscall.Statfs_t
	must(t, syscall.Statfs(inside, &disk))
	must(t, os.WriteFile(ballast, make([]byte, int64(disk.Bavail)*disk.Bsize-reserve+1<<20), 0o600))
	say(t, sender, away, "during")
	if got := fmt.Sprint(refused()); got != "[wait resource-constraint]" {
		t.Errorf("the sender is told %s", got)
	}
	if n, err := sender.ask("set", "", "<query xmlns='jabber:iq:roster'><item jid='"+away+"' name='x'/></query>"); err != nil ||
		n.Find(wire.NSStanza, "resource-constraint") == nil {
		t.Errorf("a roster change on a full disk is answered with %v %v", n, err)
	}
	say(t, sender, friend.bare(), "live")
	if !until(wire.Patience, func() bool { return shown.count("live") == 1 }) {
		t.Error("who is online gets nothing while the disk is full")
	}
	must(t, os.Remove(ballast))
	say(t, sender, away, "after")
	reader, read := client(target, "user2", "desk")
	online(t, reader, available)
	if !until(wire.Patience, func() bool { return read.count("after") > 0 }) || fmt.Sprint(read.list()) != "[before after]" {
		t.Errorf("shown: %v", read.list())
	}
	if n, err := sender.ask("set", "", "<query xmlns='jabber:iq:roster'><item jid='"+away+"' name='x'/></query>"); err != nil || n.Get("type") != "result" {
		t.Errorf("a roster change is answered with %v %v", n, err)
	}
	for _, p := range []*peer{sender, friend, reader} {
		p.signOut()
	}
}

// slowSync is how long each fsync takes in TestSlowDisk, and patience how long Monal waits for the answer to an <r/>.
const (
	slowSync = 2 * time.Second
	patience = 4 * time.Second
)

// TestSlowDisk is F23: every fsync takes two seconds. Order is kept, nothing is doubled, IQs are not held up, and no <r/> stays
// unanswered for the four seconds after which a client takes the connection for dead (F51).
func TestSlowDisk(t *testing.T) {
	t.Parallel()
	s, target := start(t, server.Options{Accounts: 2})
	sender, _ := client(target, "user1", "pen")
	refused := errorsOf(sender)
	away := "user2@" + target.Domain
	online(t, sender, available)
	other, _ := client(target, "user1", "other")
	online(t, other, available)
	roster := func(p *peer) (time.Duration, error) {
		begin := time.Now()
		_, err := p.ask("set", "", "<query xmlns='jabber:iq:roster'><item jid='friend@"+target.Domain+"' name='slow'/></query>")
		return time.Since(begin), err
	}
	stop := trace(t, s, "-e", "trace=fsync,fdatasync", "-e", fmt.Sprintf("inject=fsync,fdatasync:delay_enter=%d", slowSync.Microseconds()))

	first := make(chan time.Duration, 1)
	go func() {
		took, err := roster(sender)
		if err != nil {
			t.Error(err)
		}
		first <- took
	}()
	must(t, other.ping()) // the first change is on its way now
	took, err := roster(other)
	must(t, err)
	if d := <-first; d < slowSync || took < slowSync/2 {
		t.Errorf("a roster change was answered after %v, the same one by another client after %v, a sync takes %v", d, took, slowSync)
	}

	gap := answerGap(t, sender, away)
	if gap >= patience {
		t.Errorf("an <r/> was not answered for %v", gap)
	}
	t.Logf("the longest wait for an answer to <r/>: %v", gap)
	_ = stop()
	say(t, sender, away, "end")
	reader, read := client(target, "user2", "desk")
	online(t, reader, available)
	if !until(wire.Patience, func() bool { return read.count("end") > 0 }) {
		t.Fatalf("shown: %v", read.list())
	}
	want := []string{}
	for i := range slowMessages {
		want = append(want, fmt.Sprintf("s%d", i))
	}
	// What was bounced may be missing; what is there is in order, and there once.
	pattern := regexp.MustCompile("^" + strings.Join(want, "? ?") + "? ?end$")
	if got := strings.Join(read.list(), " "); !pattern.MatchString(got) || len(read.list()) < slowMessages+1-len(refused()) {
		t.Errorf("shown: %v, refused: %v", got, refused())
	}
	for _, p := range []*peer{sender, other, reader} {
		p.drop()
	}
}

// slowMessages are sent one every half second while the disk is slow.
const slowMessages = 8

// answerGap sends messages to somebody who is away, each with an <r/>, and a ping behind it, and returns the longest time
// between an <r/> and the next <a/>. The ping must not wait for the message.
func answerGap(t *testing.T, p *peer, to string) time.Duration {
	t.Helper()
	acks := make(chan time.Time, 1000)
	p.onNonza(func(_ *wire.Conn, n *wire.Node) bool {
		if n.Name.Local == "a" {
			acks <- time.Now()
		}
		return false
	})
	var longest time.Duration
	asked := time.Time{} // the oldest <r/> without an answer
	seen := func(at time.Time) {
		if !asked.IsZero() {
			longest = max(longest, at.Sub(asked))
			asked = time.Time{}
		}
	}
	for i := range slowMessages {
		must(t, p.send(posted{text: fmt.Sprintf("<message type='chat' id='s%d' to='%s'><body>s%d</body></message>", i, to, i)}))
		sent := time.Now()
		if asked.IsZero() {
			asked = sent
		}
		must(t, p.ping())
		if d := time.Since(sent); d > slowSync/2 {
			t.Errorf("a ping behind a message took %v", d)
		}
		for wait := time.After(500 * time.Millisecond); wait != nil; {
			select {
			case at := <-acks:
				seen(at)
			case <-wait:
				wait = nil
			}
		}
	}
	for !asked.IsZero() {
		select {
		case at := <-acks:
			seen(at)
		case <-time.After(wire.Patience):
			t.Fatal("no <a/> comes any more")
		}
	}
	return longest
}

// TestReadFails is the rest of F23: reading the log answers EIO. The log is never served on in part: the process stops and names the
// file; nothing is lost, and when reads work again all is well.
func TestReadFails(t *testing.T) {
	t.Parallel()
	s, target := start(t, server.Options{Accounts: 2})
	sender, _ := client(target, "user1", "pen")
	away := "user2@" + target.Domain
	online(t, sender, available)
	say(t, sender, away, "before")
	must(t, s.Stop()) // what was just written is read from memory
	sender.lost()
	again(t, s)
	stop := trace(t, s, "-e", "trace=pread64", "-e", "inject=pread64:error=EIO")
	if out, err := s.Command("rebuild", "--check"); err == nil {
		t.Errorf("rebuild --check reads what cannot be read:\n%s", out)
	}
	if !until(wire.Patience, func() bool { return !s.Alive() }) {
		t.Fatal("the server goes on with a log that it cannot read")
	}
	_ = stop()
	if said := tail(s.Output(), 600); !strings.Contains(said, ".blk: input/output error") {
		t.Errorf("the process does not say why it stops: %s", said)
	}
	again(t, s)
	must(t, same(s))
	must(t, sender.connect())
	say(t, sender, away, "after")
	reader, read := client(target, "user2", "desk")
	online(t, reader, available)
	if !until(wire.Patience, func() bool { return read.count("after") > 0 }) || fmt.Sprint(read.list()) != "[before after]" {
		t.Errorf("shown: %v", read.list())
	}
	sender.signOut()
	reader.signOut()
}
