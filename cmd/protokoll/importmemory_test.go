package main

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// importMemory is more than an import of 5,000 accounts may ever have resident, the mapped file of the state included: some 200 MiB, two
// thirds of which are the same for any number of accounts. It is far from what 120,000 facts would take at once.
const importMemory = 320 << 20

// crowdFile writes XEP-0227 of accounts with 20 contacts, a vCard, bookmarks and a waiting message each. XEP-0227 §4
func crowdFile(t *testing.T, path string, accounts int) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	w := bufio.NewWriter(f)
	fmt.Fprint(w, "<server-data xmlns='urn:xmpp:pie:0'><host jid='a.example'>")
	for i := range accounts {
		fmt.Fprintf(w, "<user name='person%d'><query xmlns='jabber:iq:roster'>", i)
		for j := range 20 {
			fmt.Fprintf(w, "<item jid='person%d@a.example' name='Person %d' subscription='none'><group>Colleagues</group></item>", (i*7+j*13+1)%accounts, j)
		}
		fmt.Fprintf(w, "</query><vCard xmlns='vcard-temp'><FN>Person %d</FN><NOTE>%s</NOTE></vCard>", i, strings.Repeat("x", 600))
		fmt.Fprint(w, "<query xmlns='jabber:iq:private'><storage xmlns='storage:bookmarks'><conference jid='r@rooms.example'/></storage></query>")
		fmt.Fprintf(w, "<offline-messages><message xmlns='jabber:client' from='b@b.example' to='person%d@a.example'>", i)
		fmt.Fprint(w, "<body>hello</body><delay xmlns='urn:xmpp:delay' stamp='2026-11-01T00:00:00Z'/></message></offline-messages></user>")
	}
	fmt.Fprint(w, "</host></server-data>")
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

// A whole domain is imported one batch at a time: memory does not grow with the file. What is stored then is what the ledger holds, and a
// rebuild makes the same of it.
func TestImportMemory(t *testing.T) {
	t.Parallel()
	const accounts = 5000 / underRace
	dir := t.TempDir()
	data, file := filepath.Join(dir, "data"), filepath.Join(dir, "crowd.xml")
	startDemo(t, data, "--accounts", "1", "--domain", "a.example", "--password", "secret").stop()
	crowdFile(t, file, accounts)
	run := func(want string, args ...string) *exec.Cmd {
		t.Helper()
		cmd := exec.Command("protokoll", append(args, "--data", data)...)
		if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), want) {
			t.Fatalf("%s: %v, want %q:\n%s", args[0], err, want, out)
		}
		return cmd
	}
	imported := run(fmt.Sprintf("imported: %d accounts opened, %d facts added", accounts, 23*accounts), "import", file, "--yes")
	peak := imported.ProcessState.SysUsage().(*syscall.Rusage).Maxrss << 10
	t.Logf("%d MiB resident at most", peak>>20)
	if limit := importMemory * int64(underRace); peak > limit {
		t.Errorf("%d MiB resident at most, more than %d", peak>>20, limit>>20)
	}
	run("\nequal\n", "rebuild", "--check")
	run("consistent with", "audit", "verify")
}
