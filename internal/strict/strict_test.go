package strict

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

type table struct {
	Name  string        `toml:"name"`
	Lines []string      `toml:"lines"`
	Wait  time.Duration `toml:"wait"`
	Rules []rule        `toml:"rule"`
	Part  *part         `toml:"part"`
}

type rule struct {
	When  string `toml:"when"`
	Count int    `toml:"count"`
}

type part struct {
	Size int `toml:"size"`
}

func (p *part) Defaults() { p.Size = 7 }

// Items of lists and inline tables have the lines on which they stand.
func TestFaultsHaveTheirLines(t *testing.T) {
	t.Parallel()
	const file = `name = 1
lines = [
  "a",
  2,
]
rule = [
  { when = "x", count = 1 },
  { when = "y", colour = 2 },
  3,
]
wait = "0s"
part.size = "large"
other.name = 1
`
	var out table
	f, err := Parse("f.toml", []byte(file), &out)
	if err != nil {
		t.Fatal(err)
	}
	f.Fault("rule.0.count", "is too small")
	f.Fault("rule.1.count", "is missing")
	f.Fault("nowhere", "is missing")
	want := []string{
		"f.toml:1: name: must be a text",
		"f.toml:1: nowhere: is missing",
		"f.toml:4: lines[2]: must be a text",
		"f.toml:7: rule[1].count: is too small",
		"f.toml:8: rule[2].colour: unknown setting",
		"f.toml:8: rule[2].count: is missing",
		"f.toml:9: rule[3]: must be a table",
		`f.toml:11: wait: must be a time above zero such as "30s", "10m" or "12h"`,
		"f.toml:12: part.size: must be a whole number",
		"f.toml:13: other: unknown setting",
	}
	faults, ok := errors.AsType[Faults](f.Err())
	if !ok {
		t.Fatal(f.Err())
	}
	if diff := cmp.Diff(want, strings.Split(faults.Error(), "\n")); diff != "" {
		t.Error(diff)
	}
}

func TestDefaultsOfATable(t *testing.T) {
	t.Parallel()
	var out table
	f, err := Parse("f.toml", []byte("[part]\n[[rule]]\nwhen = \"x\"\n[[rule]]\ncount = 3\n"), &out)
	if err != nil || f.Err() != nil {
		t.Fatal(err, f.Err())
	}
	want := table{Rules: []rule{{When: "x"}, {Count: 3}}, Part: &part{7}}
	if diff := cmp.Diff(want, out); diff != "" {
		t.Error(diff)
	}
	if !f.Named("rule.1.count") || f.Named("rule.0.count") || f.Named("name") {
		t.Error("what the file names is not known")
	}
}
