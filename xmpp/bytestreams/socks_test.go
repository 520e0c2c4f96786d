package bytestreams

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
)

// line is a connection whose peer has sent everything already.
type line struct {
	io.Reader
	sent bytes.Buffer
}

func (l *line) Write(b []byte) (int, error) { return l.sent.Write(b) }

const hash = "da39a3ee5e6b4b0d3255bfef95601890afd80709"

func TestHandshake(t *testing.T) {
	t.Parallel()
	hello, ask := "\x05\x01\x00", "\x05\x01\x00\x03\x28"+hash
	for name, c := range map[string]struct {
		in, out string
		ok      bool
	}{
		"good":                {hello + ask + "\x00\x00", "\x05\x00", true},
		"several methods":     {"\x05\x03\x01\x02\x00" + ask + "\x00\x00", "\x05\x00", true},
		"a port":              {hello + ask + "\x1f\x90", "\x05\x00", true},
		"version 4":           {"\x04\x01\x00", "", false},
		"passwords only":      {"\x05\x01\x02", "\x05\xff", false},
		"no methods":          {"\x05\x00", "\x05\xff", false},
		"255 methods":         {"\x05\xff" + strings.Repeat("\x00", 255), "", false},
		"bind":                {hello + "\x05\x02\x00\x03\x28" + hash + "\x00\x00", "\x05\x00\x05\x07", false},
		"UDP":                 {hello + "\x05\x03\x00\x03\x28" + hash + "\x00\x00", "\x05\x00\x05\x07", false},
		"an IPv4 address":     {hello + "\x05\x01\x00\x01\x7f\x00\x00\x01\x00\x50", "\x05\x00\x05\x08", false},
		"a name":              {hello + "\x05\x01\x00\x03\x0blocalhost..\x00\x50", "\x05\x00\x05\x08", false},
		"no hash":             {hello + "\x05\x01\x00\x03\x28" + strings.ToUpper(hash) + "\x00\x00", "\x05\x00\x05\x02", false},
		"cut in the hash":     {hello + ask[:20], "\x05\x00", false},
		"cut in the greeting": {"\x05", "", false},
		"HTTP":                {"GET / HTTP/1.1\r\n\r\n", "", false},
	} {
		l := &line{Reader: strings.NewReader(c.in)}
		n, err := handshake(l)
		if (err == nil) != c.ok || c.ok && string(n[:]) != hash || !strings.HasPrefix(l.sent.String(), c.out) || c.out == "" && l.sent.Len() > 0 {
			t.Errorf("%s: %q, %v, answered %q", name, n, err, l.sent.String())
		}
	}
}

func FuzzHandshake(f *testing.F) {
	f.Add([]byte("\x05\x01\x00\x05\x01\x00\x03\x28" + hash + "\x00\x00"))
	f.Add([]byte("\x05\xff"))
	f.Fuzz(func(t *testing.T, in []byte) {
		l := &line{Reader: bytes.NewReader(in)}
		n, err := handshake(l)
		if err == nil && strings.Trim(string(n[:]), "0123456789abcdef") != "" {
			t.Fatalf("%q is no hash", n)
		}
		if l.sent.Len() > 2+7+hashSize {
			t.Fatalf("answered %d bytes", l.sent.Len())
		}
		if err != nil && errors.Is(err, io.EOF) && len(in) > 600 {
			t.Fatalf("read on after %d bytes", len(in))
		}
	})
}
