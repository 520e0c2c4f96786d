package faults

import (
	"bufio"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

// recorded are the system calls that tell what a process does to its files.
const recorded = "trace=openat,close,lseek,write,pwrite64,fsync,fdatasync,ftruncate,truncate,renameat,renameat2,unlinkat,mkdirat,linkat," +
	"writev,pwritev,pwritev2,fallocate,copy_file_range,sendfile,rename,unlink,mkdir,rmdir,link"

// recording is the command that runs a server and writes down all of them, with what was written.
func recording(file string) []string {
	return []string{"strace", "-f", "--seccomp-bpf", "-qq", "-y", "-xx", "-s", "16777216", "-o", file, "-e", recorded, "-e", "signal=none"}
}

// player follows a recording.
type player struct {
	*platter
	begun map[string]string // by thread: the first half of a call that others interrupted
	syncs map[string]int    // by thread: what the sync that runs covers
	open  map[string]*file  // by descriptor
}

// file is an open one.
type file struct {
	at     int64
	append bool
}

var (
	lineBegun   = regexp.MustCompile(`^(\d+) +(.*) <unfinished \.\.\.>$`)
	lineResumed = regexp.MustCompile(`^(\d+) +<\.\.\. \w+ resumed>(.*)$`)
	lineWhole   = regexp.MustCompile(`^(\d+) +(\w+)\((.*)\) += (-?\d+)`)
	argument    = regexp.MustCompile(`"([^"]*)"|(-?\w+)<([^>]*)>|([^, ]+)`)
)

// play applies a recording to what was on the disk when it began.
func play(p *platter, recording string) error {
	f, err := os.Open(recording)
	if err != nil {
		return err
	}
	defer f.Close()
	pl := player{platter: p, begun: map[string]string{}, syncs: map[string]int{}, open: map[string]*file{}}
	for in := bufio.NewReader(f); ; {
		line, err := in.ReadString('\n')
		if err == io.EOF {
			return nil // what is not a whole line was cut off by the kill
		}
		if err != nil {
			return err
		}
		if err := pl.line(strings.TrimSuffix(line, "\n")); err != nil {
			return fmt.Errorf("%.200s: %w", line, err)
		}
	}
}

func (p *player) line(line string) error {
	if m := lineBegun.FindStringSubmatch(line); m != nil {
		p.begun[m[1]] = m[2]
		p.begin(m[1], m[2])
		return nil
	}
	if m := lineResumed.FindStringSubmatch(line); m != nil {
		first, ok := p.begun[m[1]]
		delete(p.begun, m[1])
		if !ok {
			return nil // the tracer came in the middle of it
		}
		return p.whole(m[1] + " " + first + m[2])
	}
	if m := lineWhole.FindStringSubmatch(line); m != nil {
		p.begin(m[1], m[2]+"("+m[3])
	}
	return p.whole(line)
}

// begin notes what a sync covers: what was written before it began. A descriptor is free as soon as its closing begins.
func (p *player) begin(thread, call string) {
	name, rest, _ := strings.Cut(call, "(")
	switch name {
	case "fsync", "fdatasync":
		if args := arguments(rest); len(args) > 0 {
			p.syncs[thread] = p.platter.begun(args[0].path)
		}
	case "close":
		if args := arguments(rest); len(args) > 0 {
			delete(p.open, args[0].text)
		}
	}
}

// value is one argument: a text, a descriptor with its path, or a word.
type value struct{ text, path string }

func arguments(s string) (all []value) {
	for _, m := range argument.FindAllStringSubmatch(s, -1) {
		switch {
		case m[2] != "":
			all = append(all, value{text: m[2], path: unhex(m[3])})
		case m[4] != "":
			all = append(all, value{text: m[4]})
		default:
			all = append(all, value{text: unhex(m[1])})
		}
	}
	return all
}

// unhex reads \x41\x42; other texts are what they are.
func unhex(s string) string {
	if !strings.HasPrefix(s, `\x`) {
		return s
	}
	b, err := hex.DecodeString(strings.ReplaceAll(s, `\x`, ""))
	if err != nil {
		return s
	}
	return string(b)
}

// join is the path that a folder's descriptor and a name mean together.
func join(dir, name value) string {
	if filepath.IsAbs(name.text) {
		return name.text
	}
	return filepath.Join(dir.path, name.text)
}

// whole applies a call that ended.
func (p *player) whole(line string) error {
	m := lineWhole.FindStringSubmatch(line)
	if m == nil {
		return nil // the end of a thread
	}
	result, err := strconv.ParseInt(m[4], 10, 64)
	if err != nil || result < 0 {
		return err
	}
	return p.call(m[1], m[2], arguments(m[3]), result)
}

func (p *player) call(thread, name string, args []value, result int64) error {
	number := func(i int) int64 {
		n, _ := strconv.ParseInt(args[i].text, 10, 64) // strace writes them
		return n
	}
	switch name {
	case "openat":
		p.opened(join(args[0], args[1]), args[2].text, strconv.FormatInt(result, 10))
	case "close": // begin has seen it
	case "lseek":
		if f := p.open[args[0].text]; f != nil {
			f.at = result
		}
	case "write":
		p.written(args[0], args[1].text[:min(int64(len(args[1].text)), result)])
	case "pwrite64":
		p.change(args[0].path, change{at: number(3), data: []byte(args[1].text[:min(int64(len(args[1].text)), result)])})
	case "ftruncate":
		p.change(args[0].path, change{at: number(1)})
	case "fallocate":
		p.punched(args[0].path, args[1].text, number(2), number(3))
	case "fsync", "fdatasync":
		p.sync(args[0].path, p.syncs[thread])
	case "renameat", "renameat2":
		p.rename(join(args[0], args[1]), join(args[2], args[3]))
	case "unlinkat":
		p.remove(join(args[0], args[1]))
	case "mkdirat":
		p.create(join(args[0], args[1]), true)
	default:
		for _, a := range args {
			if p.mine(a.path) || p.mine(a.text) {
				return fmt.Errorf("%s is not understood", name)
			}
		}
	}
	return nil
}

func (p *player) opened(path, flags, descriptor string) {
	p.open[descriptor] = &file{append: strings.Contains(flags, "O_APPEND")}
	if strings.Contains(flags, "O_CREAT") {
		p.create(path, false)
	}
	if strings.Contains(flags, "O_TRUNC") {
		p.change(path, change{})
	}
}

// written is a write where the file stands.
func (p *player) written(to value, data string) {
	f, on := p.open[to.text], p.find(to.path)
	if f == nil || on == nil {
		return
	}
	if f.append {
		f.at = on.size()
	}
	p.change(to.path, change{at: f.at, data: []byte(data)})
	f.at += int64(len(data))
}

// punched is room that was made sure of, or given back: what was there reads as zeros.
func (p *player) punched(path, mode string, at, length int64) {
	f := p.find(path)
	if f == nil {
		return
	}
	end, size := at+length, f.size()
	if strings.Contains(mode, "KEEP_SIZE") {
		end = min(end, size)
	}
	switch {
	case strings.Contains(mode, "PUNCH_HOLE") && at < end:
		p.change(path, change{at: at, data: make([]byte, end-at)})
	case end > size:
		p.change(path, change{at: end})
	}
}

// size is how long a file is, synced or not.
func (f *inode) size() int64 {
	size := int64(len(f.synced))
	for _, c := range f.changes {
		if c.data == nil {
			size = c.at
		} else {
			size = max(size, c.at+int64(len(c.data)))
		}
	}
	return size
}
