package jetstream

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	natsjs "github.com/nats-io/nats.go/jetstream"

	"protokoll/eventlog"
	"protokoll/schemas"
)

// signed gives a manifest its first line.
func signed(body string) []byte { return []byte(checksumLine([]byte(body)) + "\n" + body) }

func TestParseManifest(t *testing.T) {
	t.Parallel()
	const id, other = `"00112233445566778899aabbccddeeff"`, `"ffeeddccbbaa99887766554433221100"`
	for name, c := range map[string]struct {
		body string
		ok   bool
	}{
		"empty lane":        {`{"lane":"inbox","mark":0,"next":1,"segments":[],"voids":[]}`, true},
		"two segments":      {`{"lane":"inbox","mark":9,"next":10,"segments":[{"id":` + id + `,"state":"closed","first":1,"last":9},{"id":` + other + `,"state":"open","first":10}],"voids":[]}`, true},
		"dropping anywhere": {`{"lane":"inbox","mark":9,"next":10,"segments":[{"id":` + id + `,"state":"dropping","first":1},{"id":` + other + `,"state":"open","first":10}],"voids":[]}`, true},
		"open in front":     {`{"lane":"inbox","mark":9,"next":10,"segments":[{"id":` + id + `,"state":"open","first":1},{"id":` + other + `,"state":"open","first":10}],"voids":[]}`, false},
		"another lane":      {`{"lane":"now","mark":0,"next":1,"segments":[],"voids":[]}`, false},
		"number 0":          {`{"lane":"inbox","mark":0,"next":1,"segments":[{"id":` + id + `,"state":"open","first":0}],"voids":[]}`, false},
		"overlap":           {`{"lane":"inbox","mark":9,"next":10,"segments":[{"id":` + id + `,"state":"closed","first":1,"last":9},{"id":` + other + `,"state":"open","first":9}],"voids":[]}`, false},
		"backwards":         {`{"lane":"inbox","mark":9,"next":10,"segments":[{"id":` + id + `,"state":"closed","first":5,"last":4}],"voids":[]}`, false},
		"unknown state":     {`{"lane":"inbox","mark":0,"next":1,"segments":[{"id":` + id + `,"state":"lost","first":1}],"voids":[]}`, false},
		"short id":          {`{"lane":"inbox","mark":0,"next":1,"segments":[{"id":"00","state":"open","first":1}],"voids":[]}`, false},
		"next was used":     {`{"lane":"inbox","mark":9,"next":9,"segments":[],"voids":[]}`, false},
		"unknown key":       {`{"lane":"inbox","mark":0,"next":1,"segments":[],"voids":[],"x":1}`, false},
		"two documents":     {`{"lane":"inbox","mark":0,"next":1,"segments":[],"voids":[]} {}`, false},
		"no document":       {``, false},
		"swept":             {`{"lane":"inbox","mark":9,"next":10,"segments":[{"id":` + id + `,"state":"closed","first":4,"last":5}],"voids":[],"swept":[{"first":1,"last":3},{"first":6,"last":9}]}`, true},
		"swept above mark":  {`{"lane":"inbox","mark":9,"next":20,"segments":[],"voids":[],"swept":[{"first":1,"last":10}]}`, false},
		"swept backwards":   {`{"lane":"inbox","mark":9,"next":10,"segments":[],"voids":[],"swept":[{"first":3,"last":2}]}`, false},
		"swept twice":       {`{"lane":"inbox","mark":9,"next":10,"segments":[],"voids":[],"swept":[{"first":1,"last":4},{"first":4,"last":9}]}`, false},
		"swept number 0":    {`{"lane":"inbox","mark":9,"next":10,"segments":[],"voids":[],"swept":[{"first":0,"last":9}]}`, false},
		"swept and there":   {`{"lane":"inbox","mark":9,"next":10,"segments":[{"id":` + id + `,"state":"closed","first":4,"last":9}],"voids":[],"swept":[{"first":1,"last":4}]}`, false},
		"swept and open":    {`{"lane":"inbox","mark":9,"next":10,"segments":[{"id":` + id + `,"state":"open","first":4}],"voids":[],"swept":[{"first":1,"last":4}]}`, false},
	} {
		if _, err := parseManifest(signed(c.body), eventlog.Inbox); (err == nil) != c.ok {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := parseManifest(append(signed(c.body), ' '), eventlog.Inbox); err == nil {
			t.Errorf("%s with a changed byte is believed", name)
		}
	}
}

func FuzzManifest(f *testing.F) {
	f.Add(`{"lane":"inbox","mark":9,"next":10,"segments":[{"id":"00112233445566778899aabbccddeeff","state":"closed","first":1,"last":9,"blocks":[{"index":1,"first":1,"size":9,"checksum":"00"}]}],"voids":[{"first":1,"last":2,"reason":1,"told":true}]}`)
	f.Add(`{"lane":"inbox","mark":9,"next":10,"segments":[],"voids":[],"swept":[{"first":1,"last":3},{"first":6,"last":9}]}`)
	f.Fuzz(func(t *testing.T, body string) {
		m, err := parseManifest(signed(body), eventlog.Inbox)
		if err != nil {
			return
		}
		dir := t.TempDir()
		if err := os.Mkdir(filepath.Join(dir, manifestsFolder), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := m.write(disk{}.withDefaults(), dir); err != nil {
			t.Fatal(err)
		}
		if _, err := readManifest(dir, eventlog.Inbox); err != nil {
			t.Fatalf("what was read is refused when written: %v", err)
		}
	})
}

func FuzzPlainRecord(f *testing.F) {
	f.Add([]byte{0})
	f.Add([]byte{2, 0x30, 1, 'x'})
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1})
	f.Fuzz(func(t *testing.T, plain []byte) {
		r, err := parsePlain(eventlog.Position{Lane: eventlog.Inbox, Number: 1}, plain)
		if err == nil && !bytes.HasSuffix(plain, append(bytes.Clone(r.Bytes), r.Sealed...)) {
			t.Fatal("the parts are not what the record holds")
		}
	})
}

// Records: what was enciphered is deciphered; any other lane, number, byte or length is refused.
func TestRecord(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	key, err := p.keys.AddSegment(newSegmentID())
	if err != nil {
		t.Fatal(err)
	}
	_, f, err := sealFact(p.owner, schemas.Cause_CLIENT, 1, &p.message(0).Facts[0])
	if err != nil {
		t.Fatal(err)
	}
	whole := part{facts: []fact{f}}
	if err := whole.finish(); err != nil {
		t.Fatal(err)
	}
	at := eventlog.Position{Lane: eventlog.Inbox, Number: 7}
	rec, _ := appendRecord(nil, nil, key, at, 5, &whole.facts[0])
	if len(rec) > recordSize(len(whole.facts[0].bytes), len(f.sealed)) {
		t.Errorf("%d bytes", len(rec))
	}
	if mark, err := recordMark(rec); err != nil || mark != 5 {
		t.Errorf("mark %d: %v", mark, err)
	}
	got, _, err := decodeRecord(nil, key, at, rec)
	if err != nil || !bytes.Equal(got.Bytes, whole.facts[0].bytes) || !bytes.Equal(got.Sealed, f.sealed) || got.Position != at {
		t.Errorf("got %v: %v", got, err)
	}
	for i := range rec {
		bad := bytes.Clone(rec)
		bad[i] ^= 1
		if _, _, err := decodeRecord(nil, key, at, bad); err == nil {
			t.Errorf("byte %d may be changed", i)
		}
		if _, _, err := decodeRecord(nil, key, at, rec[:i]); err == nil {
			t.Errorf("may be cut at %d", i)
		}
	}
	for _, other := range []eventlog.Position{{Lane: eventlog.Now, Number: 7}, {Lane: eventlog.Inbox, Number: 8}} {
		if _, _, err := decodeRecord(nil, key, other, rec); err == nil {
			t.Errorf("opens as %v", other)
		}
	}
}

func TestMarks(t *testing.T) {
	t.Parallel()
	m, err := openMarks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer m.f.Close()
	for i, l := range eventlog.Lanes {
		if got := m.get(l); got != 0 {
			t.Errorf("%s: mark %d in an empty file", l, got)
		}
		if err := m.put(l, uint64(i)<<40+1); err != nil {
			t.Fatal(err)
		}
	}
	for i, l := range eventlog.Lanes {
		if got := m.get(l); got != uint64(i)<<40+1 {
			t.Errorf("%s: mark %d", l, got)
		}
	}
	if _, err := m.f.WriteAt([]byte{1}, int64(eventlog.Inbox)*markSlot+3); err != nil {
		t.Fatal(err)
	}
	if got := m.get(eventlog.Inbox); got != 0 {
		t.Errorf("a torn slot gives mark %d", got)
	}
}

// Options under which JetStream would delete, rewrite or encode are refused.
func TestAssertPlain(t *testing.T) {
	t.Parallel()
	plain := natsjs.StreamConfig{Storage: natsjs.FileStorage, Replicas: 1, DenyDelete: true, DenyPurge: true, MaxMsgs: -1, MaxBytes: -1, MaxMsgsPerSubject: -1}
	if err := assertPlain(plain); err != nil {
		t.Error(err)
	}
	for name, change := range map[string]func(*natsjs.StreamConfig){
		"memory":      func(c *natsjs.StreamConfig) { c.Storage = natsjs.MemoryStorage },
		"interest":    func(c *natsjs.StreamConfig) { c.Retention = natsjs.InterestPolicy },
		"compression": func(c *natsjs.StreamConfig) { c.Compression = natsjs.S2Compression },
		"age":         func(c *natsjs.StreamConfig) { c.MaxAge = 1 },
		"number":      func(c *natsjs.StreamConfig) { c.MaxMsgs = 1 },
		"bytes":       func(c *natsjs.StreamConfig) { c.MaxBytes = 1 },
		"subject":     func(c *natsjs.StreamConfig) { c.MaxMsgsPerSubject = 1 },
		"ttl":         func(c *natsjs.StreamConfig) { c.AllowMsgTTL = true },
		"rollup":      func(c *natsjs.StreamConfig) { c.AllowRollup = true },
		"delete":      func(c *natsjs.StreamConfig) { c.DenyDelete = false },
		"purge":       func(c *natsjs.StreamConfig) { c.DenyPurge = false },
		"replicas":    func(c *natsjs.StreamConfig) { c.Replicas = 3 },
	} {
		c := plain
		change(&c)
		if assertPlain(c) == nil {
			t.Errorf("%s is let through", name)
		}
	}
}

func TestParseAnswer(t *testing.T) {
	t.Parallel()
	for answer, want := range map[string]error{
		`{"stream":"inbox-00","seq":5}`:                      nil,
		`{"stream":"x","seq":0,"error":{"err_code":10077}}`:  errRefused,
		`{"stream":"inbox-00","seq":5,"error":{"code":503}}`: errRefused,
	} {
		if n, err := parseAnswer([]byte(answer)); !errors.Is(err, want) || err == nil && n != 5 {
			t.Errorf("%s: %d, %v", answer, n, err)
		}
	}
	if _, err := parseAnswer(nil); err == nil {
		t.Error("an empty answer is believed")
	}
}

// No port is open and no message goes anywhere but to the server's own log.
func TestNoListener(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	g := p.create()
	if a := g.engine.srv.Addr(); a != nil {
		t.Error("the embedded server listens")
	}
	if !strings.HasPrefix(g.engine.srv.StoreDir(), p.dir) {
		t.Error("the embedded server keeps its streams elsewhere")
	}
}
