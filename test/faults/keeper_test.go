package faults

import (
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"protokoll/eventlog/seal"
	"protokoll/schemas"
	"protokoll/test/server"
	"protokoll/test/wire"
)

// keeper is the operator at work while the machine fails: it opens and erases accounts, lets the retention engine run, makes backups
// and keeps checkpoints elsewhere. What a command said is done must be so after every fault.
type keeper struct {
	cast    *cast
	server  *server.Server
	folder  string // outside the data folder
	secret  string // file with the password
	opened  int
	spare   map[string]standing
	signed  []string // files with checkpoints, oldest first
	backups int
	sweeps  int
	erased  int
	over    atomic.Bool       // the power is cut: what is done on the folder from now on does not count
	buried  []schemas.OwnerID // of accounts whose erasure was said to be done
}

// standing is what the keeper knows of an account.
type standing uint8

const (
	there   standing = iota + 1
	unclear          // a command about it was cut off
	gone             // erased, and said so
)

// mostSpare is how many accounts the keeper has at a time.
const mostSpare = 6

func newKeeper(t *testing.T, c *cast, s *server.Server) *keeper {
	k := &keeper{cast: c, server: s, folder: t.TempDir(), spare: map[string]standing{}}
	k.secret = filepath.Join(k.folder, "secret")
	must(t, os.WriteFile(k.secret, []byte(password+"\n"), 0o600))
	return k
}

// works does one thing after the other while the server lives. A command that finds it dead works on the folder itself.
func (k *keeper) works(r *rand.Rand) {
	for k.server.Alive() {
		k.step(r)
	}
}

// errCutOff is returned for a command that may have been carried out on the folder of a server that is gone.
var errCutOff = errors.New("the server is gone")

func (k *keeper) command(args ...string) (string, error) {
	out, err := k.server.Command(args...)
	if err == nil && k.over.Load() {
		err = errCutOff
	}
	return out, err
}

func (k *keeper) step(r *rand.Rand) {
	switch n := r.IntN(10); {
	case n < 3:
		k.open()
	case n < 5:
		k.erase(r)
	case n < 8:
		if _, err := k.command("retention", "run", "--yes"); err == nil {
			k.sweeps++
		}
	case n < 9:
		_ = k.sign() // the server may have been killed meanwhile
	default:
		if _, err := k.command("backup", filepath.Join(k.folder, "backup"), "--incremental"); err == nil {
			k.backups++
		}
	}
}

func (k *keeper) address(name string) string { return name + "@" + k.cast.target.Domain }

// open opens an account. One that a kill interrupted may be there or not.
func (k *keeper) open() {
	if len(k.now(there)) >= mostSpare {
		return
	}
	k.opened++
	name := fmt.Sprintf("spare%d", k.opened)
	k.spare[name] = unclear
	if _, err := k.command("account", "add", k.address(name), "--password-file", k.secret); err == nil {
		k.spare[name] = there
	}
}

func (k *keeper) erase(r *rand.Rand) {
	names := k.now(there)
	if len(names) == 0 {
		return
	}
	name := names[r.IntN(len(names))]
	owner, err := k.owner(name)
	if err != nil {
		return // the server was killed while it was asked
	}
	k.spare[name] = unclear
	if _, err := k.command("erase", k.address(name), "--yes", "--reason", "trial"); err == nil {
		k.spare[name] = gone
		k.buried = append(k.buried, owner)
		k.erased++
	}
}

// owner asks for an account's owner id.
func (k *keeper) owner(name string) (id schemas.OwnerID, err error) {
	out, err := k.command("account", "show", k.address(name))
	if err != nil {
		return id, err
	}
	for line := range strings.Lines(out) {
		if text, ok := strings.CutPrefix(line, "owner id"); ok {
			if n, err := hex.Decode(id[:], []byte(strings.TrimSpace(text))); err != nil || n != len(id) {
				return id, fmt.Errorf("owner id %q: %w", text, err)
			}
			return id, nil
		}
	}
	return id, fmt.Errorf("no owner id in %q", out)
}

// copyFiles copies files and folders into a folder.
func copyFiles(to string, from ...string) error {
	if out, err := exec.Command("cp", append([]string{"-a", "--sparse=always", "-t", to}, from...)...).CombinedOutput(); err != nil {
		return fmt.Errorf("copy: %w: %s", err, out)
	}
	return nil
}

// keyless looks into a copy of the keybook of a data folder that nobody uses: nobody whose erasure was said to be done has a key.
func (k *keeper) keyless(data string) error {
	dir, err := os.MkdirTemp(k.folder, "keys")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	roots, err := filepath.Glob(filepath.Join(data, "root.key*")) // the new one lies beside the old one while it is replaced
	if err != nil {
		return err
	}
	if err := copyFiles(dir, append(roots, filepath.Join(data, "keys"))...); err != nil {
		return err
	}
	book, err := seal.OpenKeybook(filepath.Join(dir, "keys"), seal.FileRoot(filepath.Join(dir, "root.key")))
	if err != nil {
		return fmt.Errorf("open the copy of the keybook: %w", err)
	}
	for _, id := range k.buried {
		if _, err := book.Owner(id); !errors.Is(err, seal.ErrForgotten) {
			return fmt.Errorf("the key of an erased owner: %v", err)
		}
	}
	return nil
}

// sign takes a checkpoint away from the machine.
func (k *keeper) sign() error {
	note, err := exec.Command(binary, "audit", "checkpoint", "--data", k.server.Data).Output()
	if err != nil {
		return err
	}
	if k.over.Load() {
		return errCutOff
	}
	file := filepath.Join(k.folder, fmt.Sprintf("checkpoint-%d", len(k.signed)))
	if err := os.WriteFile(file, note, 0o600); err != nil {
		return err
	}
	k.signed = append(k.signed, file)
	return nil
}

// now lists the accounts that stand so, in order, so that a seed means the same again.
func (k *keeper) now(s standing) (names []string) {
	for name, now := range k.spare {
		if now == s {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// check compares what the commands said with what is there: by signing in, and by the independent verifier with every checkpoint
// that left the machine.
func (k *keeper) check() error {
	for name, now := range k.spare {
		conn, _, err := wire.SignIn(k.cast.target, name, password)
		if err == nil {
			conn.Drop()
		}
		switch {
		case now == there && err != nil:
			return fmt.Errorf("%s was opened and cannot sign in: %w", name, err)
		case now == gone && err == nil:
			return fmt.Errorf("%s was erased and can sign in", name)
		case now == gone, now == unclear && err != nil:
			delete(k.spare, name) // as if it had never been: nothing more to be seen of it
		case now == unclear:
			k.spare[name] = there
		}
	}
	return k.verify()
}

func (k *keeper) verify() error {
	if out, err := k.audit(k.server.Data); err != nil {
		return fmt.Errorf("audit verify: %w\n%s", err, out)
	}
	return nil
}

// audit lets the verifier read a folder with every checkpoint that was taken.
func (k *keeper) audit(data string) (string, error) {
	args := []string{"audit", "verify", "--data", data}
	for _, file := range k.signed {
		args = append(args, "--checkpoint", file)
	}
	return k.plain(args...)
}

// plain runs a command that has no --data, or brings its own.
func (k *keeper) plain(args ...string) (string, error) {
	out, err := exec.Command(binary, args...).CombinedOutput()
	return string(out), err
}

// comeBack loses the machine after somebody was erased whom the last backup still holds: what is restored with the orders that
// were kept elsewhere knows of the erasure, and the verifier accepts it.
func (k *keeper) comeBack(r *rand.Rand) error {
	made, restored, orders := filepath.Join(k.folder, "backup"), filepath.Join(k.folder, "restored"), filepath.Join(k.folder, "orders")
	k.open()
	for _, step := range []func() (string, error){
		func() (string, error) { return k.server.Command("backup", made, "--incremental") },
		func() (string, error) { k.erase(r); return "", nil },
		func() (string, error) { return k.plain("backup", "verify", made) },
		func() (string, error) { return "", copyFiles(k.folder, filepath.Join(k.server.Data, "orders")) },
		func() (string, error) {
			return k.plain("restore", made, "--data", restored, "--orders", orders, "--yes")
		},
		func() (string, error) { return k.plain("rebuild", "--check", "--data", restored) },
		func() (string, error) { return k.plain("audit", "verify", "--data", restored) },
	} {
		if out, err := step(); err != nil {
			return fmt.Errorf("coming back from a backup: %w\n%s", err, out)
		}
	}
	return k.keyless(restored)
}

// totals says what was done, so that a run that did nothing is noticed.
func (k *keeper) totals() string {
	return fmt.Sprintf("keeper: %d accounts opened, %d erased, %d sweeps, %d backups, %d checkpoints",
		k.opened, k.erased, k.sweeps, k.backups, len(k.signed))
}
