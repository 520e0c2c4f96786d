package strict

import (
	"fmt"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2/unstable"
)

// lineMap finds the line of every key. A path counts the tables of an array: "domain.0.name". It is lenient: what cannot
// be parsed is reported by the decoder, with its own position.
func lineMap(data []byte) map[string]int {
	lines, counts := map[string]int{}, map[string]int{}
	var p unstable.Parser
	p.Reset(data)
	starts := startsOf(data)
	prefix := ""
	for p.NextExpression() {
		e := p.Expression()
		path, line := keyPath(starts, e, counts)
		switch e.Kind {
		case unstable.Table:
			prefix = path
			note(lines, prefix, line)
		case unstable.ArrayTable:
			prefix = fmt.Sprintf("%s.%d", path, counts[path])
			counts[path]++
			note(lines, prefix, line)
		case unstable.KeyValue:
			keyValue(starts, Join(prefix, path), line, e, lines)
		}
	}
	return lines
}

// lineStarts holds the offsets at which lines begin.
type lineStarts []int

func startsOf(data []byte) lineStarts {
	starts := lineStarts{0}
	for i, b := range data {
		if b == '\n' {
			starts = append(starts, i+1)
		}
	}
	return starts
}

// line returns the line on which something stands, from 1.
func (s lineStarts) line(at unstable.Range) int {
	n, found := slices.BinarySearch(s, int(at.Offset))
	if found {
		n++
	}
	return n
}

// note keeps the line of a path, and of the tables around it that have none of their own: in a.b.c = 1 that is a.b and a.
func note(lines map[string]int, path string, line int) {
	lines[path] = line
	for i := strings.LastIndexByte(path, '.'); i > 0; i = strings.LastIndexByte(path, '.') {
		path = path[:i]
		if _, ok := lines[path]; ok {
			return
		}
		lines[path] = line
	}
}

func keyValue(starts lineStarts, path string, line int, e *unstable.Node, lines map[string]int) {
	note(lines, path, line)
	value(starts, path, e.Value(), lines)
}

// value finds the lines of what lies inside a value.
func value(starts lineStarts, path string, v *unstable.Node, lines map[string]int) {
	switch v.Kind {
	case unstable.InlineTable:
		for it := v.Children(); it.Next(); {
			if child := it.Node(); child.Kind == unstable.KeyValue {
				sub, at := keyPath(starts, child, nil)
				keyValue(starts, Join(path, sub), at, child, lines)
			}
		}
	case unstable.Array:
		n := 0
		for it := v.Children(); it.Next(); n++ {
			item := Join(path, fmt.Sprint(n))
			if raw := it.Node().Raw; raw.Length > 0 {
				lines[item] = starts.line(raw)
			}
			value(starts, item, it.Node(), lines)
		}
	}
}

// keyPath joins the parts of an expression's key; the newest table of an array stands for the array.
func keyPath(starts lineStarts, e *unstable.Node, counts map[string]int) (path string, line int) {
	for it := e.Key(); it.Next(); {
		if n := counts[path]; path != "" && n > 0 {
			path = fmt.Sprintf("%s.%d", path, n-1)
		}
		path = Join(path, string(it.Node().Data))
		if line == 0 {
			line = starts.line(it.Node().Raw)
		}
	}
	return path, line
}
