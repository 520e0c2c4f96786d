package control

import (
	"encoding/json"
	"errors"
)

const (
	// MaxRequest is the largest request, in bytes.
	MaxRequest = 16 << 20
	socketName = "control.sock"
)

// ErrNotRunning is returned when no server listens in the data folder.
var ErrNotRunning = errors.New("no server runs on this data folder")

// Progress tells how far a command is.
type Progress struct {
	Step  string `json:"step"`
	Done  uint64 `json:"done"`
	Total uint64 `json:"total"` // 0: not known
}

type request struct {
	Command   string          `json:"command"`
	Arguments json.RawMessage `json:"arguments,omitempty"`
}

type answer struct {
	Progress *Progress       `json:"progress,omitempty"`
	Result   json.RawMessage `json:"result,omitempty"`
	Error    string          `json:"error,omitempty"`
}
