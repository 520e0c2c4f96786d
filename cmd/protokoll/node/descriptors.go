package node

import (
	"fmt"

	"golang.org/x/sys/unix"

	"protokoll/xmpp/stream"
)

// keptDescriptors is how many descriptors connections of clients leave to the log, the state, directories, commands and to what
// is being accepted.
const keptDescriptors = 512

// openFiles returns how many descriptors the process may have. Go has raised the limit as far as it could.
func openFiles() (uint64, error) {
	var l unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &l); err != nil {
		return 0, fmt.Errorf("ask for the limit of open files: %w", err)
	}
	return l.Cur, nil
}

// streamsFor returns how many streams a process with so many descriptors serves: a client too many is turned away, a log that
// cannot open a file stops everything.
func streamsFor(descriptors uint64) int {
	kept := min(keptDescriptors, descriptors/2)
	return int(min(descriptors-kept, stream.DefaultStreams))
}
