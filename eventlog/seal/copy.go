package seal

import (
	"crypto/rand"
	"fmt"
)

// CopyTo writes the keybook as it is at this moment into a folder that holds none, under page keys and a root key of its own.
// What is forgotten here later still opens with the copy: it must be kept for a shorter time than what is sealed with it, and
// in another place. It returns ErrExists as Create does, and when it returns the copy is on disk.
func (k *Keybook) CopyTo(dir string, root Root) error {
	c, err := blank(k.disk, dir, root)
	if err != nil {
		return err
	}
	k.commits.Lock()
	defer k.commits.Unlock()
	staged := map[uint32]*page{}
	for _, p := range k.pages {
		if p != nil {
			staged[p.number] = p.without(nil)
		}
	}
	var key [32]byte
	rand.Read(key[:])
	if err := c.commit(staged, &key); err != nil {
		return fmt.Errorf("copy the keybook: %w", err)
	}
	return nil
}
