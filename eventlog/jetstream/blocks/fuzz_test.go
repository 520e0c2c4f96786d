package blocks

import (
	"encoding/binary"
	"errors"
	"io"
	"os"
	"testing"
)

// appendRecord writes a record of block 1 as nats-server does; the fuzzer's processes must not each start a server.
func appendRecord(t testing.TB, block []byte, number uint64, payload string) []byte {
	t.Helper()
	c, err := newChecker(testStream, testSubject, 1)
	if err != nil {
		t.Fatal(err)
	}
	start := len(block)
	block = binary.LittleEndian.AppendUint32(block, uint32(headerSize+len(testSubject)+len(payload)+checksumSize))
	block = binary.LittleEndian.AppendUint64(block, number)
	block = binary.LittleEndian.AppendUint64(block, 1_800_000_000)
	block = binary.LittleEndian.AppendUint16(block, uint16(len(testSubject)))
	block = append(append(block, testSubject...), payload...)
	c.hash.Write(block[start+4 : start+20])
	c.hash.Write(block[start+headerSize:])
	return c.hash.Sum(block)
}

// Whatever a block holds, reading ends with an error and never hands out more than it holds.
func FuzzReader(f *testing.F) {
	var good []byte
	for n := range uint64(3) {
		good = appendRecord(f, good, n+1, "some payload")
	}
	f.Add(good)
	f.Add(good[:len(good)-5])
	f.Add(binary.LittleEndian.AppendUint32(nil, MaxRecord))
	f.Fuzz(func(t *testing.T, data []byte) {
		dir := t.TempDir()
		if err := os.WriteFile(Path(dir, 1), data, 0o600); err != nil {
			t.Fatal(err)
		}
		records, err := readAll(stream(dir), 1, 1)
		var d *Damage
		if err != io.EOF && !errors.As(err, &d) {
			t.Fatal(err)
		}
		end := int64(0)
		for i, r := range records {
			if r.Number != uint64(i)+1 || r.Offset < end || r.Offset+r.Size > int64(len(data)) {
				t.Fatalf("impossible record %+v", r)
			}
			end = r.Offset + r.Size
		}
		found := 0
		if err := Sound(stream(dir), 1, func(Record) { found++ }); err != nil || found < len(records) {
			t.Fatalf("%d sound records of %d: %v", found, len(records), err)
		}
	})
}
