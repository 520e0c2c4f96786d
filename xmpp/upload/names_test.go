package upload

import (
	"bufio"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"protokoll/schemas"
)

func TestHarmless(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("ä", 150)
	for name, want := range map[string]string{
		"hi.jpg":                    "hi.jpg",
		"très cool.jpg":             "très cool.jpg",
		"../../etc/passwd":          "passwd",
		`C:\Users\anna\x.docx`:      "x.docx",
		"..":                        "file",
		"...":                       "file",
		"a/":                        "file",
		"":                          "file",
		" . ":                       "file",
		".htaccess":                 "htaccess",
		"a\r\nSet-Cookie: x=1.txt":  "a__Set-Cookie: x=1.txt",
		"a\x00b":                    "a_b",
		"exe\u202egpj.exe":          "exe_gpj.exe",
		"a\u2028b":                  "a_b",
		"a\xffb":                    "a_b",
		long + ".jpeg":              strings.Repeat("ä", 97) + ".jpeg",
		long + "." + long:           strings.Repeat("ä", 100),
		"<script>alert(1)</script>": "script>",
	} {
		if got := harmless(name); got != want || len(got) > MaxName {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
}

func FuzzName(f *testing.F) {
	for _, s := range []string{"a.jpg", "../x", "\r\n", `"; filename=evil.html`, "ä\u202e", strings.Repeat("x", 300) + ".png", "%2e%2e%2f"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		name := harmless(s)
		if name == "" || len(name) > MaxName || !utf8.ValidString(name) || strings.ContainsAny(name, "/\\\r\n\x00") || strings.HasPrefix(name, ".") {
			t.Fatalf("%q became %q", s, name)
		}
		if strings.ContainsFunc(name, func(r rune) bool { return unicode.Is(unicode.C, r) }) {
			t.Fatalf("%q became %q", s, name)
		}
		if again := harmless(name); again != name {
			t.Fatalf("%q became %q and then %q", s, name, again)
		}
		// The name comes back out of the URL's path and out of the header as it went in.
		u, err := url.Parse("https://x" + linkPath + "t/" + url.PathEscape(name))
		if err != nil || !strings.HasSuffix(u.Path, "t/"+name) {
			t.Fatalf("%q as a URL: %v, %v", name, u, err)
		}
		for _, kind := range []string{"image/png", "text/html"} {
			h := disposition(name, kind)
			if strings.ContainsAny(h, "\r\n") {
				t.Fatalf("%q as a header: %q", name, h)
			}
			resp, err := http.ReadResponse(bufio.NewReader(strings.NewReader("HTTP/1.1 200 OK\r\nContent-Disposition: "+h+"\r\nContent-Length: 0\r\n\r\n")), nil)
			if err != nil || len(resp.Header) != 2 {
				t.Fatalf("%q as a header: %v, %v", name, resp, err)
			}
			if _, params, err := mime.ParseMediaType(h); err != nil || params["filename"] != name {
				t.Fatalf("%q as a header: %q: %q, %v", name, h, params["filename"], err)
			}
		}
	})
}

func FuzzMediaType(f *testing.F) {
	for _, s := range []string{"", "image/png", "TEXT/HTML; charset=utf-8", "a", "a/b/c", "image/svg+xml", "x/y\r\n"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		kind, ok := mediaType(s)
		if !ok {
			return
		}
		if len(kind) > MaxMediaType || strings.Count(kind, "/") != 1 || strings.ContainsAny(kind, "\r\n ;\x00") || kind != strings.ToLower(kind) {
			t.Fatalf("%q became %q", s, kind)
		}
		if again, ok := mediaType(kind); !ok || again != kind {
			t.Fatalf("%q became %q and then %q", s, kind, again)
		}
	})
}

// Only what cannot hold a script is shown by a browser.
func TestShown(t *testing.T) {
	t.Parallel()
	for kind, want := range map[string]bool{
		"image/png": true, "image/jpeg": true, "audio/ogg": true, "video/mp4": true, "image/svg+xml": false, "image/xml": false,
		"text/html": false, "text/plain": false, "application/pdf": false, "application/xhtml+xml": false, plainType: false,
	} {
		if got := shown(kind); got != want {
			t.Errorf("%s: %v", kind, got)
		}
	}
	if _, ok := mediaType(strings.Repeat("a", MaxMediaType-1) + "/b"); ok {
		t.Error("a type one byte too long")
	}
	if _, ok := mediaType(strings.Repeat("a", MaxMediaType-2) + "/b"); !ok {
		t.Error("the longest type")
	}
}

func TestLinks(t *testing.T) {
	t.Parallel()
	l, o, id := links{[32]byte{1}}, schemas.OwnerID{5, 6}, newFileID()
	text := l.make(o, id)
	if got, file, ok := l.read(text); !ok || got != o || file != id {
		t.Fatalf("%v %v %v", got, file, ok)
	}
	if strings.Contains(text, "BQYA") {
		t.Error("the link shows its owner")
	}
	for i := range text {
		changed := text[:i] + string("AB"[b2i(text[i] == 'A')]) + text[i+1:]
		if _, _, ok := l.read(changed); ok {
			t.Errorf("changed at %d and taken", i)
		}
	}
	for _, wrong := range []string{"", text[1:], text + "A", text + "\n", strings.Repeat("A", len(text))} {
		if _, _, ok := l.read(wrong); ok {
			t.Errorf("%q taken", wrong)
		}
	}
	if _, _, ok := (links{[32]byte{2}}).read(text); ok {
		t.Error("taken by another server")
	}
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}
