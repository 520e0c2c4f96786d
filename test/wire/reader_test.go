package wire

import (
	"errors"
	"strings"
	"testing"
)

func TestReaderRefuses(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"undeclared prefix":       "<s><p:x/></s>",
		"of an attribute":         "<s><x p:a='1'/></s>",
		"out of its scope":        "<s><x xmlns:p='u'/><p:y/></s>",
		"wrong end tag":           "<s><x></y></s>",
		"same name, other prefix": "<s xmlns:p='u' xmlns:q='u'><p:x></q:x></s>",
		"attribute twice":         "<s><x a='1' a='2'/></s>",
		"attribute twice by URI":  "<s xmlns:p='u' xmlns:q='u'><x p:a='1' q:a='2'/></s>",
		"text between stanzas":    "<s>text</s>",
		"comment":                 "<s><!-- c --></s>",
		"comment inside":          "<s><x><!-- c --></x></s>",
		"processing instruction":  "<s><?p i?></s>",
		"unknown entity":          "<s><x>&foo;</x></s>",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := NewReader(strings.NewReader(text), nil)
			if _, err := r.Open(); err != nil {
				t.Fatal(err)
			}
			for {
				_, err := r.Next()
				if errors.Is(err, ErrStreamEnd) {
					t.Fatal("read to the end without a complaint")
				}
				if err != nil {
					return
				}
			}
		})
	}
}

func TestReaderResolves(t *testing.T) {
	t.Parallel()
	r := NewReader(strings.NewReader("<?xml version='1.0'?><s:stream xmlns='jabber:client' xmlns:s='urn:s' to='d'> <message a='&lt;'>"+
		"<body>1<![CDATA[<2]]>&#51;</body><x xmlns='' xmlns:p='u' p:k='v' xml:lang='de'/></message>\n</s:stream>"), nil)
	header, err := r.Open()
	if err != nil || !header.Is("urn:s", "stream") || header.Get("to") != "d" {
		t.Fatalf("header %v, %v", header, err)
	}
	n, err := r.Next()
	if err != nil {
		t.Fatal(err)
	}
	want := "<message a='&lt;'>\n  <body>1&lt;23</body>\n  <x xmlns='' xml:lang='de' {u}k='v'/>\n</message>\n"
	if n.String() != want {
		t.Errorf("read\n%vnot\n%s", n, want)
	}
	if _, err := r.Next(); !errors.Is(err, ErrStreamEnd) {
		t.Errorf("at the end: %v", err)
	}
}
