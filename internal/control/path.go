package control

import (
	"fmt"
	"os"
	"path/filepath"
)

// maxSocketPath is what fits into sockaddr_un, less the ending NUL. unix(7).
const maxSocketPath = 107

// withSocketPath calls fn with a path to the socket that is short enough for the kernel, whatever the folder's name is.
func withSocketPath(folder string, fn func(path string) error) error {
	path := filepath.Join(folder, socketName)
	if len(path) <= maxSocketPath {
		return fn(path)
	}
	f, err := os.Open(folder)
	if err != nil {
		return fmt.Errorf("open the data folder: %w", err)
	}
	defer f.Close()
	return fn(fmt.Sprintf("/proc/self/fd/%d/%s", f.Fd(), socketName))
}
