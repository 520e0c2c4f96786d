package seal

import (
	"bytes"
	"errors"
	"io/fs"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"slices"
)

// errPower is what every call gives after the power is cut.
var errPower = errors.New("power cut")

// errNoRoom stands for any error that the disk gives and lives on.
var errNoRoom = errors.New("no space left on device")

// faultDisk is a disk in memory that knows what a power cut would leave. Content is durable when Write returns, names when
// their folder is synced. Before the stopAt-th call it stops or fails.
type faultDisk struct {
	rnd     *rand.Rand
	calls   int
	stopAt  int  // 0: never
	fail    bool // the call fails, and the disk lives on
	dead    bool
	files   map[string]*inode // what the program sees
	durable map[string]*inode // what is on the platter under durable names
	pending []change          // names that are not durable yet, in order
}

// inode is a file without its name.
type inode struct{ data []byte }

// change is a name that appeared or vanished.
type change struct {
	dir      string
	old, now string // either may be empty; both: a rename
	file     *inode // under now
}

func newFaultDisk(seed uint64) *faultDisk {
	return &faultDisk{rnd: rand.New(rand.NewPCG(seed, 1)), files: map[string]*inode{}, durable: map[string]*inode{}}
}

// step counts a call and tells whether it happens.
func (d *faultDisk) step() error {
	if d.dead {
		return errPower
	}
	d.calls++
	if d.calls != d.stopAt {
		return nil
	}
	if d.fail {
		return errNoRoom
	}
	d.dead = true
	return errPower
}

// settle makes a change of names durable.
func (d *faultDisk) settle(c change) {
	if c.old != "" {
		delete(d.durable, c.old)
	}
	if c.now != "" {
		d.durable[c.now] = c.file
	}
}

// revive is the machine's next start: of the names that were not durable each one is there or not.
func (d *faultDisk) revive() {
	for _, c := range d.pending {
		if d.rnd.IntN(2) == 0 {
			d.settle(c)
		}
	}
	d.files = maps.Clone(d.durable)
	d.pending, d.dead, d.calls, d.stopAt = nil, false, 0, 0
}

func (d *faultDisk) List(dir string) ([]string, error) {
	if err := d.step(); err != nil {
		return nil, err
	}
	var names []string
	for name := range d.files {
		if filepath.Dir(name) == dir {
			names = append(names, filepath.Base(name))
		}
	}
	return names, nil
}

func (d *faultDisk) Read(name string) ([]byte, error) {
	if err := d.step(); err != nil {
		return nil, err
	}
	f, ok := d.files[name]
	if !ok {
		return nil, fs.ErrNotExist
	}
	return bytes.Clone(f.data), nil
}

func (d *faultDisk) Write(name string, data []byte) error {
	err := d.step()
	if err != nil && d.calls != d.stopAt {
		return err
	}
	f, ok := d.files[name]
	if !ok {
		f = &inode{}
		d.files[name] = f
		d.pending = append(d.pending, change{dir: filepath.Dir(name), now: name, file: f})
	}
	if err != nil {
		data = d.torn(f.data, data)
	}
	f.data = bytes.Clone(data)
	return err
}

// torn is what an interrupted write leaves: part of the new on the old, or noise.
func (d *faultDisk) torn(old, data []byte) []byte {
	content := bytes.Clone(old)
	cut := d.rnd.IntN(len(data) + 1)
	if len(content) < cut {
		content = append(content, make([]byte, cut-len(content))...)
	}
	copy(content, data[:cut])
	if d.rnd.IntN(3) == 0 && len(content) > 0 {
		content[d.rnd.IntN(len(content))] ^= 0xff
	}
	return content
}

func (d *faultDisk) Rename(old, name string) error {
	if err := d.step(); err != nil {
		return err
	}
	d.pending = append(d.pending, change{dir: filepath.Dir(name), old: old, now: name, file: d.files[old]})
	d.files[name] = d.files[old]
	delete(d.files, old)
	return nil
}

func (d *faultDisk) Remove(name string) error {
	if err := d.step(); err != nil {
		return err
	}
	delete(d.files, name)
	d.pending = append(d.pending, change{dir: filepath.Dir(name), old: name})
	return nil
}

func (d *faultDisk) Mkdir(string) error { return d.step() }

func (d *faultDisk) Sync(dir string) error {
	if err := d.step(); err != nil {
		return err
	}
	d.pending = slices.DeleteFunc(d.pending, func(c change) bool {
		if c.dir == dir {
			d.settle(c)
		}
		return c.dir == dir
	})
	return nil
}

// holds tells whether any durable file contains the bytes.
func (d *faultDisk) holds(needle []byte) bool {
	for _, f := range d.durable {
		if bytes.Contains(f.data, needle) {
			return true
		}
	}
	return false
}
