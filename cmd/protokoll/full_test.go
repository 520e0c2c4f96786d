package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"protokoll/test/wire"
)

// smallDisk is a server whose data folder is a file system of its own, seen by nobody else.
type smallDisk struct {
	*served
	site *site
}

// serveOnSmallDisk runs the server in a mount namespace with a tmpfs of some bytes under its data folder. Without root it takes
// a user namespace as well.
func serveOnSmallDisk(t *testing.T, s *site, bytes int) *smallDisk {
	t.Helper()
	if err := os.Mkdir(s.path("data"), 0o700); err != nil {
		t.Fatal(err)
	}
	script := fmt.Sprintf(`mount -t tmpfs -o size=%d,mode=0700 none "$1" && exec protokoll serve --config "$2"`, bytes)
	args := []string{"--mount"}
	if os.Geteuid() != 0 {
		args = append(args, "--map-root-user")
	}
	args = append(args, "sh", "-c", script, "sh", s.path("data"), s.config)
	return &smallDisk{s.serving(launchAs(t, exec.Command("unshare", args...))), s}
}

// file is a path on the small disk, as seen from outside.
func (d *smallDisk) file(names ...string) string {
	return filepath.Join(append([]string{fmt.Sprintf("/proc/%d/root", d.cmd.Process.Pid), d.site.path("data")}, names...)...)
}

// fill leaves only some bytes free.
func (d *smallDisk) fill(leave int64) {
	d.t.Helper()
	var disk syscall.Statfs_t
	if err := syscall.Statfs(d.file(), &disk); err != nil {
		d.t.Fatal(err)
	}
	f, err := os.OpenFile(d.file("fill"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		d.t.Fatal(err)
	}
	defer f.Close()
	_, err = f.Write(make([]byte, max(0, int64(disk.Bavail)*disk.Bsize-leave)))
	if err != nil && !errors.Is(err, syscall.ENOSPC) {
		d.t.Fatal(err)
	}
}

func (d *smallDisk) free() {
	d.t.Helper()
	if err := os.Remove(d.file("fill")); err != nil {
		d.t.Fatal(err)
	}
}

func chat(id, to, text string) string {
	return fmt.Sprintf("<message type='chat' id='%s' to='%s@%s'><body>%s</body></message>", id, to, siteDomain, text)
}

// mustWait wants a stanza to be refused for now.
func mustWait(t *testing.T, c *wire.Conn, what, stanza, id string) {
	t.Helper()
	n := sendAndAwait(t, c, stanza, func(n *wire.Node) bool { return n.Get("id") == id })
	e := n.Child(wire.NSClient, "error")
	if e == nil || e.Get("type") != "wait" || e.Child(wire.NSStanza, "resource-constraint") == nil {
		t.Errorf("%s:\n%v", what, n)
	}
}

// F21: what must be stored is refused for now, chat between those who are there goes on, and with room everything is normal
// without a restart. Nothing that was acknowledged is lost, nothing that was refused is there.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil, "[log]\nreserve_bytes = 4194304\n")
	d := serveOnSmallDisk(t, s, 64<<20)
	for _, name := range []string{"anna", "bela", "carla"} {
		if out, code := command(t, "secret", "account", "add", name+"@"+siteDomain, "--data", d.file()); code != 0 {
			t.Fatal(out)
		}
	}
	anna, bela := signIn(t, d.target, "anna", "secret"), signIn(t, d.target, "bela", "secret")
	sendAndAwait(t, bela, "<presence/>", func(n *wire.Node) bool { return n.Is(wire.NSClient, "presence") })
	stored(t, anna, chat("m0", "carla", "kept before"))

	for name, leave := range map[string]int64{"below the reserve": 2 << 20, "nothing left": 0} {
		d.fill(leave)
		mustWait(t, anna, name+": message for somebody away", chat("m1", "carla", "refused"), "m1")
		mustWait(t, anna, name+": roster", "<iq type='set' id='r1'><query xmlns='jabber:iq:roster'><item jid='carla@"+siteDomain+"'/></query></iq>", "r1")
		if err := anna.Write(chat("m2", "bela", name)); err != nil {
			t.Fatal(err)
		}
		await(t, bela, func(n *wire.Node) bool {
			body := n.Child(wire.NSClient, "body")
			return body != nil && body.Content() == name
		})
		out, code := command(t, "secret", "account", "add", "dora@"+siteDomain, "--data", d.file())
		if code != 1 || !strings.Contains(out, "no room on the disk") && !strings.Contains(out, "no space left on device") {
			t.Errorf("%s: account add: exit code %d: %s", name, code, out)
		}
	}
	d.free()
	// Since when there is room is known a moment later.
	sent := 1 + 2*3
	for answer := ""; answer != "result"; sent++ {
		answer = request(t, anna, "r2", "set", "<query xmlns='jabber:iq:roster'><item jid='carla@"+siteDomain+"'/></query>").Get("type")
	}
	if err := anna.Write(chat("m3", "carla", "kept after")); err != nil {
		t.Fatal(err)
	}
	acknowledged(t, anna, sent+1)
	got := inbox(t, signIn(t, d.target, "carla", "secret"))
	if strings.Join(got, ", ") != "kept before, kept after" {
		t.Errorf("carla got %q", got)
	}
	if out, code := command(t, "", "rebuild", "--check", "--data", d.file()); code != 0 || !strings.Contains(out, "equal") {
		t.Errorf("exit code %d: %s", code, out)
	}
	d.stop()
}

// inbox comes online and returns the texts that waited.
func inbox(t *testing.T, c *wire.Conn) (texts []string) {
	t.Helper()
	sendAndAwait(t, c, "<presence/><iq type='get' id='end'><ping xmlns='urn:xmpp:ping'/></iq>", func(n *wire.Node) bool {
		if body := n.Child(wire.NSClient, "body"); body != nil {
			texts = append(texts, body.Content())
		}
		return n.Get("id") == "end"
	})
	return texts
}
