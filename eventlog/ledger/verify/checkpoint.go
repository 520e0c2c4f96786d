package verify

import (
	"cmp"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"

	"protokoll/eventlog"
	"protokoll/eventlog/ledger/leaf"
)

// checkpoint is a signed note whose signature is right.
type checkpoint struct {
	epoch  uint64
	time   time.Time
	sizes  map[eventlog.Lane]uint64
	roots  map[eventlog.Lane]leaf.Hash
	source string // file
	given  bool   // somebody kept it outside of the data folder
}

const noteHead = "protokoll ledger\n"

// thinnedHead begins what the ledger writes behind the one note that it leaves of a day long past: sizes for itself, no checkpoint.
const thinnedHead = "thinned\n"

// readNotes reads every checkpoint of a file that somebody kept. It must hold one.
func readNotes(path string, v note.Verifier) (all []checkpoint, err error) {
	if all, err = notesOf(path, v); err == nil && len(all) == 0 {
		err = fmt.Errorf("%s holds no checkpoint", path)
	}
	return all, err
}

// notesOf reads every checkpoint of a file; one that a crash left unfinished at the end is passed over.
func notesOf(path string, v note.Verifier) (all []checkpoint, err error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read checkpoints: %w", err)
	}
	whole, torn := untorn(string(data))
	if strings.HasPrefix(torn, thinnedHead) {
		torn = ""
	}
	if !strings.HasPrefix(torn, noteHead) && !strings.HasPrefix(noteHead, torn) || whole != "" && !strings.HasPrefix(whole, noteHead) {
		return nil, fmt.Errorf("%s holds what is no checkpoint", path)
	}
	for i, part := range strings.Split("\n"+whole, "\n"+noteHead)[1:] {
		n, err := note.Open([]byte(noteHead+strings.TrimSuffix(part, "\n")+"\n"), note.VerifierList(v))
		if err != nil {
			return nil, fmt.Errorf("%s: checkpoint %d: %w", path, i+1, err)
		}
		c, err := parseNote(n.Text)
		if err != nil {
			return nil, fmt.Errorf("%s: checkpoint %d: %w", path, i+1, err)
		}
		c.source = path
		all = append(all, c)
	}
	return all, nil
}

// untorn divides a file of checkpoints behind its last whole line of a signature: that is where a whole checkpoint ends.
func untorn(data string) (whole, torn string) {
	end := 0
	for at := 0; at < len(data); {
		line, _, ended := strings.Cut(data[at:], "\n")
		if !ended {
			break
		}
		at += len(line) + 1
		if strings.HasPrefix(line, "— ") {
			end = at
		}
	}
	return data[:end], data[end:]
}

var errNote = errors.New("not a checkpoint of a ledger")

func parseNote(text string) (c checkpoint, err error) {
	c.sizes, c.roots = map[eventlog.Lane]uint64{}, map[eventlog.Lane]leaf.Hash{}
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	if len(lines) != 3+len(eventlog.Lanes) {
		return c, errNote
	}
	if c.epoch, err = strconv.ParseUint(strings.TrimPrefix(lines[1], "epoch "), 10, 64); err != nil {
		return c, errNote
	}
	if c.time, err = time.Parse(time.RFC3339, strings.TrimPrefix(lines[2], "time ")); err != nil {
		return c, errNote
	}
	for i, l := range eventlog.Lanes {
		words := strings.Fields(lines[3+i])
		if len(words) != 3 || words[0] != l.String() {
			return c, errNote
		}
		root, err := base64.StdEncoding.DecodeString(words[2])
		if err != nil || len(root) != len(leaf.Hash{}) {
			return c, errNote
		}
		if c.sizes[l], err = strconv.ParseUint(words[1], 10, 48); err != nil {
			return c, errNote
		}
		c.roots[l] = leaf.Hash(root)
	}
	return c, nil
}

// readFolder reads all files of a folder of checkpoints, oldest first.
func readFolder(dir string, v note.Verifier) (all []checkpoint, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("list checkpoints: %w", err)
	}
	for _, e := range entries {
		epoch, day, _ := strings.Cut(e.Name(), "-")
		if _, err := strconv.ParseUint(epoch, 10, 64); err != nil {
			continue
		}
		if _, err := time.Parse(time.DateOnly, day); err != nil {
			continue
		}
		some, err := notesOf(filepath.Join(dir, e.Name()), v)
		if err != nil {
			return nil, err
		}
		all = append(all, some...)
	}
	slices.SortStableFunc(all, func(a, b checkpoint) int {
		return cmp.Or(cmp.Compare(a.epoch, b.epoch), a.time.Compare(b.time), cmp.Compare(a.total(), b.total()))
	})
	return all, nil
}

// total orders checkpoints of one second.
func (c checkpoint) total() (sum uint64) {
	for _, n := range c.sizes {
		sum += n
	}
	return sum
}
