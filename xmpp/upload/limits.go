package upload

import (
	"errors"
	"time"

	"protokoll/schemas"
)

// Limits bounds what people may put here. Zero values mean the defaults. Sizes in bytes.
type Limits struct {
	FileBytes  int64 // the largest file
	Files      int   // of one account, sent in messages or for a limited time
	TotalBytes int64 // of them together
	KeptFiles  int   // of one account, published for good, for its profile or otherwise
	KeptBytes  int64 // of them together
	Reserve    int64 // free room on the disk below which nothing is taken
}

// The defaults of Limits.
const (
	DefaultFileBytes  = 100 << 20
	DefaultFiles      = 1_000
	DefaultTotalBytes = 1 << 30
	DefaultKeptFiles  = 50
	DefaultKeptBytes  = 20 << 20
	DefaultReserve    = 256 << 20
)

// Limits that are not settings.
const (
	// SlotLife is how long a slot waits for its file. XEP-0363 §8
	SlotLife = 5 * time.Minute
	// MaxSlots is how many slots an account may have open.
	MaxSlots = 20
	// MaxSlotsInAll is how many there may be at all: they lie in memory.
	MaxSlotsInAll = 20_000
	// MaxName is how long the name of a file may be, in bytes of UTF-8; longer ones are cut.
	MaxName = 200
	// MaxMediaType is how long a media type may be, in bytes.
	MaxMediaType = 120
	// MaxPuts and MaxGets are how many files may be on their way at once: each takes 200 KB of memory.
	MaxPuts, MaxGets = 256, 512
	// Stall is how long a client may keep the server waiting for the next bytes.
	Stall = 30 * time.Second
	// MinRate is how many bytes a second a client must manage in the long run, after the first Stall.
	MinRate = 8 << 10
)

func (l Limits) withDefaults() Limits {
	or := func(v *int64, d int64) {
		if *v == 0 {
			*v = d
		}
	}
	or(&l.FileBytes, DefaultFileBytes)
	or(&l.TotalBytes, DefaultTotalBytes)
	or(&l.KeptBytes, DefaultKeptBytes)
	or(&l.Reserve, DefaultReserve)
	if l.Files == 0 {
		l.Files = DefaultFiles
	}
	if l.KeptFiles == 0 {
		l.KeptFiles = DefaultKeptFiles
	}
	return l
}

// errFull is returned where a file would be more than its account may have.
var errFull = errors.New("the account's room for files is used up")

// room is what one account may have of one kind of files.
type room struct {
	files int
	bytes int64
}

// roomFor returns the limits of files of a purpose.
func (l Limits) roomFor(p schemas.UploadPurpose) room {
	if kept(p) {
		return room{l.KeptFiles, l.KeptBytes}
	}
	return room{l.Files, l.TotalBytes}
}

// largest returns the size of the largest file of a purpose.
func (l Limits) largest(p schemas.UploadPurpose) int64 {
	if kept(p) {
		return min(l.FileBytes, l.KeptBytes)
	}
	return l.FileBytes
}

// kept tells whether files of a purpose are published for good.
func kept(p schemas.UploadPurpose) bool {
	return p == schemas.UploadPurpose_FOR_PROFILE || p == schemas.UploadPurpose_FOR_PERMANENT
}
