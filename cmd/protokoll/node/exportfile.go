package node

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"protokoll/internal/control"
	"protokoll/portability"
	"protokoll/schemas"
)

// CommandExportFile hands out a piece of a file of an export: files may be larger than anybody wants to have in memory.
const CommandExportFile = "export.file"

const (
	// exportPiece is how many bytes are handed out at once.
	exportPiece = 1 << 20
	// exportPatience is how long the files of an export can be fetched.
	exportPatience = time.Hour
)

// ExportFile is a file of an export.
type ExportFile struct {
	Path string `json:"path"` // in the archive
	Size int64  `json:"size"`
}

// ExportFileArguments say which piece. Only who was just given an export, which is on record, has its ticket.
type ExportFileArguments struct {
	Ticket string `json:"ticket"`
	File   int    `json:"file"` // index
	Offset int64  `json:"offset"`
}

// ExportPiece is a piece of a file, empty at its end.
type ExportPiece struct {
	Data []byte `json:"data"`
}

// handouts are the exports whose files can be fetched, by ticket.
type handouts struct {
	mu  sync.Mutex
	all map[string]handout
}

type handout struct {
	owner schemas.OwnerID
	files []portability.File
	until time.Time
}

var errTicket = errors.New("this export is over, or has no such file")

// add keeps the files of an export for a while and returns their ticket.
func (h *handouts) add(o handout, now time.Time) string {
	h.mu.Lock()
	defer h.mu.Unlock()
	for ticket, old := range h.all {
		if now.After(old.until) {
			delete(h.all, ticket)
		}
	}
	if h.all == nil {
		h.all = map[string]handout{}
	}
	ticket := rand.Text()
	o.until = now.Add(exportPatience)
	h.all[ticket] = o
	return ticket
}

func (h *handouts) find(a ExportFileArguments, now time.Time) (schemas.OwnerID, portability.File, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	o, ok := h.all[a.Ticket]
	if !ok || now.After(o.until) || a.File < 0 || a.File >= len(o.files) {
		return schemas.OwnerID{}, portability.File{}, errTicket
	}
	return o.owner, o.files[a.File], nil
}

// there leaves out files that are not on the disk, which no export can help.
func (s *Store) there(o schemas.OwnerID, files []portability.File) (there []portability.File, views []ExportFile) {
	for _, f := range files {
		if s.Uploads.Has(o, f.Entity) {
			there, views = append(there, f), append(views, ExportFile{f.Path, f.Size})
		}
	}
	return there, views
}

func (s *Store) exportFile(_ context.Context, input json.RawMessage, _ func(control.Progress)) (any, error) {
	var a ExportFileArguments
	if err := json.Unmarshal(input, &a); err != nil {
		return nil, fmt.Errorf("read the arguments: %w", err)
	}
	owner, f, err := s.handouts.find(a, time.Now())
	if err != nil {
		return nil, err
	}
	r, err := s.Uploads.Read(owner, f.Entity, f.Key, f.Size)
	if err != nil {
		return nil, fmt.Errorf("read a file for an export: %w", err)
	}
	defer r.Close() //nolint:errcheck // it is only read
	if _, err := r.Seek(a.Offset, io.SeekStart); err != nil {
		return nil, fmt.Errorf("read a file for an export: %w", err)
	}
	data, err := io.ReadAll(io.LimitReader(r, exportPiece))
	if err != nil {
		return nil, fmt.Errorf("read a file for an export: %w", err)
	}
	return ExportPiece{data}, nil
}
