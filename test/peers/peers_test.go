package peers

import (
	"archive/zip"
	"io"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"protokoll/test/server"
)

var binary string

func TestMain(m *testing.M) { server.Main(m, server.Keep(&binary)) }

// demo starts this server for a domain.
func demo(t *testing.T, domain string) *server.Server {
	t.Helper()
	s, err := server.Start(server.Options{Binary: binary, Domain: domain, Accounts: 4, Password: password})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Remove)
	return s
}

func command(t *testing.T, s *server.Server, args ...string) string {
	t.Helper()
	out, err := s.Command(args...)
	if err != nil {
		t.Fatalf("%v: %v\n%s", args, err, out)
	}
	return out
}

// What people had on a real ejabberd they have here, password included.
func TestFromEjabberd(t *testing.T) {
	t.Parallel()
	const domain = "old.example"
	names := [4]string{"juliet", "romeo", "nurse", "tybalt"}
	old := startEjabberd(t, domain)
	for _, name := range names {
		old.api(t, "register", map[string]string{"user": name, "host": domain, "password": password})
	}
	live(t, old.target, names)
	out := t.TempDir()
	old.api(t, "export_piefxis", map[string]string{"dir": out})
	files, err := filepath.Glob(filepath.Join(out, "*.xml"))
	if err != nil {
		t.Fatal(err)
	}
	document := ""
	for _, f := range files {
		if !strings.Contains(f, "_old_example") {
			document = f
		}
	}
	s := demo(t, domain)
	dry := command(t, s, "import", document, "--dry-run")
	if !strings.Contains(dry, "4 to be opened") || !strings.Contains(dry, "juliet@old.example: new, local; password added; ") {
		t.Errorf("the dry run says\n%s", dry)
	}
	if said := command(t, s, "import", document, "--yes"); !strings.Contains(said, "imported: 4 accounts opened") {
		t.Errorf("the import says\n%s", said)
	}
	if again := command(t, s, "import", document, "--yes"); !strings.Contains(again, "nothing to import") {
		t.Errorf("the second import says\n%s", again)
	}
	at, err := s.Target()
	if err != nil {
		t.Fatal(err)
	}
	check(t, at, names, sees{messages: true, blocks: true})
	if err := s.Stop(); err != nil {
		t.Error(err)
	}
}

// exported fills accounts here and returns the data.xml of juliet and romeo.
func exported(t *testing.T, s *server.Server, names [4]string) map[string][]byte {
	t.Helper()
	at, err := s.Target()
	if err != nil {
		t.Fatal(err)
	}
	live(t, at, names)
	documents := map[string][]byte{}
	for _, name := range names[:2] {
		file := filepath.Join(t.TempDir(), name+".zip")
		command(t, s, "export", name+"@"+at.Domain, "--out", file)
		archive, err := zip.OpenReader(file)
		if err != nil {
			t.Fatal(err)
		}
		f, err := archive.Open("data.xml")
		if err != nil {
			t.Fatal(err)
		}
		if documents[name], err = io.ReadAll(f); err != nil {
			t.Fatal(err)
		}
		if err := archive.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return documents
}

var users = [4]string{"user1", "user2", "user3", "user4"}

// A real Prosody reads what is exported here: its people sign in with their passwords and see what was theirs.
func TestToProsody(t *testing.T) {
	t.Parallel()
	const domain = "new.example"
	s := demo(t, domain)
	p := startProsody(t, domain, exported(t, s, users))
	check(t, p.target, users, sees{})
}

// A real ejabberd imports what is exported here, waiting messages and block list included.
func TestToEjabberd(t *testing.T) {
	t.Parallel()
	const domain = "next.example"
	s := demo(t, domain)
	p := startEjabberd(t, domain)
	for name, document := range exported(t, s, users) {
		file := filepath.Join(p.dir, name+".xml")
		write(t, file, keys.ReplaceAll(document, nil))
		p.api(t, "register", map[string]string{"user": name, "host": domain, "password": password})
		p.api(t, "import_piefxis", map[string]string{"file": file})
	}
	check(t, p.target, users, sees{messages: true, blocks: true})
}

// keys are the elements whose form ejabberd 23.01 expects another way: in base64 twice.
var keys = regexp.MustCompile(`(?s)<scram-credentials.*?</scram-credentials>`)
