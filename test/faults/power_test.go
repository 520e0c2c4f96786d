package faults

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"protokoll/test/server"
)

// cuts is how often TestPowerCut cuts the power, unless PROTOKOLL_CUTS says otherwise.
const cuts = 8

// TestPowerCut covers F10 to F14, F38 to F41 and F46 on the whole server: everything that it does to its files under load, while the
// operator works, is written down, and what the disk had durably at a random moment is put in place of the folder: all that no
// sync covered is lost, or any part of it. The promises are checked as after a kill, but no session can be resumed.
func TestPowerCut(t *testing.T) {
	s, target := start(t, server.Options{Accounts: castAccounts})
	given := seed(t)
	c, r := newCast(t, target, given), choices(given, 4000)
	c.powerless.Store(true)
	k := newKeeper(t, c, s)
	must(t, c.arrive())
	must(t, c.shower.befriend())
	must(t, k.sign())
	must(t, s.Stop())
	tally := map[string]int{}
	for round := range number(t, "PROTOKOLL_CUTS", cuts) {
		l := []loss{allLost, someLost, someLost}[r.IntN(3)]
		if err := c.powerCut(k, s, l, round, r); err != nil {
			t.Fatalf("cut %d, loss %d: %s\n%s\n%s", round+1, l, tail(err.Error(), 2500), c.book.totals(), k.totals())
		}
		tally[[]string{"all unsynced lost", "some unsynced lost"}[l]]++
	}
	t.Logf("%s; %s; %s", counted(tally), k.totals(), c.book.totals())
}

// powerCut starts a server that is down, lets everybody act, cuts the power, starts again, checks, and stops.
func (c *cast) powerCut(k *keeper, s *server.Server, l loss, round uint64, r *rand.Rand) error {
	disk, err := newPlatter(s.Data)
	if err != nil {
		return err
	}
	notes := filepath.Join(k.folder, "recording")
	s.Wrap = recording(notes)
	err = s.Again()
	s.Wrap = nil
	if err != nil {
		return err
	}
	if err := c.arrive(); err != nil {
		return err
	}
	acting := c.act(round)
	acting.Go(func() { k.works(choices(c.seed+round, 5000)) })
	time.Sleep(2 * loaded(r)) // the random moment
	k.over.Store(true)
	if err := killTraced(s); err != nil {
		return err
	}
	acting.Wait()
	k.over.Store(false)
	if err := play(disk, notes); err != nil {
		return fmt.Errorf("read the recording: %w", err)
	}
	if err := disk.cut(l, r); err != nil {
		return err
	}
	if err := k.keyless(s.Data); err != nil {
		return err
	}
	if err := s.Again(); err != nil {
		return err
	}
	if err := errors.Join(c.check(s), k.check()); err != nil {
		return err
	}
	return s.Stop()
}

// killTraced kills a server under its tracer, and waits until the tracer has written all and ended.
func killTraced(s *server.Server) error {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", s.PID(), s.PID()))
	if err != nil {
		return err
	}
	pid, err := strconv.Atoi(strings.Fields(string(text) + " 0")[0])
	if err != nil || pid == 0 {
		return errors.New("the tracer has no child")
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		return err
	}
	if !until(server.StopPatience, func() bool { return !s.Alive() }) {
		return errors.New("the tracer does not end")
	}
	return nil
}

// TestRecordingIsWhole shows that a recording misses nothing: played without loss it gives the folder that a kill left, byte by byte.
func TestRecordingIsWhole(t *testing.T) {
	t.Parallel()
	s, target := start(t, server.Options{Accounts: 2})
	k := newKeeper(t, &cast{target: target}, s)
	must(t, s.Stop())
	disk, err := newPlatter(s.Data)
	must(t, err)
	notes := filepath.Join(k.folder, "recording")
	s.Wrap = recording(notes)
	must(t, s.Again())
	s.Wrap = nil
	sender, _ := client(target, "user1", "pen")
	online(t, sender, available)
	for i := range 20 {
		say(t, sender, "user2@"+target.Domain, fmt.Sprintf("m%d", i))
	}
	k.open()
	for _, args := range [][]string{{"retention", "run", "--yes"}, {"backup", filepath.Join(k.folder, "backup")}} {
		_, err := s.Command(args...)
		must(t, err)
	}
	must(t, killTraced(s))
	sender.lost()
	must(t, play(disk, notes))
	must(t, filepath.WalkDir(s.Data, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() || !disk.mine(path) {
			return err
		}
		data, err := os.ReadFile(path)
		if f := disk.find(path); f == nil || !bytes.Equal(data, f.left(nothingLost, nil)) {
			t.Errorf("%s was not recorded as it is", path)
		}
		return err
	}))
	disk.top.each(s.Data, func(path string) {
		if _, err := os.Stat(path); err != nil {
			t.Errorf("recorded, but not there: %v", err)
		}
	})
}

// each calls fn with the path of everything that processes see in a folder.
func (f *inode) each(path string, fn func(string)) {
	for name, below := range f.names {
		fn(filepath.Join(path, name))
		below.each(filepath.Join(path, name), fn)
	}
}
