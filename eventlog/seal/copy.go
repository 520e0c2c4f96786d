package seal

import (
	"crypto/rand"
	"fmt"
)

// CopyTo writes the keybook as it is at this moment into a folder that holds none, under page keys and a root key of its own.
// What is forgotten here later still opens with the copy: it must be kept for a shorter time than what is sealed with it, and
// in another place. Keys of segments for which with is false are left out; nil takes all. It returns ErrExists as Create does,
// and when it returns the copy is on disk.
func (k *Keybook) CopyTo(dir string, root Root, with func(SegmentID) bool) error {
	c, err := blank(k.disk, dir, root)
	if err != nil {
		return err
	}
	k.commits.Lock()
	defer k.commits.Unlock()
	staged := map[uint32]*page{}
	for _, p := range k.pages {
		if p == nil {
			continue
		}
		left := map[ref]bool{}
		if p.kind == kindSegment && with != nil {
			for _, e := range p.entries {
				left[ref{p.kind, e.id}] = !with(e.id)
			}
		}
		if q := p.without(left); len(q.entries) > 0 {
			staged[p.number] = q
		}
	}
	var key [32]byte
	rand.Read(key[:])
	if err := c.commit(staged, &key); err != nil {
		return fmt.Errorf("copy the keybook: %w", err)
	}
	return nil
}
