package node

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// ErrInUse is returned when another process uses the data folder.
var ErrInUse = errors.New("the data folder is in use")

// ErrOtherUser is returned when the store's files belong to another user than the one who runs the command.
var ErrOtherUser = errors.New("the data folder belongs to another user")

// ownFiles refuses to work as somebody else than the user whose store it is: what root writes on a stopped folder, the server
// could not read at its next start.
func ownFiles(folder string, user int) error {
	var stat unix.Stat_t
	err := unix.Stat(filepath.Join(folder, "root.key"), &stat)
	switch {
	case errors.Is(err, unix.ENOENT):
		return nil // no store yet, or one that prepare will refuse
	case err != nil:
		return fmt.Errorf("look at the data folder: %w", err)
	case int(stat.Uid) != user:
		return fmt.Errorf("%s: %w: run this as user id %d, not %d", folder, ErrOtherUser, stat.Uid, user)
	}
	return nil
}

// lock takes the folder for this process. The kernel gives it back however the process ends.
func lock(folder string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(folder, "lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock the data folder: %w", err)
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		defer f.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			return nil, fmt.Errorf("%s: %w%s", folder, ErrInUse, holder(f))
		}
		return nil, fmt.Errorf("lock the data folder: %w", err)
	}
	if err := errors.Join(f.Truncate(0), writeAt(f, strconv.Itoa(os.Getpid())+"\n")); err != nil {
		return nil, errors.Join(fmt.Errorf("lock the data folder: %w", err), f.Close())
	}
	return f, nil
}

func writeAt(f *os.File, text string) error {
	_, err := f.WriteAt([]byte(text), 0)
	return err
}

func holder(f *os.File) string {
	var buf [16]byte
	n, _ := f.ReadAt(buf[:], 0)
	if pid := strings.TrimSpace(string(buf[:n])); pid != "" {
		return " by process " + pid
	}
	return ""
}
