package frame

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

const header = `<?xml version='1.0'?><stream:stream to='d' version='1.0' xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>`

// seen is everything a stream led to, in comparable form.
type seen struct {
	events []string
	err    *Error
}

// feed shows a new Scanner input in the pieces that cuts gives as end offsets, as a session does, and at a new address each
// time. It returns what was found, and fails when a call goes on after an error or returns an odd count.
func feed(t testing.TB, l Limits, input string, cuts ...int) seen {
	t.Helper()
	s := new(Scanner)
	s.Reset(l)
	var got seen
	done := 0
	for _, end := range append(cuts, len(input)) {
		for got.err == nil {
			buf := []byte(input[done:end])
			n, kind, err := s.Next(buf)
			if n < 0 || n > len(buf) {
				t.Fatalf("consumed %d of %d", n, len(buf))
			}
			done += n
			if err != nil {
				if !errors.As(err, &got.err) {
					t.Fatalf("error of type %T", err)
				}
				if _, _, again := s.Next(buf); again != err {
					t.Fatalf("error not final: %v", again)
				}
				break
			}
			if kind == None {
				break
			}
			got.events = append(got.events, s.describe(kind))
		}
	}
	return got
}

// describe prints what Next found last.
func (s *Scanner) describe(kind Kind) string {
	switch kind {
	case StreamHeader:
		return fmt.Sprintf("header %q", *s.Header())
	case Element:
		return describe(s.Frame())
	}
	return "end"
}

// describe prints a frame with its whole index.
func describe(f *Frame) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d {%q}%q to=%q from=%q id=%q type=%q lang=%q streams=%v raw=%q body=%q",
		f.Name, f.Space, f.Local, f.To, f.From, f.ID, f.Type, f.Lang, f.Streams, f.Raw, f.Body)
	for i := range f.Children {
		c := &f.Children[i]
		fmt.Fprintf(&b, " [{%q}%q %d-%d raw=%q inner=%q by=%q text=%q]", c.Space, c.Local, c.Start, c.End, c.Raw, c.Inner, c.Attr("by"), c.Text())
	}
	return b.String()
}
