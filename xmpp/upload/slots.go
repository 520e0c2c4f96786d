package upload

import (
	"crypto/rand"
	"sync"
	"time"

	"protokoll/schemas"
)

// slot is the leave to put one file.
type slot struct {
	owner     schemas.OwnerID
	entity    schemas.EntityID
	id        fileID
	name      string
	mediaType string // plainType where the client did not say
	typed     bool   // it did
	size      int64
	purpose   schemas.UploadPurpose
	before    time.Time // FOR_LIMITED: not to be had from then on
	until     time.Time // the file must have begun to come
	secret    string
	busy      bool // it is coming
}

// slots holds those that are open. They lie in memory only: a restart ends them.
type slots struct {
	mu     sync.Mutex
	open   map[string]*slot // by secret
	queue  []*slot          // in the order of their ends, used ones included
	owners map[schemas.OwnerID]*pending
}

// pending is what an account may still put.
type pending struct {
	count int
	bytes map[bool]int64 // by whether they are kept
	files map[bool]int
}

func newSlots() *slots {
	return &slots{open: map[string]*slot{}, owners: map[schemas.OwnerID]*pending{}}
}

// pendingOf returns how many files of a kind an account may still put, and their size.
func (t *slots) pendingOf(o schemas.OwnerID, kept bool, now time.Time) (files int, bytes int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.expire(now)
	if p := t.owners[o]; p != nil {
		return p.files[kept], p.bytes[kept]
	}
	return 0, 0
}

// add opens a slot and gives it its secret; false where there are too many.
func (t *slots) add(s *slot, now time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.expire(now)
	p := t.owners[s.owner]
	if len(t.open) >= MaxSlotsInAll || p != nil && p.count >= MaxSlots {
		return false
	}
	if p == nil {
		p = &pending{bytes: map[bool]int64{}, files: map[bool]int{}}
		t.owners[s.owner] = p
	}
	s.secret, s.until = rand.Text(), now.Add(SlotLife)
	t.open[s.secret] = s
	t.queue = append(t.queue, s)
	k := kept(s.purpose)
	p.count, p.files[k], p.bytes[k] = p.count+1, p.files[k]+1, p.bytes[k]+s.size
	return true
}

// take finds the slot of a secret for one attempt to put its file. It returns nil, busy for one whose file is coming already.
func (t *slots) take(secret string, now time.Time) (s *slot, busy bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.expire(now)
	s = t.open[secret]
	if s == nil || s.busy {
		return nil, s != nil
	}
	s.busy = true
	return s, false
}

// give ends an attempt: the slot is used up, or waits for another one until its time is over.
func (t *slots) give(s *slot, used bool, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	s.busy = false
	if used || !now.Before(s.until) {
		t.remove(s)
	}
}

// expire removes slots whose time is over. The caller holds the lock.
func (t *slots) expire(now time.Time) {
	for len(t.queue) > 0 && !now.Before(t.queue[0].until) {
		if s := t.queue[0]; !s.busy {
			t.remove(s)
		}
		t.queue[0] = nil
		t.queue = t.queue[1:]
	}
}

// remove closes a slot. The caller holds the lock.
func (t *slots) remove(s *slot) {
	if t.open[s.secret] != s {
		return
	}
	delete(t.open, s.secret)
	p, k := t.owners[s.owner], kept(s.purpose)
	p.count, p.files[k], p.bytes[k] = p.count-1, p.files[k]-1, p.bytes[k]-s.size
	if p.count == 0 {
		delete(t.owners, s.owner)
	}
}
