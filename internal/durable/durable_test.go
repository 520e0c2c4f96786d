package durable_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"protokoll/internal/durable"
)

func TestReplace(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "plan")
	// What a crash left aside, longer than what comes, is written over.
	if err := os.WriteFile(path+durable.Aside, []byte("something that was not finished"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, content := range []string{"one", "", "three"} {
		if err := durable.Replace(path, []byte(content)); err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(path)
		if err != nil || string(got) != content {
			t.Errorf("got %q, %v, want %q", got, err, content)
		}
		if _, err := os.Lstat(path + durable.Aside); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("the file aside is still there: %v", err)
		}
	}
}

func TestReplaceOnlyForItsOwner(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "key")
	if err := durable.Replace(path, []byte("secret")); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
}

// What cannot be replaced is as it was, and nothing is left aside.
func TestReplaceFails(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "plan")
	if err := os.MkdirAll(filepath.Join(path, "inside"), 0o700); err != nil { // no file takes a folder's place
		t.Fatal(err)
	}
	if err := durable.Replace(path, []byte("one")); err == nil {
		t.Error("a folder was replaced")
	}
	if _, err := os.Lstat(path + durable.Aside); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("something is left aside: %v", err)
	}
	if _, err := os.Stat(filepath.Join(path, "inside")); err != nil {
		t.Error(err)
	}
	missing := filepath.Join(path, "nowhere", "plan")
	if err := durable.Replace(missing, nil); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("in a folder that is missing: %v", err)
	}
	if err := durable.SyncFolder(filepath.Dir(missing)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a folder that is missing: %v", err)
	}
}
