package blocks

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
)

const (
	testStream  = "inbox-0011"
	testSubject = "inbox.00"
)

// write has nats-server itself write a stream, so that the layout is tested against its author.
func write(t testing.TB, first uint64, payloads [][]byte) (msgs string) {
	t.Helper()
	dir := t.TempDir()
	srv, err := server.NewServer(&server.Options{DontListen: true, NoSigs: true, NoLog: true, JetStream: true, StoreDir: dir, MaxPayload: 4 << 20})
	if err != nil {
		t.Fatal(err)
	}
	srv.Start()
	defer srv.WaitForShutdown()
	defer srv.Shutdown()
	publish(t, srv, first, payloads)
	return filepath.Join(dir, server.JetStreamStoreDir, "$G", "streams", testStream, "msgs")
}

func stream(msgs string) Stream {
	return Stream{Name: testStream, Subject: testSubject, Open: Folder(msgs)}
}

func numbered(n, size int) (payloads [][]byte) {
	for i := range n {
		payloads = append(payloads, bytes.Repeat([]byte{byte(i)}, size+i))
	}
	return payloads
}

func readAll(s Stream, index int, first uint64) (records []Record, err error) {
	r := NewReader(s, index, first)
	defer r.Close()
	for {
		rec, err := r.Next()
		if err != nil {
			return records, err
		}
		rec.Payload = bytes.Clone(rec.Payload)
		records = append(records, rec)
	}
}

// What nats-server wrote is read: small and large records, over several blocks, from the first number or a later one.
func TestReadsWhatTheServerWrote(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		first    uint64
		payloads [][]byte
	}{
		"one":               {1, numbered(1, 0)},
		"small":             {1, numbered(300, 1)},
		"not from one":      {1_000_000, numbered(10, 300)},
		"chunk borders":     {1, numbered(40, chunk/4-100)},
		"larger than chunk": {7, numbered(5, 3*chunk)},
		"several blocks":    {5, numbered(30, 1<<20)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			msgs := write(t, c.first, c.payloads)
			indexes, err := List(msgs)
			if err != nil {
				t.Fatal(err)
			}
			records, err := readAll(stream(msgs), indexes[0], c.first)
			if err != io.EOF || len(records) != len(c.payloads) {
				t.Fatalf("%d records, want %d: %v", len(records), len(c.payloads), err)
			}
			for i, r := range records {
				if r.Number != c.first+uint64(i) || !bytes.Equal(r.Payload, c.payloads[i]) {
					t.Errorf("record %d has number %d", i, r.Number)
				}
			}
			if name == "several blocks" && len(indexes) < 3 {
				t.Errorf("%d blocks", len(indexes))
			}
			checkBlocks(t, msgs, records)
		})
	}
}

// checkBlocks reads each block on its own, and its ends.
func checkBlocks(t *testing.T, msgs string, records []Record) {
	t.Helper()
	for i := 0; i < len(records); {
		n := i
		for n < len(records) && records[n].Block == records[i].Block {
			n++
		}
		got, err := readAll(stream(msgs), records[i].Block, records[i].Number)
		if err != io.EOF || len(got) != len(records)-i {
			t.Errorf("from block %d: %d records: %v", records[i].Block, len(got), err)
		}
		size, sum, err := End(Path(msgs, records[i].Block))
		last := records[n-1]
		if err != nil || size != last.Offset+last.Size || sum != last.Checksum {
			t.Errorf("end of block %d: %d %x: %v", last.Block, size, sum, err)
		}
		if i > 0 {
			f, err := os.Open(Path(msgs, records[i].Block))
			if err != nil {
				t.Fatal(err)
			}
			if first, err := First(f); err != nil || first != records[i].Number {
				t.Errorf("first number of block %d: %d: %v", records[i].Block, first, err)
			}
			f.Close()
		}
		i = n
	}
}

// Every single flipped bit and every cut of a block is met as Damage at the record that it hit, and Sound finds all others.
func TestEveryFlipAndCut(t *testing.T) {
	t.Parallel()
	msgs := write(t, 1, numbered(4, 20))
	good, err := os.ReadFile(Path(msgs, 1))
	if err != nil {
		t.Fatal(err)
	}
	records, _ := readAll(stream(msgs), 1, 1)
	hit := func(at int64) int {
		return slices.IndexFunc(records, func(r Record) bool { return at < r.Offset+r.Size })
	}
	bad := t.TempDir()
	check := func(what string, data []byte, at int64, behind int) {
		t.Helper()
		if err := os.WriteFile(Path(bad, 1), data, 0o600); err != nil {
			t.Fatal(err)
		}
		want := hit(at)
		got, err := readAll(stream(bad), 1, 1)
		var d *Damage
		if !errors.As(err, &d) || len(got) != want || d.Offset != records[want].Offset || d.Number != records[want].Number || d.File != Path(bad, 1) {
			t.Fatalf("%s at byte %d: %d records, %v", what, at, len(got), err)
		}
		sound := 0
		if err := Sound(stream(bad), 1, func(Record) { sound++ }); err != nil || sound != want+behind {
			t.Fatalf("%s at byte %d: %d sound records: %v", what, at, sound, err)
		}
	}
	for at := range len(good) {
		for bit := range 8 {
			data := bytes.Clone(good)
			data[at] ^= 1 << bit
			check("flip", data, int64(at), len(records)-hit(int64(at))-1)
		}
		if at > 0 && int64(at) != records[max(hit(int64(at)), 0)].Offset {
			check("cut", good[:at], int64(at), 0)
		}
	}
}

func TestMissingAndDoubledRecords(t *testing.T) {
	t.Parallel()
	msgs := write(t, 1, numbered(3, 20))
	good, err := os.ReadFile(Path(msgs, 1))
	if err != nil {
		t.Fatal(err)
	}
	records, _ := readAll(stream(msgs), 1, 1)
	second, third := records[1].Offset, records[2].Offset
	for name, data := range map[string][]byte{
		"missing": slices.Concat(good[:second], good[third:]),
		"doubled": slices.Concat(good[:third], good[second:]),
		"swapped": slices.Concat(good[:second], good[third:], good[second:third]),
		"headers": func() []byte { b := bytes.Clone(good); b[second+3] |= 0x80; return b }(),
		"zeroes":  slices.Concat(good[:second], make([]byte, 4096)),
	} {
		dir := t.TempDir()
		if err := os.WriteFile(Path(dir, 1), data, 0o600); err != nil {
			t.Fatal(err)
		}
		var d *Damage
		if _, err := readAll(stream(dir), 1, 1); !errors.As(err, &d) {
			t.Errorf("%s: %v", name, err)
		}
	}
	other := Stream{Name: testStream, Subject: "inbox.01", Open: Folder(msgs)}
	if _, err := readAll(other, 1, 1); err == io.EOF {
		t.Error("a foreign subject is read")
	}
	other = Stream{Name: "inbox-0012", Subject: testSubject, Open: Folder(msgs)}
	if _, err := readAll(other, 1, 1); err == io.EOF {
		t.Error("another stream's block is read")
	}
}

func TestList(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, name := range []string{"10.blk", "9.blk", "index.db", "x.blk", "1.blk.new", "01.blk", "-1.blk", "0.blk", "2.blk"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := List(dir); err != nil || !slices.Equal(got, []int{2, 9, 10}) {
		t.Errorf("blocks %v: %v", got, err)
	}
}
