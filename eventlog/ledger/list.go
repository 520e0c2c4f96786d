package ledger

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/mod/sumdb/note"

	"protokoll/eventlog"
)

// list is a folder of checkpoints: a file for each epoch and day, notes one after the other. It is only added to; the one in the data folder is
// thinned when a day is long past.
type list struct {
	dir string
	v   note.Verifier
}

type listFile struct {
	epoch uint64
	day   string
}

func (f listFile) name() string { return fmt.Sprintf("%d-%s", f.epoch, f.day) }

func parseListFile(name string) (f listFile, ok bool) {
	n, err := fmt.Sscanf(name, "%d-%s", &f.epoch, &f.day)
	if n != 2 || err != nil || f.name() != name {
		return f, false
	}
	_, err = time.Parse(time.DateOnly, f.day)
	return f, err == nil
}

// files lists the files, oldest first. Others in the folder are not looked at.
func (l list) files() ([]listFile, error) {
	entries, err := os.ReadDir(l.dir)
	if err != nil {
		return nil, fmt.Errorf("list checkpoints: %w", err)
	}
	var files []listFile
	for _, e := range entries {
		if f, ok := parseListFile(e.Name()); ok {
			files = append(files, f)
		}
	}
	slices.SortFunc(files, func(a, b listFile) int {
		return cmp.Or(cmp.Compare(a.epoch, b.epoch), cmp.Compare(a.day, b.day))
	})
	return files, nil
}

// add appends a signed checkpoint and returns when it is on disk. What a crash left of an unfinished one is overwritten.
func (l list) add(c Checkpoint, signed []byte) error {
	path := filepath.Join(l.dir, listFile{c.Epoch, c.Time.UTC().Format(time.DateOnly)}.name())
	f, err := createFile(path)
	if err != nil {
		return fmt.Errorf("store a checkpoint: %w", err)
	}
	defer f.Close()
	whole, err := wholeLength(path)
	if err == nil {
		err = f.Truncate(whole)
	}
	if err == nil {
		_, err = f.WriteAt(signed, whole)
	}
	if err == nil {
		err = f.Sync()
	}
	if err != nil {
		return fmt.Errorf("store a checkpoint: %w", err)
	}
	return nil
}

// maxNote is more than any checkpoint takes, in bytes.
const maxNote = 4 << 10

// signatureMark begins a line that holds a signature, as golang.org/x/mod/sumdb/note writes it.
const signatureMark = "— "

// wholeLength is the length of a file without an unfinished note at its end. A note is synced before the next one is begun,
// so only the last can be torn.
func wholeLength(path string) (int64, error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	from := max(0, info.Size()-2*maxNote)
	tail := make([]byte, info.Size()-from)
	if _, err := f.ReadAt(tail, from); err != nil && err != io.EOF {
		return 0, err
	}
	end := 0
	eachNote(tail, func(_, to int) { end = to })
	if end == 0 && from > 0 {
		return 0, fmt.Errorf("%s does not end with a checkpoint", path)
	}
	return from + int64(end), nil
}

// SplitNotes takes a file of checkpoints apart. An unfinished last one is left out.
func SplitNotes(data []byte) (notes [][]byte) {
	eachNote(data, func(from, to int) { notes = append(notes, data[from:to]) })
	return notes
}

// eachNote calls fn with where whole notes lie, in order. What stands between them belongs to none: a note that was cut off, at
// the beginning or the end.
func eachNote(data []byte, fn func(from, to int)) {
	head := []byte(checkpointHead + "\n")
	for at := 0; at < len(data); {
		if bytes.HasPrefix(data[at:], head) {
			if n := noteLength(data[at:]); n > 0 {
				fn(at, at+n)
				at += n
				continue
			}
		}
		next := bytes.Index(data[at:], append([]byte("\n"), head...))
		if next < 0 {
			return
		}
		at += next + 1
	}
}

// noteLength is how long the note is that data begins with: a text without empty lines, an empty line, and lines of signatures.
// It is 0 for one that is not whole.
func noteLength(data []byte) int {
	text := bytes.Index(data, []byte("\n\n"))
	if text < 0 {
		return 0
	}
	end := text + 2
	for line := range bytes.Lines(data[end:]) {
		if !bytes.HasPrefix(line, []byte(signatureMark)) || line[len(line)-1] != '\n' {
			break
		}
		end += len(line)
	}
	if end == text+2 {
		return 0
	}
	return end
}

// newest returns the last checkpoint, or nil if there is none.
func (l list) newest() (c Checkpoint, signed []byte, err error) {
	files, err := l.files()
	if errors.Is(err, os.ErrNotExist) {
		return c, nil, nil
	}
	if err != nil {
		return c, nil, err
	}
	for _, f := range slices.Backward(files) {
		path := filepath.Join(l.dir, f.name())
		data, err := os.ReadFile(path)
		if err != nil {
			return c, nil, fmt.Errorf("read checkpoints: %w", err)
		}
		if notes := SplitNotes(data); len(notes) > 0 {
			signed = notes[len(notes)-1]
			if c, err = ParseCheckpoint(signed, l.v); err != nil {
				return c, nil, fmt.Errorf("%s: %w", path, err)
			}
			return c, signed, nil
		}
	}
	return c, nil, nil
}

// sizes lists what checkpoints state as a lane's size, inside a range of numbers, also those that were thinned. Files that cannot name one are not read.
func (l list) sizes(id eventlog.Lane, first, last uint64) (sizes []uint64, err error) {
	files, err := l.files()
	if err != nil {
		return nil, err
	}
	heads := make([]uint64, len(files))
	for i, f := range files {
		if heads[i], err = l.head(f, id); err != nil {
			return nil, err
		}
	}
	for i, f := range files {
		ends := i+1 == len(files) || files[i+1].epoch != f.epoch
		if heads[i] > last || !ends && heads[i+1] < first {
			continue
		}
		path := filepath.Join(l.dir, f.name())
		data, err := os.ReadFile(path)
		if err != nil {
			return nil, fmt.Errorf("read checkpoints: %w", err)
		}
		stated, err := l.stated(data)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		for _, s := range stated[id] {
			if first <= s && s <= last {
				sizes = append(sizes, s)
			}
		}
	}
	return sizes, nil
}

// head is what the first checkpoint of a file says of a lane. It stays when the file is thinned.
func (l list) head(f listFile, id eventlog.Lane) (uint64, error) {
	file, err := os.Open(filepath.Join(l.dir, f.name()))
	if err != nil {
		return 0, fmt.Errorf("read checkpoints: %w", err)
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, 2*maxNote))
	if err != nil {
		return 0, fmt.Errorf("read checkpoints: %w", err)
	}
	notes := SplitNotes(data)
	if len(notes) == 0 {
		return 0, nil
	}
	c, err := ParseCheckpoint(notes[0], l.v)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", file.Name(), err)
	}
	return c.Lanes[id].Size, nil
}
