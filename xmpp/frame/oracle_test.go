package frame

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
)

// tree returns what encoding/xml sees in b, one line for each start, end and run of text, attributes sorted.
func tree(b []byte) ([]string, error) {
	d := xml.NewDecoder(bytes.NewReader(b))
	d.DefaultSpace = NSClient
	var out []string
	text := ""
	for {
		tok, err := d.Token()
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return nil, err
		}
		if c, ok := tok.(xml.CharData); ok {
			text += string(c)
			continue
		}
		if text != "" {
			out, text = append(out, fmt.Sprintf("text %q", text)), ""
		}
		switch e := tok.(type) {
		case xml.StartElement:
			out = append(out, startLine(e))
		case xml.EndElement:
			out = append(out, "end "+fmt.Sprintf("%q", e.Name))
		default:
			return nil, fmt.Errorf("token %T", tok)
		}
	}
}

// startLine prints a start tag without declarations. White space in a value is what a conforming parser makes of it.
func startLine(e xml.StartElement) string {
	var attrs []string
	for _, a := range e.Attr {
		if a.Name.Space == "xmlns" || a.Name == (xml.Name{Local: "xmlns"}) {
			continue
		}
		attrs = append(attrs, fmt.Sprintf("%q=%q", a.Name, spaces.Replace(a.Value)))
	}
	slices.Sort(attrs)
	return fmt.Sprintf("start %q %s", e.Name, strings.Join(attrs, " "))
}

var spaces = strings.NewReplacer("\t", " ", "\n", " ", "\r", " ")

// checkOracle compares what the framer sees in an element with what encoding/xml sees: H34.
func checkOracle(t *testing.T, input []byte) {
	f, err := Parse(input, NSClient, AfterLogin())
	if err != nil {
		return
	}
	want, err := tree(input)
	if err != nil {
		t.Fatalf("%q: accepted, but encoding/xml says %v", input, err)
	}
	if got := indexTree(&f); !slices.Equal(got, outline(want)) {
		t.Fatalf("%q:\nindex %q\ntree  %q", input, got, outline(want))
	}
	out := f.AppendTo(nil, Stamp{})
	back, err := tree(out)
	if err != nil || !slices.Equal(back, want) {
		t.Fatalf("%q relayed as %q: %v\ngot  %q\nwant %q", input, out, err, back, want)
	}
	if _, err := Parse(out, NSClient, AfterLogin()); err != nil {
		t.Fatalf("%q relayed as %q: %v", input, out, err)
	}
	for i := range f.Children {
		f.Drop(i)
	}
	if left := parse(t, string(f.AppendTo(nil, Stamp{}))); f.Name != Other && len(left.Children) != 0 {
		t.Fatalf("%q: children left: %q", input, left.Raw)
	}
}

// indexTree prints the index of a frame as outline prints a tree.
func indexTree(f *Frame) []string {
	out := []string{fmt.Sprintf("%q", xml.Name{Space: string(f.Space), Local: string(f.Local)})}
	for i := range f.Children {
		c := &f.Children[i]
		out = append(out, fmt.Sprintf("%q %q", xml.Name{Space: string(c.Space), Local: string(c.Local)}, c.Text()))
	}
	return out
}

// outline reduces a tree to the name of its root, and the name and direct text of the root's children.
func outline(tree []string) []string {
	var out []string
	depth, text := 0, ""
	for _, line := range tree {
		kind, rest, _ := strings.Cut(line, " ")
		switch kind {
		case "start":
			depth++
			name := rest[:strings.Index(rest, "} ")+1]
			if depth == 1 {
				out = append(out, name)
			} else if depth == 2 {
				out, text = append(out, name), ""
			}
		case "end":
			if depth == 2 {
				out[len(out)-1] += fmt.Sprintf(" %q", text)
			}
			depth--
		case "text":
			if depth == 2 {
				var s string
				fmt.Sscanf(rest, "%q", &s)
				text += s
			}
		}
	}
	return out
}

// FuzzOracle is the property of H34 for one element.
func FuzzOracle(f *testing.F) {
	for _, c := range stanzas {
		f.Add([]byte(c.xml))
	}
	for _, rows := range hostile {
		for _, r := range rows {
			f.Add([]byte(r.input))
		}
	}
	f.Fuzz(func(t *testing.T, input []byte) { checkOracle(t, input) })
}

// FuzzStream feeds any bytes, whole and one by one: no panic, the same result.
func FuzzStream(f *testing.F) {
	for _, s := range corpus() {
		if len(s) < 3000 {
			f.Add(s)
		}
	}
	f.Fuzz(func(t *testing.T, input string) {
		if len(input) > 4096 {
			return
		}
		cuts := make([]int, len(input))
		for i := range cuts {
			cuts[i] = i
		}
		sameSeen(t, input, feed(t, BeforeLogin(), input), feed(t, BeforeLogin(), input, cuts...))
	})
}
