package faults

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"protokoll/test/server"
)

// lastFault is the number of the last fault in docs/faults.md.
const lastFault = 55

// row is a line of the table: number, what happens, verdict, tests.
var (
	row       = regexp.MustCompile(`^\| F(\d+) \| [^|]+ \| (survived|refused|not applicable yet)[^|]* \| ([^|]*) \|$`)
	namedTest = regexp.MustCompile("`([a-z0-9_/]+)\\.(Test\\w+)`")
)

// TestTable makes sure that docs/faults.md has a row for every fault, that each of what is survived or refused names a test, and that
// every named test exists.
func TestTable(t *testing.T) {
	t.Parallel()
	root, err := server.Root()
	must(t, err)
	page, err := os.ReadFile(filepath.Join(root, "docs", "faults.md"))
	must(t, err)
	next := 1
	for line := range strings.Lines(string(page)) {
		line = strings.TrimSpace(line)
		if !strings.HasPrefix(line, "| F") {
			continue
		}
		m := row.FindStringSubmatch(line)
		if m == nil || m[1] != fmt.Sprint(next) {
			t.Fatalf("want the row of F%d, got %s", next, line)
		}
		next++
		tests := namedTest.FindAllStringSubmatch(m[3], -1)
		if len(tests) == 0 && m[2] != "not applicable yet" {
			t.Errorf("F%s names no test", m[1])
		}
	}
	for _, named := range namedTest.FindAllStringSubmatch(string(page), -1) { // also those of what was found
		known, err := server.HasTest(named[1] + "." + named[2])
		must(t, err)
		if !known {
			t.Errorf("there is no %s", named[0])
		}
	}
	if next != lastFault+1 {
		t.Errorf("the table ends before F%d", next)
	}
}
