package jetstream

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"protokoll/eventlog"
	"protokoll/eventlog/seal"
	"protokoll/schemas"
)

// state of a segment in its lane's manifest.
type state string

const (
	open     state = "open"     // being written to, or left behind by an unclean stop
	closed   state = "closed"   // complete; never changes again
	dropping state = "dropping" // its removal has begun and is finished at the next start
)

// manifest lists the segments of one lane, oldest first. It is the only thing that says what belongs to the lane.
type manifest struct {
	Lane     string         `json:"lane"`
	Mark     uint64         `json:"mark"` // last event known to be on disk when this was written
	Next     uint64         `json:"next"` // no number from here on was ever used when this was written, but for the open segment's
	Segments []segmentEntry `json:"segments"`
	Voids    []voidEntry    `json:"voids"`
	Swept    []sweptEntry   `json:"swept,omitempty"` // ascending, neighbours joined
}

type segmentEntry struct {
	ID     string       `json:"id"`
	State  state        `json:"state"`
	First  uint64       `json:"first"`
	Last   uint64       `json:"last,omitempty"` // of a closed segment
	Blocks []blockEntry `json:"blocks,omitempty"`
}

// blockEntry is what a start compares without reading the block.
type blockEntry struct {
	Index    int    `json:"index"`
	First    uint64 `json:"first"`
	Size     int64  `json:"size"`
	Checksum string `json:"checksum"` // of its last record, hex
}

// voidEntry is a range of numbers that hold nothing and never will.
type voidEntry struct {
	First  uint64             `json:"first"`
	Last   uint64             `json:"last"`
	Reason schemas.VoidReason `json:"reason"`
	Told   bool               `json:"told"` // a proof.void event of it is stored
}

// sweptEntry is a range of numbers whose segments were dropped. Lane proof says what became of each.
type sweptEntry struct {
	First uint64 `json:"first"`
	Last  uint64 `json:"last"`
}

func manifestPath(dir string, l eventlog.Lane) string {
	return filepath.Join(dir, manifestsFolder, l.String()+".json")
}

// readManifest returns ErrMissing or ErrDamaged, naming the file.
func readManifest(dir string, l eventlog.Lane) (*manifest, error) {
	path := manifestPath(dir, l)
	data, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("%s: %w", path, eventlog.ErrMissing)
	}
	if err != nil {
		return nil, fmt.Errorf("read a manifest: %w", err)
	}
	m, err := parseManifest(data, l)
	if err != nil {
		return nil, fmt.Errorf("%s: %w: %w", path, eventlog.ErrDamaged, err)
	}
	return m, nil
}

// parseManifest checks the checksum in the first line and that the segments are in order and without unexplained gaps.
func parseManifest(data []byte, l eventlog.Lane) (*manifest, error) {
	sum, body, _ := bytes.Cut(data, []byte("\n"))
	if want := checksumLine(body); string(sum) != want {
		return nil, errors.New("wrong checksum")
	}
	m := new(manifest)
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(m); err != nil {
		return nil, err
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, errors.New("more than one document")
	}
	if m.Lane != l.String() {
		return nil, fmt.Errorf("belongs to lane %q", m.Lane)
	}
	return m, m.check()
}

func checksumLine(body []byte) string {
	sum := sha256.Sum256(body)
	return "sha256 " + hex.EncodeToString(sum[:])
}

func (m *manifest) check() error {
	var last uint64
	for i, s := range m.Segments {
		if _, err := parseID(s.ID); err != nil {
			return err
		}
		if s.State == dropping {
			continue
		}
		if s.First == 0 || s.First <= last || s.State == closed && s.Last < s.First {
			return fmt.Errorf("segment %s: impossible numbers", s.ID)
		}
		if s.State != closed && (s.State != open || i != len(m.Segments)-1) {
			return fmt.Errorf("segment %s: impossible state %q", s.ID, s.State)
		}
		last = s.Last
	}
	if m.Next <= max(last, m.Mark) {
		return errors.New("next number was used")
	}
	return m.checkSwept()
}

func (m *manifest) checkSwept() error {
	var last uint64
	for _, r := range m.Swept {
		if r.First <= last || r.Last < r.First || r.Last > m.Mark {
			return fmt.Errorf("swept numbers %d to %d are impossible", r.First, r.Last)
		}
		for _, s := range m.Segments {
			if s.State == closed && s.First <= r.Last && r.First <= s.Last || s.State == open && s.First <= r.Last {
				return fmt.Errorf("segment %s: its numbers were swept", s.ID)
			}
		}
		last = r.Last
	}
	return nil
}

func (m *manifest) write(d disk, dir string) error {
	body, err := json.MarshalIndent(m, "", " ")
	if err != nil {
		return fmt.Errorf("encode a manifest: %w", err)
	}
	content := io.MultiReader(bytes.NewReader([]byte(checksumLine(body)+"\n")), bytes.NewReader(body))
	if err := d.replace(filepath.Join(dir, manifestsFolder, m.Lane+".json"), content); err != nil {
		return fmt.Errorf("manifest of lane %s: %w", m.Lane, err)
	}
	return nil
}

func parseID(s string) (id seal.SegmentID, err error) {
	b, err := hex.DecodeString(s)
	if err != nil || len(b) != len(id) {
		return id, fmt.Errorf("segment id %q is not 16 bytes in hex", s)
	}
	return seal.SegmentID(b), nil
}
