package seal

import (
	"errors"
	"fmt"
)

// ErrViewed is returned when something would be added to or forgotten from a keybook that was opened for reading.
var ErrViewed = errors.New("the keybook was opened for reading")

// viewTries is how often View reads again when the keybook changed under it.
const viewTries = 5

// View opens a keybook for reading alone. It mends nothing and finishes nothing, so it may be used beside the process that
// owns the keybook; it knows the keys of one moment. It returns ErrMissing or ErrDamaged, naming the file.
func View(dir string, root Root) (k *Keybook, err error) {
	for range viewTries {
		if k, err = view(dir, root); err == nil || errors.Is(err, ErrMissing) {
			break
		}
	}
	return k, err
}

func view(dir string, root Root) (*Keybook, error) {
	keys, err := root.Load()
	if err != nil {
		return nil, err
	}
	if len(keys) == 0 || len(keys[0]) != rootSize {
		return nil, fmt.Errorf("root key of the keybook %s: %w", dir, ErrMissing)
	}
	k := &Keybook{disk: osDisk{}, dir: dir, root: root, stopped: ErrViewed}
	copy(k.rootKey[:], keys[0])
	found, err := k.search()
	if err != nil {
		return nil, err
	}
	k.pages, k.where = found.pages, index(found.pages)
	return k, k.expandServer()
}
