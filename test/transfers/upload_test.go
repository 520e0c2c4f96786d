package transfers

import (
	"archive/zip"
	"bufio"
	"bytes"
	"crypto/rand"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func random(n int) []byte {
	b := make([]byte, n)
	rand.Read(b) // never fails
	return b
}

const plain = ">" // a request without anything more

func TestUpload(t *testing.T) {
	t.Parallel()
	s := start(t)
	p := s.arrive(t, "user1", "desk")
	content := random(200_000)
	put, get := p.slot("très cool.png", len(content), "content-type='image/png'>")
	if a := s.do(t, http.MethodGet, get, nil); a.StatusCode != http.StatusNotFound {
		t.Errorf("before the PUT: %s", a.Status)
	}
	if a := s.do(t, http.MethodPut, put, bytes.NewReader(content), "Content-Type", "image/png"); a.StatusCode != http.StatusCreated {
		t.Fatalf("PUT: %s", a.Status)
	}
	a := s.do(t, http.MethodGet, get, nil)
	if a.StatusCode != http.StatusOK || !bytes.Equal(a.body, content) || a.ProtoMajor != 2 {
		t.Errorf("GET: %s, %s, %d bytes", a.Status, a.Proto, len(a.body))
	}
	for name, want := range map[string]string{
		"Content-Type": "image/png", "X-Content-Type-Options": "nosniff", "Cache-Control": "private", "Accept-Ranges": "bytes",
		"Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; sandbox", "Access-Control-Allow-Origin": "*",
		"Cross-Origin-Resource-Policy": "cross-origin", "Content-Disposition": "inline; filename*=utf-8''tr%C3%A8s%20cool.png",
		"Last-Modified": "", "Server": "",
	} {
		if got := a.Header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	tag := a.Header.Get("ETag")
	for name, c := range map[string]struct {
		method, header, value string
		status                int
		body                  []byte
	}{
		"head":              {http.MethodHead, "", "", 200, nil},
		"range":             {http.MethodGet, "Range", "bytes=65530-65545", 206, content[65530:65546]},
		"from":              {http.MethodGet, "Range", "bytes=199990-", 206, content[199990:]},
		"last":              {http.MethodGet, "Range", "bytes=-3", 206, content[199997:]},
		"beyond":            {http.MethodGet, "Range", "bytes=200000-", 416, nil},
		"several":           {http.MethodGet, "Range", "bytes=0-0,2-2", 200, content},
		"bomb":              {http.MethodGet, "Range", "bytes=" + strings.Repeat("0-,", 2000) + "0-", 200, content},
		"nonsense":          {http.MethodGet, "Range", "bytes=a-b", 416, nil},
		"unchanged":         {http.MethodGet, "If-None-Match", tag, 304, nil},
		"range of this":     {http.MethodGet, "If-Range", tag, 200, content},
		"write again":       {http.MethodPut, "", "", 404, nil},
		"delete":            {http.MethodDelete, "", "", 404, nil},
		"ask what is there": {http.MethodOptions, "", "", 204, nil},
	} {
		var header []string
		if c.header != "" {
			header = []string{c.header, c.value}
		}
		a := s.do(t, c.method, get, nil, header...)
		if a.StatusCode != c.status || c.body != nil && !bytes.Equal(a.body, c.body) {
			t.Errorf("%s: %s, %d bytes", name, a.Status, len(a.body))
		}
	}
	if a := s.do(t, http.MethodOptions, put, nil); a.Header.Get("Access-Control-Allow-Methods") != "OPTIONS, HEAD, GET, PUT" {
		t.Errorf("CORS: %v", a.Header)
	}
	if a := s.do(t, http.MethodPut, put, bytes.NewReader(content), "Content-Type", "image/png"); a.StatusCode != http.StatusForbidden {
		t.Errorf("a second PUT: %s", a.Status)
	}
}

// What is not as the slot says, what nobody has a slot for, and what nobody has a link for.
func TestRefused(t *testing.T) {
	t.Parallel()
	s := start(t)
	p := s.arrive(t, "user1", "desk")
	put, get := p.slot("a.txt", 5, "content-type='text/plain'>")
	for name, c := range map[string]struct {
		url    string
		body   io.Reader
		kind   string
		status int
	}{
		"longer":     {put, strings.NewReader("sechse"), "text/plain", 413},
		"shorter":    {put, strings.NewReader("vier"), "text/plain", 400},
		"no length":  {put, io.MultiReader(strings.NewReader("fünf")), "text/plain", 411},
		"other type": {put, strings.NewReader("fuenf"), "text/html", 415},
		"no type":    {put, strings.NewReader("fuenf"), "/", 415},
		"guess":      {strings.Replace(put, "/slot/", "/slot/A", 1), strings.NewReader("fuenf"), "text/plain", 403},
		"other name": {put + "x", strings.NewReader("fuenf"), "text/plain", 403},
		"no name":    {put[:strings.LastIndexByte(put, '/')], strings.NewReader("fuenf"), "text/plain", 403},
		"to a link":  {get, strings.NewReader("fuenf"), "text/plain", 404},
	} {
		if a := s.do(t, http.MethodPut, c.url, c.body, "Content-Type", c.kind); a.StatusCode != c.status {
			t.Errorf("%s: %s", name, a.Status)
		}
	}
	if a := s.do(t, http.MethodPut, put, strings.NewReader("fuenf"), "Content-Type", "Text/Plain; charset=utf-8"); a.StatusCode != 201 {
		t.Fatalf("after all that was wrong: %s", a.Status)
	}
	root := put[:strings.Index(put, "/slot/")]
	link := strings.Split(get, "/")
	for _, url := range []string{
		get + "x", strings.Replace(get, link[4], link[4][1:], 1), strings.Replace(get, link[4], strings.Repeat("A", 64), 1),
		root, root + "/upload/", root + "/upload/../../etc/passwd", root + "/upload/%2e%2e%2fnew/a", put, root + "/upload/" + link[4],
		root + "/.well-known/", root + "/slot/" + strings.Repeat("x", 5000) + "/y",
	} {
		if a := s.do(t, http.MethodGet, url, nil); a.StatusCode != 404 || bytes.Contains(a.body, []byte(s.Data)) {
			t.Errorf("%s: %s", url, a.Status)
		}
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, get, nil)
	must(t, err)
	r.Host = "evil.example"
	resp, err := s.web.Do(r)
	must(t, err)
	must(t, resp.Body.Close())
	if resp.StatusCode != http.StatusMisdirectedRequest {
		t.Errorf("another host: %s", resp.Status)
	}
}

// A browser must not run what somebody uploaded, whatever it is called.
func TestInert(t *testing.T) {
	t.Parallel()
	s := start(t)
	p := s.arrive(t, "user1", "desk")
	script := []byte("<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>")
	for name, kind := range map[string]string{
		"x.svg": "image/svg+xml", "x.html": "text/html", "x.xhtml": "application/xhtml+xml", "x.js": "text/javascript", "x.pdf": "application/pdf",
		"x\r\nContent-Type: text/html\r\n\r\n.svg": "image/svg+xml", `x"; filename="y.html`: "text/html",
	} {
		url := s.upload(t, p, name, script, "content-type='"+kind+"'>")
		a := s.do(t, http.MethodGet, url, nil)
		if how := a.Header.Get("Content-Disposition"); a.StatusCode != 200 || !strings.HasPrefix(how, "attachment;") || !strings.Contains(a.Header.Get("Content-Security-Policy"), "sandbox") {
			t.Errorf("%s: %s, %q", name, a.Status, how)
		}
	}
}

// While a file is coming nobody else can put it; a PUT that breaks off can be tried again.
func TestTwoAtOnce(t *testing.T) {
	t.Parallel()
	s := start(t)
	p := s.arrive(t, "user1", "desk")
	put, get := p.slot("a.bin", 100, plain)
	c, path := s.raw(t, put)
	// 100-continue comes when the server begins to read.
	_, err := fmt.Fprintf(c, "PUT %s HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\nExpect: 100-continue\r\n\r\n", path)
	must(t, err)
	line, err := bufio.NewReader(c).ReadString('\n')
	if must(t, err); !strings.HasPrefix(line, "HTTP/1.1 100") {
		t.Fatal(line)
	}
	if a := s.do(t, http.MethodPut, put, bytes.NewReader(random(100))); a.StatusCode != http.StatusConflict {
		t.Errorf("a second one: %s", a.Status)
	}
	_, err = c.Write(random(50))
	must(t, err)
	must(t, c.Close())
	content := random(100)
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		a := s.do(t, http.MethodPut, put, bytes.NewReader(content))
		if a.StatusCode == http.StatusCreated {
			break
		}
		if a.StatusCode != http.StatusConflict || time.Now().After(end) {
			t.Fatalf("after the first broke off: %s", a.Status)
		}
	}
	if a := s.do(t, http.MethodGet, get, nil); !bytes.Equal(a.body, content) {
		t.Errorf("%d bytes", len(a.body))
	}
	if left, err := os.ReadDir(filepath.Join(s.Data, "uploads", "new")); err != nil || len(left) > 0 {
		t.Errorf("left: %v, %v", left, err)
	}
}

// files returns how many files lie in the folder of uploads.
func (s *site) files(t *testing.T) (n int) {
	t.Helper()
	err := filepath.WalkDir(filepath.Join(s.Data, "uploads"), func(_ string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			n++
		}
		return nil
	})
	must(t, err)
	return n
}

// grep fails if a needle lies open in a file of the data folder.
func (s *site) grep(t *testing.T, needles ...string) {
	t.Helper()
	err := filepath.WalkDir(s.Data, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return nil // files of the log come and go
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return nil
		}
		for _, n := range needles {
			if bytes.Contains(content, []byte(n)) || strings.Contains(path, n) {
				t.Errorf("%q lies open in %s", n, path)
			}
		}
		return nil
	})
	must(t, err)
}

// 201 means on disk: a kill afterwards loses nothing. Nothing lies open there, an export has it, and an erasure takes it.
func TestLife(t *testing.T) {
	t.Parallel()
	s := start(t)
	p := s.arrive(t, "user1", "desk")
	const needle, title = "Quastenflosserkonzil", "Drachenbootsregatta.txt"
	content := []byte(strings.Repeat(needle+"\n", 200_000)) // larger than what an export fetches at once
	get := s.upload(t, p, title, content, plain)
	short := s.upload(t, p, "b.txt", []byte(needle), "><profile xmlns='urn:xmpp:http:upload:purpose:0'/>")
	s.Kill()
	must(t, s.Again())
	s.web.CloseIdleConnections()
	if a := s.do(t, http.MethodGet, get, nil); a.StatusCode != 200 || !bytes.Equal(a.body, content) {
		t.Fatalf("after a kill: %s, %d bytes", a.Status, len(a.body))
	}
	s.grep(t, needle, title)
	archive := filepath.Join(t.TempDir(), "export.zip")
	out, err := s.Command("export", "user1@localhost", "--out", archive, "--reason", "r", "--data", s.Data)
	if err != nil {
		t.Fatal(err, out)
	}
	checkExport(t, archive, content, title)
	if out, err := s.Command("restrict", "user1@localhost", "--yes", "--reason", "r", "--data", s.Data); err != nil {
		t.Fatal(err, out)
	}
	if got := s.status(t, get); got != 404 {
		t.Errorf("restricted: %d", got)
	}
	if out, err := s.Command("unrestrict", "user1@localhost", "--yes", "--reason", "r", "--data", s.Data); err != nil {
		t.Fatal(err, out)
	}
	if got := s.status(t, get); got != 200 {
		t.Errorf("no longer restricted: %d", got)
	}
	if n := s.files(t); n != 2 {
		t.Errorf("%d files", n)
	}
	out, err = s.Command("erase", "user1@localhost", "--yes", "--reason", "r", "--data", s.Data)
	if err != nil || !strings.Contains(out, "files unlinked: 2") {
		t.Errorf("erase: %v\n%s", err, out)
	}
	if n := s.files(t); n != 0 {
		t.Errorf("%d files are left of an erased account", n)
	}
	for _, url := range []string{get, short} {
		if got := s.status(t, url); got != 404 {
			t.Errorf("erased: %d", got)
		}
	}
}

func checkExport(t *testing.T, archive string, content []byte, title string) {
	t.Helper()
	r, err := zip.OpenReader(archive)
	must(t, err)
	defer r.Close() //nolint:errcheck // it is only read
	read := map[string][]byte{}
	for _, f := range r.File {
		in, err := f.Open()
		must(t, err)
		read[f.Name], err = io.ReadAll(in)
		must(t, err)
	}
	for name, body := range read {
		if strings.HasPrefix(name, "uploads/") && strings.HasSuffix(name, title) {
			if !bytes.Equal(body, content) {
				t.Errorf("%s has %d bytes", name, len(body))
			}
			if !bytes.Contains(read["MANIFEST"], []byte(name)) || !bytes.Contains(read["index.html"], []byte(title)) {
				t.Errorf("%s is not listed", name)
			}
			return
		}
	}
	t.Errorf("the file is not in the archive, but %d others", len(read))
}
