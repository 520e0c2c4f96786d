package node

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// maxDeviceDepth bounds how many devices are looked through below a file system, such as a volume on a mirror on two disks.
const maxDeviceDepth = 8

// RootKey says how strong forgetting is: as strong as what holds the root key, which is a file in the data folder. enciphered
// tells whether all that lies below that file is known to be enciphered by the kernel (dm-crypt). DESIGN §7
func RootKey(folder string) (enciphered bool, err error) {
	var stat unix.Stat_t
	for err = unix.Stat(folder, &stat); errors.Is(err, unix.ENOENT); err = unix.Stat(folder, &stat) {
		parent := filepath.Dir(folder) // the first start will make it there
		if parent == folder {
			break
		}
		folder = parent
	}
	if err != nil {
		return false, fmt.Errorf("look at the data folder: %w", err)
	}
	device := fmt.Sprintf("dev/block/%d:%d", unix.Major(stat.Dev), unix.Minor(stat.Dev))
	return onCrypt(os.DirFS("/sys"), device, maxDeviceDepth), nil
}

// onCrypt tells whether a block device, named by its folder in sysfs, is a dm-crypt one or lies on such alone.
func onCrypt(sys fs.FS, device string, depth int) bool {
	if uuid, err := fs.ReadFile(sys, path.Join(device, "dm/uuid")); err == nil && strings.HasPrefix(string(uuid), "CRYPT-") {
		return true
	}
	slaves, err := fs.ReadDir(sys, path.Join(device, "slaves"))
	if err != nil || len(slaves) == 0 || depth == 0 {
		return false
	}
	for _, s := range slaves {
		if !onCrypt(sys, path.Join("class/block", s.Name()), depth-1) {
			return false
		}
	}
	return true
}
