package jetstream

import (
	"os"
	"os/exec"
	"testing"
)

// childVariable names the function that this test program runs instead of the tests when it starts itself again.
const childVariable = "PROTOKOLL_JETSTREAM_CHILD"

var children = map[string]func(args []string) error{
	"appenders":      appendersChild,
	"marker":         markerChild,
	"full disk":      fullDiskChild,
	"outcomes":       outcomesChild,
	"sweepers":       sweepersChild,
	"no descriptors": noDescriptorsChild,
}

func TestMain(m *testing.M) {
	run, ok := children[os.Getenv(childVariable)]
	if !ok {
		os.Exit(m.Run())
	}
	if err := run(os.Args[1:]); err != nil {
		os.Stderr.WriteString("child: " + err.Error() + "\n")
		os.Exit(1)
	}
	os.Exit(0)
}

// child is this test program as another process that runs one of children.
func child(t testing.TB, name string, args ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self, args...)
	cmd.Env = append(os.Environ(), childVariable+"="+name)
	cmd.Stderr = os.Stderr
	return cmd
}
