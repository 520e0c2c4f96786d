package backup

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"protokoll/eventlog"
	"protokoll/eventlog/seal"
	"protokoll/internal/durable"
)

var (
	// ErrPartial is returned for a backup that was not finished: it has no manifest.
	ErrPartial = errors.New("the backup is partial: it was not finished")
	// ErrDamaged is returned when a backup does not hold what its manifest says.
	ErrDamaged = errors.New("the backup is damaged")
	// ErrMissing is returned when there is no backup, or no keys for one.
	ErrMissing = errors.New("missing")
)

const (
	manifestName = "manifest"
	// format is the version of the layout; another one is refused.
	format = 1
	// maxManifest is the largest manifest that is read, in bytes: some million files.
	maxManifest = 256 << 20
)

// Manifest says what a finished backup holds.
type Manifest struct {
	Format      int    `json:"format"`
	Program     string `json:"program"` // version that wrote it
	Made        int64  `json:"made"`    // milliseconds since 1970 UTC, when it was begun
	Incremental bool   `json:"incremental,omitempty"`
	Keys        string `json:"keys,omitempty"` // name of the folder with its keys
	// Marks are the last numbers of all lanes, by name, when the backup was begun: of lane now there is nothing else in it.
	Marks    map[string]uint64 `json:"marks,omitempty"`
	Segments []Segment         `json:"segments,omitempty"`
	Files    []File            `json:"files"`
}

// Segment is one copied segment.
type Segment struct {
	Lane  string `json:"lane"`
	ID    string `json:"id"`
	First uint64 `json:"first"`
	Last  uint64 `json:"last"`
}

// File is one file of a backup, with slashes in its path.
type File struct {
	Path   string `json:"path"`
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
}

// When is when the backup was begun: it holds everything that was acknowledged before.
func (m *Manifest) When() time.Time { return time.UnixMilli(m.Made) }

// Bytes is the size of all files.
func (m *Manifest) Bytes() (n int64) {
	for _, f := range m.Files {
		n += f.Size
	}
	return n
}

// folder is the segment's folder in a copied log.
func (s Segment) folder() string { return s.Lane + "-" + s.ID }

// parse reads lane and id.
func (s Segment) parse() (p eventlog.Segment, err error) {
	id, err := hex.DecodeString(s.ID)
	if err != nil || len(id) != len(p.ID) {
		return p, fmt.Errorf("segment id %q", s.ID)
	}
	p = eventlog.Segment{ID: seal.SegmentID(id), First: s.First, Last: s.Last, Closed: true}
	for _, l := range eventlog.Lanes {
		if l.String() == s.Lane {
			p.Lane = l
		}
	}
	if p.Lane == 0 || s.First == 0 || s.Last < s.First {
		return p, fmt.Errorf("segment %s of lane %q", s.ID, s.Lane)
	}
	return p, nil
}

// writeChecked writes a JSON document under a line with its checksum, so that it stands there whole or not at all.
func writeChecked(path string, document any) error {
	body, err := json.MarshalIndent(document, "", " ")
	if err != nil {
		return fmt.Errorf("encode %s: %w", filepath.Base(path), err)
	}
	body = append(body, '\n')
	content := append([]byte(checksumLine(body)+"\n"), body...)
	return durable.Replace(path, content)
}

func checksumLine(body []byte) string {
	sum := sha256.Sum256(body)
	return "sha256 " + hex.EncodeToString(sum[:])
}

// parseChecked is the other way round. Unknown fields are refused: they are a newer program's.
func parseChecked(data []byte, document any) error {
	line, body, _ := bytes.Cut(data, []byte("\n"))
	if string(line) != checksumLine(body) {
		return fmt.Errorf("%w: wrong checksum", ErrDamaged)
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(document); err != nil {
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	if _, err := d.Token(); err != io.EOF {
		return fmt.Errorf("%w: more than one document", ErrDamaged)
	}
	return nil
}

// readManifest returns ErrPartial for a folder without one.
func readManifest(dir string) (*Manifest, error) {
	path := filepath.Join(dir, manifestName)
	data, err := readFile(path, maxManifest)
	if errors.Is(err, fs.ErrNotExist) {
		if _, err := os.Stat(dir); err != nil {
			return nil, fmt.Errorf("%s: %w", dir, ErrMissing)
		}
		return nil, fmt.Errorf("%s: %w", dir, ErrPartial)
	}
	if err != nil {
		return nil, err
	}
	m, err := parseManifest(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return m, nil
}

func parseManifest(data []byte) (*Manifest, error) {
	m := new(Manifest)
	if err := parseChecked(data, m); err != nil {
		return nil, err
	}
	if m.Format != format {
		return nil, fmt.Errorf("%w: format %d is not known here", ErrDamaged, m.Format)
	}
	if m.Keys != "" && !named(m.Keys, keysPrefix) {
		return nil, fmt.Errorf("%w: keys %q", ErrDamaged, m.Keys)
	}
	for _, f := range m.Files {
		if !filepath.IsLocal(filepath.FromSlash(f.Path)) || f.Size < 0 || f.Path == manifestName {
			return nil, fmt.Errorf("%w: impossible file %q", ErrDamaged, f.Path)
		}
	}
	for _, s := range m.Segments {
		if _, err := s.parse(); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
		}
	}
	return m, nil
}
