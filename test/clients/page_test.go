package clients

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"protokoll/test/server"
)

var (
	pageDriver  = regexp.MustCompile("`([a-z_]+\\.(?:sh|py))`")
	pageTest    = regexp.MustCompile("`((?:test|cmd)/[a-z/]+\\.Test[A-Za-z]+(?:/[a-z_]+\\.txt)?)`")
	pagePicture = regexp.MustCompile(`\]\((img/[a-z-]+\.png)\)`)
)

// What docs/clients.md names is there.
func TestPage(t *testing.T) {
	t.Parallel()
	root, err := server.Root()
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile(filepath.Join(root, "docs", "clients.md"))
	if err != nil {
		t.Fatal(err)
	}
	found := func(what *regexp.Regexp, dir string) {
		all := what.FindAllSubmatch(page, -1)
		if len(all) == 0 {
			t.Errorf("the page names nothing like %v", what)
		}
		for _, m := range all {
			if _, err := os.Stat(filepath.Join(dir, string(m[1]))); err != nil {
				t.Error(err)
			}
		}
	}
	found(pageDriver, "drivers")
	found(pagePicture, filepath.Join(root, "docs"))
	for _, m := range pageTest.FindAllSubmatch(page, -1) {
		if there, err := server.HasTest(string(m[1])); err != nil || !there {
			t.Errorf("there is no %s (%v)", m[1], err)
		}
	}
}
