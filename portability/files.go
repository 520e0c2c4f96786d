package portability

import (
	"fmt"

	"protokoll/schemas"
)

// File is a file that the person uploaded. Its content lies beside the log; whoever writes the archive puts it under Path.
type File struct {
	Path   string // in the archive
	Size   int64  // bytes
	Entity schemas.EntityID
	Key    [32]byte
}

// uploaded is an event about a file.
type uploaded interface {
	GetId() []byte
	GetFileName() string
	GetSize() int64
	GetKey() []byte
}

// Files lists the files of the person, in the order of their facts. Names may come twice: a number goes before them.
func (h *Holding) Files() (all []File) {
	for _, fact := range h.Facts {
		u, ok := fact.Value.(uploaded)
		if !ok {
			continue
		}
		f := File{Path: fmt.Sprintf("uploads/%04d-%s", len(all)+1, u.GetFileName()), Size: u.GetSize()}
		f.Entity = h.Account.Owner.Entity(schemas.Family_UPLOAD_FACTS, fmt.Sprintf("%x", u.GetId()))
		copy(f.Key[:], u.GetKey())
		all = append(all, f)
	}
	return all
}
