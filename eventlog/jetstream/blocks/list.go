package blocks

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// Suffix ends the name of a block file.
const Suffix = ".blk"

// Path is the block file of an index in the folder msgs of a stream.
func Path(msgs string, index int) string { return filepath.Join(msgs, strconv.Itoa(index)+Suffix) }

// List returns the indexes of the block files in a folder, ascending. Other files are not looked at.
func List(msgs string) ([]int, error) {
	entries, err := os.ReadDir(msgs)
	if err != nil {
		return nil, fmt.Errorf("list the blocks: %w", err)
	}
	var indexes []int
	for _, e := range entries {
		name, ok := strings.CutSuffix(e.Name(), Suffix)
		index, err := strconv.Atoi(name)
		if ok && err == nil && index > 0 && strconv.Itoa(index) == name {
			indexes = append(indexes, index)
		}
	}
	slices.Sort(indexes)
	return indexes, nil
}

// Folder opens blocks of a folder.
func Folder(msgs string) Opener {
	return func(index int) (*os.File, error) { return os.Open(Path(msgs, index)) }
}

// Sound calls fn with every sound record of a block, wherever it stands, also behind damage. It is how marks behind a torn
// record are found; it reads the whole block into memory.
func Sound(s Stream, index int, fn func(Record)) error {
	f, err := s.Open(index)
	if err != nil {
		return fmt.Errorf("open block %d of %s: %w", index, s.Name, err)
	}
	defer f.Close()
	data, err := io.ReadAll(f)
	if err != nil {
		return fmt.Errorf("read block %d of %s: %w", index, s.Name, err)
	}
	check, err := newChecker(s.Name, s.Subject, index)
	if err != nil {
		return err
	}
	for at := 0; at+headerSize <= len(data); {
		n := check.soundAt(data[at:])
		if n == 0 {
			at++
			continue
		}
		number, payload, tombstone, _ := check.check(data[at : at+n])
		if !tombstone {
			fn(Record{Number: number, Payload: payload, Block: index, Offset: int64(at), Size: int64(n)})
		}
		at += n
	}
	return nil
}

// soundAt returns the length of the sound record at the start of data, or 0.
func (c *checker) soundAt(data []byte) int {
	n, reason := size(data)
	if reason != "" || n > len(data) {
		return 0
	}
	if !bytes.HasPrefix(data[headerSize:], c.subject) {
		return 0 // cheaper than a checksum at every byte
	}
	if _, _, _, reason = c.check(data[:n]); reason != "" {
		return 0
	}
	return n
}

// First returns the number of the first record in a block that holds no tombstone. The record is not checked.
func First(f *os.File) (uint64, error) {
	var head [headerSize]byte
	if _, err := f.ReadAt(head[:], 0); err != nil {
		return 0, fmt.Errorf("read the head of a block: %w", err)
	}
	return binary.LittleEndian.Uint64(head[4:]), nil
}

// End returns a block's size and the checksum of its last record, which is its last 8 bytes.
func End(path string) (size int64, sum [checksumSize]byte, err error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, sum, fmt.Errorf("look at a block's end: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return 0, sum, fmt.Errorf("look at a block's end: %w", err)
	}
	if info.Size() < headerSize+checksumSize {
		return info.Size(), sum, &Damage{File: path, Reason: "too short to hold a record"}
	}
	if _, err = f.ReadAt(sum[:], info.Size()-checksumSize); err != nil {
		return 0, sum, fmt.Errorf("look at a block's end: %w", err)
	}
	return info.Size(), sum, nil
}
