package faults

import (
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"protokoll/test/server"
)

// damage is what a bad disk or a hasty hand does to one file.
type damage struct {
	name string
	do   func(file string, size int64, r *rand.Rand) error
}

var damages = []damage{
	{"a bit flipped in", func(file string, size int64, r *rand.Rand) error { return flip(file, r.Int64N(size), 1<<r.IntN(8)) }},
	{"the end cut off", func(file string, size int64, r *rand.Rand) error {
		return os.Truncate(file, size-1-r.Int64N(min(size, 4096)))
	}},
	{"the end garbled in", func(file string, size int64, r *rand.Rand) error {
		return flip(file, size-1-r.Int64N(min(size, 64)), 0xff)
	}},
	{"taken away:", func(file string, _ int64, _ *rand.Rand) error { return os.Remove(file) }},
}

func flip(file string, at int64, bits byte) error {
	f, err := os.OpenFile(file, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	b := []byte{0}
	if _, err := f.ReadAt(b, at); err != nil {
		return err
	}
	b[0] ^= bits
	_, err = f.WriteAt(b, at)
	return err
}

// targets lists the files below a data folder that have something to lose, those of the folders that hold facts.
func targets(data string) (files []string, err error) {
	for _, part := range []string{"log", "ledger", "keys", "state", "root.key"} {
		err = filepath.WalkDir(filepath.Join(data, part), func(path string, d fs.DirEntry, err error) error {
			if err != nil || !d.Type().IsRegular() {
				return err
			}
			info, err := d.Info()
			if err == nil && info.Size() > 0 {
				files = append(files, path)
			}
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return files, nil
}

// verdict is how damage was met.
type verdict string

const (
	refusedStart verdict = "refused at start"
	foundBy      verdict = "found by audit verify"
	repaired     verdict = "rebuilt or harmless"
)

// injure damages a copy of a stopped folder. The copy must refuse to start and name the place, or the verifier must name it, or
// nothing is lost: then the state is the same as without the damage, and the verifier is content.
func (k *keeper) injure(want string, r *rand.Rand) (verdict, error) {
	hurt := filepath.Join(k.folder, "hurt")
	defer os.RemoveAll(hurt)
	if err := duplicate(k.server.Data, hurt); err != nil {
		return "", err
	}
	files, err := targets(hurt)
	if err != nil {
		return "", err
	}
	file, damage := files[r.IntN(len(files))], damages[r.IntN(len(damages))]
	info, err := os.Stat(file)
	if err != nil {
		return "", err
	}
	name, err := filepath.Rel(hurt, file)
	if err != nil {
		return "", err
	}
	if err := damage.do(file, info.Size(), r); err != nil {
		return "", fmt.Errorf("damage %s: %w", name, err)
	}
	met, err := k.judge(want, hurt, name)
	if err != nil {
		return "", fmt.Errorf("%s %s: %w", damage.name, name, err)
	}
	return met, nil
}

// duplicate copies what a start needs.
func duplicate(data, to string) error {
	if err := os.Mkdir(to, 0o700); err != nil {
		return err
	}
	var parts []string
	for _, part := range []string{"log", "ledger", "keys", "state", "retention", "root.key", "orders"} {
		parts = append(parts, filepath.Join(data, part))
	}
	return copyFiles(to, parts...)
}

// unharmed is what `rebuild --check` says of a copy without damage.
func (k *keeper) unharmed() (string, error) {
	whole := filepath.Join(k.folder, "whole")
	defer os.RemoveAll(whole)
	if err := duplicate(k.server.Data, whole); err != nil {
		return "", err
	}
	out, err := k.plain("rebuild", "--check", "--data", whole)
	if err != nil {
		return "", fmt.Errorf("the copy that is whole: %w\n%s", err, out)
	}
	return out, nil
}

// judge starts a damaged copy.
func (k *keeper) judge(want, hurt, name string) (verdict, error) {
	got, err := k.plain("rebuild", "--check", "--data", hurt)
	if err != nil {
		return refusedStart, names(got, name)
	}
	if out, err := k.audit(hurt); err != nil {
		return foundBy, names(out, name)
	}
	if digest(got) == "" || digest(got) != digest(want) {
		return "", fmt.Errorf("it is served on silently; with it:\n%s\nwithout it:\n%s", got, want)
	}
	return repaired, nil
}

// sum is the digest of the state in what rebuild prints.
var sum = regexp.MustCompile(`[0-9a-f]{32,}`)

func digest(text string) string { return strings.Join(sum.FindAllString(text, -1), " ") }

// place says where something is: a file, a segment or a position of a lane, the keybook.
var place = regexp.MustCompile(`(now|inbox|lasting|archive|held|audit|proof)[ /.-]?|keybook|root key|ledger|checkpoint|\.blk|format`)

// names makes sure that a complaint says where the damage is.
func names(text, file string) error {
	if strings.Contains(text, filepath.Base(file)) || place.MatchString(text) {
		return nil
	}
	return fmt.Errorf("the complaint does not say where: %s", text)
}

// injuries is how often TestDamage damages a copy, unless PROTOKOLL_INJURIES says otherwise.
const injuries = 16

// quiet is how long a server that was started and is left alone needs to write down what it has to.
const quiet = 2 * time.Second

// TestDamage covers F16 to F19 on whole folders: what a server that was killed under load left behind is damaged in one place.
func TestDamage(t *testing.T) {
	t.Parallel()
	s, target := start(t, server.Options{Accounts: castAccounts})
	given := seed(t)
	c, r := newCast(t, target, given), choices(given, 3000)
	k := newKeeper(t, c, s)
	must(t, c.arrive())
	must(t, c.shower.befriend())
	must(t, k.sign())
	for range 4 {
		k.step(r)
	}
	acting := c.act(1)
	time.Sleep(loaded(r)) // the random moment
	_, err := s.Command("retention", "run", "--yes")
	must(t, err)
	must(t, k.sign())
	s.Kill()
	acting.Wait()
	again(t, s) // and killed at rest: what is damaged then is below every mark, and no crash tail
	time.Sleep(quiet)
	s.Kill()
	want, err := k.unharmed()
	must(t, err)
	tally := map[string]int{}
	for range number(t, "PROTOKOLL_INJURIES", injuries) {
		met, err := k.injure(want, r)
		if err != nil {
			t.Error(err)
			continue
		}
		tally[string(met)]++
	}
	t.Log(counted(tally))
}
