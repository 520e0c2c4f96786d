package ledger

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"protokoll/eventlog"
	"protokoll/internal/durable"
)

// keepAllDays is for how many days every checkpoint stays in the list here; of an older day the first one stays. A day with a checkpoint every
// minute takes 0.9 MB, thinned at most 40 KB. 31 days: who compares once a month finds each minute of it.
const keepAllDays = 31

// thinnedHead begins what stands behind the note of a thinned file: of each lane its name and the sizes that the notes of that day
// stated, the first in full, then the steps to the next, and at the end the SHA-256 of all that. Whoever kept one of these notes
// elsewhere still gets a proof from it: Forget keeps what every such size needs.
const thinnedHead = "thinned\n"

// errThinned is returned for a thinned file that is not as it was written.
var errThinned = errors.New("what was kept of thinned checkpoints is damaged")

// sizesOf lists sizes of lanes, ascending, none twice.
type sizesOf map[eventlog.Lane][]uint64

func (s sizesOf) add(id eventlog.Lane, size uint64) {
	if at, found := slices.BinarySearch(s[id], size); !found {
		s[id] = slices.Insert(s[id], at, size)
	}
}

// encodeThinned writes a thinned file: the one note that stays, and the sizes that the others stated.
func encodeThinned(note []byte, sizes sizesOf) []byte {
	var b bytes.Buffer
	b.WriteString(thinnedHead)
	for _, id := range eventlog.Lanes {
		b.WriteString(id.String())
		before := uint64(0)
		for _, size := range sizes[id] {
			b.WriteString(" " + strconv.FormatUint(size-before, 10))
			before = size
		}
		b.WriteByte('\n')
	}
	sum := sha256.Sum256(b.Bytes())
	return slices.Concat(note, b.Bytes(), []byte(hex.EncodeToString(sum[:])+"\n"))
}

// parseThinned reads the sizes of a thinned file, or returns nil for one that is not thinned.
func parseThinned(data []byte) (sizesOf, error) {
	at := bytes.Index(data, []byte("\n"+thinnedHead))
	if at < 0 {
		return nil, nil
	}
	lines := strings.Split(string(data[at+1:]), "\n")
	if len(lines) != len(eventlog.Lanes)+3 || lines[len(lines)-1] != "" {
		return nil, errThinned
	}
	sum := lines[len(lines)-2]
	if want := sha256.Sum256(data[at+1 : len(data)-len(sum)-1]); sum != hex.EncodeToString(want[:]) {
		return nil, errThinned
	}
	sizes := sizesOf{}
	for i, id := range eventlog.Lanes {
		words := strings.Split(lines[i+1], " ")
		if words[0] != id.String() {
			return nil, errThinned
		}
		size := uint64(0)
		for _, word := range words[1:] {
			step, err := strconv.ParseUint(word, 10, 64)
			if err != nil || step > 1<<63-1 || size > 1<<63-1 {
				return nil, errThinned
			}
			size += step
			sizes[id] = append(sizes[id], size)
		}
	}
	return sizes, nil
}

// thinner thins a list, one file at a time, and knows which files need no second look.
type thinner struct {
	done map[listFile]bool
}

// next thins the oldest file of a list that is due and not thin, if there is one. A file is replaced as a whole: a crash leaves the old
// one or the new one. The last file of an epoch stays as it is, because its last note says where the epoch ended.
func (t *thinner) next(l list, now time.Time) error {
	files, err := l.files()
	if err != nil {
		return err
	}
	border := now.UTC().AddDate(0, 0, -keepAllDays).Format(time.DateOnly)
	if t.done == nil {
		t.done = map[listFile]bool{}
	}
	for i, f := range files {
		last := i+1 == len(files) || files[i+1].epoch != f.epoch
		if t.done[f] || last || f.day >= border {
			continue
		}
		thinned, err := l.thin(f)
		if err != nil {
			return fmt.Errorf("thin the checkpoints of %s: %w", f.day, err)
		}
		t.done[f] = true
		if thinned {
			return nil
		}
	}
	maps.DeleteFunc(t.done, func(f listFile, _ bool) bool { return !slices.Contains(files, f) })
	return nil
}

// thin leaves the first note of a file and the sizes of all, and tells whether there was anything to do.
func (l list) thin(f listFile) (bool, error) {
	path := filepath.Join(l.dir, f.name())
	data, err := os.ReadFile(path)
	if err != nil {
		return false, err
	}
	notes := SplitNotes(data)
	if len(notes) < 2 {
		return false, nil
	}
	sizes, err := l.stated(data)
	if err != nil {
		return false, err
	}
	return true, durable.Replace(path, encodeThinned(notes[0], sizes))
}

// stated lists the sizes that the notes of a file state, those that were thinned too.
func (l list) stated(data []byte) (sizesOf, error) {
	sizes, err := parseThinned(data)
	if err != nil {
		return nil, err
	}
	if sizes == nil {
		sizes = sizesOf{}
	}
	for _, signed := range SplitNotes(data) {
		c, err := ParseCheckpoint(signed, l.v)
		if err != nil {
			return nil, err
		}
		for id, root := range c.Lanes {
			sizes.add(id, root.Size)
		}
	}
	return sizes, nil
}
