package addresses

import (
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"protokoll/test/server"
)

// source is an address that clients connect from.
type source struct {
	ip netip.Addr
	to string // the address that they dial
}

var sources = []source{
	{netip.MustParseAddr("127.83.201.9"), "127.0.0.1"}, // the server listens on [::] and sees it IPv4-mapped
	{netip.MustParseAddr("127.99.187.41"), "127.0.0.1"},
	{netip.MustParseAddr("fd83:c909:5ca1:ab1e::bad:cafe"), "::1"},
}

// planted are addresses that are put where the search must find them.
var planted = netip.MustParseAddr("127.211.37.90")

// inside marks the process that has the network namespace.
const inside = "PROTOKOLL_TEST_NAMESPACE"

// program is the server with the trap.
var program string

func TestMain(m *testing.M) {
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func run(m *testing.M) (int, error) {
	if os.Getenv(inside) == "" {
		return unshare()
	}
	if err := addresses(); err != nil {
		return 1, fmt.Errorf("the addresses of the namespace: %w", err)
	}
	dir, err := os.MkdirTemp("", "protokoll-addresses-")
	if err != nil {
		return 1, err
	}
	defer os.RemoveAll(dir)
	if program, err = build(dir); err != nil {
		return 1, err
	}
	return m.Run(), nil
}

// unshare runs the test once more where it is alone with the network.
func unshare() (int, error) {
	cmd := exec.Command("/proc/self/exe", os.Args[1:]...)
	cmd.Env = append(os.Environ(), inside+"=1")
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET, Pdeathsig: syscall.SIGKILL}
	if os.Geteuid() != 0 {
		cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}}
	}
	err := cmd.Run()
	if exit, ok := err.(*exec.ExitError); ok {
		return exit.ExitCode(), nil
	}
	return 0, err
}

// addresses brings the loopback interface up and gives it the IPv6 source. 127.0.0.0/8 is its own already.
func addresses() error {
	fd, err := unix.Socket(unix.AF_INET6, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	lo, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	lo.SetUint16(unix.IFF_UP | unix.IFF_LOOPBACK | unix.IFF_RUNNING)
	if err := unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, lo); err != nil {
		return fmt.Errorf("bring lo up: %w", err)
	}
	for _, s := range sources {
		if s.ip.Is4() {
			continue
		}
		request := struct { // struct in6_ifreq, netdevice(7) and linux/ipv6.h
			address [16]byte
			prefix  uint32
			index   int32
		}{s.ip.As16(), 128, 1}
		if _, _, e := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), unix.SIOCSIFADDR, uintptr(unsafe.Pointer(&request))); e != 0 {
			return fmt.Errorf("add an IPv6 address: %w", e)
		}
	}
	return nil
}

// trap is the handler that the overlay puts in the place of the pong.
const trap = `package features

import (
	"encoding/xml"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
)

// Kept is something that a heap dump must show.
var Kept []string

func trap(q *Request) (Reply, error) {
	var p struct {
		Trap string ` + "`xml:\"trap,attr\"`" + `
		File string ` + "`xml:\"file,attr\"`" + `
	}
	if err := xml.Unmarshal(q.Frame.Payload().Raw, &p); err != nil {
		return Reply{}, err
	}
	switch p.Trap {
	case "panic":
		panic(fmt.Sprintf("%v %+v", q.From, q.Session))
	case "keep":
		Kept = append(Kept, p.File)
	case "dump":
		f, err := os.Create(p.File)
		if err != nil {
			return Reply{}, err
		}
		defer f.Close()
		for range 3 {
			runtime.GC()
		}
		debug.WriteHeapDump(f.Fd())
	}
	return Reply{}, nil
}
`

// build builds the server with the trap.
func build(dir string) (string, error) {
	root, err := server.Root()
	if err != nil {
		return "", err
	}
	features := filepath.Join(root, "xmpp", "features")
	ping, err := os.ReadFile(filepath.Join(features, "ping.go"))
	if err != nil {
		return "", err
	}
	const pong = "pong := func(*Request) (Reply, error) { return Reply{}, nil }"
	if !strings.Contains(string(ping), pong) {
		return "", fmt.Errorf("ping.go does not hold %q: the overlay fits no more", pong)
	}
	changed, extra, overlay := filepath.Join(dir, "ping.go"), filepath.Join(dir, "trap.go"), filepath.Join(dir, "overlay.json")
	for path, text := range map[string]string{
		changed: strings.Replace(string(ping), pong, "pong := trap", 1), extra: trap,
		overlay: fmt.Sprintf(`{"Replace": {%q: %q, %q: %q}}`, filepath.Join(features, "ping.go"), changed, filepath.Join(features, "trap.go"), extra),
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			return "", err
		}
	}
	out := filepath.Join(dir, "protokoll")
	cmd := exec.Command("go", "build", "-overlay", overlay, "-o", out, "./cmd/protokoll")
	cmd.Dir = root
	if text, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building: %w\n%s", err, text)
	}
	return out, nil
}
