package backup

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"protokoll/eventlog"
	"protokoll/eventlog/seal"
	"protokoll/internal/durable"
)

// Lanes are the lanes of a backup in the order in which they are held fast: proof last, so that it tells what became of
// everything that the others do not hold any more. Lane now is not among them. DESIGN §7.
var Lanes = []eventlog.Lane{eventlog.Inbox, eventlog.Lasting, eventlog.Archive, eventlog.Held, eventlog.Audit, eventlog.Proof}

// Source is a store that is backed up, in use or not.
type Source struct {
	Folder string // the data folder
	Log    eventlog.Sweeper
	Keys   *seal.Keybook
	// Before and After are files and folders to take along before and after the log: path in the backup → path on disk. A missing
	// one is left out, and what is in Before is not taken a second time.
	Before, After map[string]string
	// Secrets are files that go with the keys: path in the data folder → path on disk. They are not in After either.
	Secrets map[string]string
	Orders  func(context.Context) (Orders, error)
	Program string
	Clock   func() time.Time
	// Step, where it is set, is told of each of Steps before it is done; an error ends the backup there, as a kill would. For tests
	// of crashes.
	Step func(step string) error
}

// Steps lists the steps of a backup in their order. What any of them leaves undone makes the backup partial.
var Steps = []string{"folder", "before", "hold", "log", "after", "keys", "keys manifest", "orders", "manifest", "name"}

// Options say where a backup goes.
type Options struct {
	Dir         string // of backups; made if there is none
	KeysTo      string // where the keys go; empty: Dir
	Incremental bool   // link to what an earlier backup in Dir holds
}

// Progress is told how far a step is; total 0 means that it is not known.
type Progress func(step string, done, total uint64)

// Result is what was written.
type Result struct {
	Backup   string // folder
	Keys     string // folder
	Segments int
	Copied   int64 // bytes that were read and written
	Linked   int64 // bytes that an earlier backup held
}

// secretsFolder is where Source.Secrets lie beside the keys.
const secretsFolder = "secrets"

// Make writes a backup of everything that was acknowledged before it was called, but for lane now. The store may be in use. What it leaves when
// it fails is partial: it counts for nothing and the next Prune removes it.
func Make(ctx context.Context, s Source, o Options, progress Progress) (r Result, err error) {
	if o.KeysTo == "" {
		o.KeysTo = o.Dir
	}
	for _, dir := range []string{o.Dir, o.KeysTo} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return r, fmt.Errorf("make the folder of backups: %w", err)
		}
	}
	if s.Step == nil {
		s.Step = func(string) error { return nil }
	}
	release, err := lock(o.Dir)
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, release()) }()
	w := &writer{Source: s, Options: o, progress: progress, made: s.Clock().UTC(), known: map[string]known{}}
	defer w.release()
	if err := w.write(ctx); err != nil {
		return r, fmt.Errorf("back up: %w", err)
	}
	return w.result, nil
}

// writer writes one backup.
type writer struct {
	Source
	Options
	progress Progress
	made     time.Time
	dir      string
	known    map[string]known // blocks of earlier backups
	pins     []func()
	manifest Manifest
	result   Result
	total    uint64
}

// known is a file of an earlier backup.
type known struct {
	path string
	file File
}

func (w *writer) write(ctx context.Context) error {
	w.manifest = Manifest{Format: format, Program: w.Program, Made: w.made.UnixMilli(), Incremental: w.Incremental,
		Keys: keysPrefix + w.made.Format(timeForm), Marks: map[string]uint64{}}
	for _, l := range eventlog.Lanes {
		w.manifest.Marks[l.String()] = w.Log.Mark(l)
	}
	w.dir = filepath.Join(w.Dir, backupPrefix+w.made.Format(timeForm))
	if err := w.Step("folder"); err != nil {
		return err
	}
	if err := os.Mkdir(w.dir, 0o700); err != nil {
		return err
	}
	if w.Incremental {
		if err := w.remember(); err != nil {
			return err
		}
	}
	// What counts the ledger's hashes goes before the log, the hashes after it: a ledger that knows less than the log catches up.
	for _, step := range []func(context.Context) error{
		func(ctx context.Context) error { return w.extras(ctx, "before", w.Before) }, w.log,
		func(ctx context.Context) error { return w.extras(ctx, "after", w.After) }, w.keys,
	} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	if err := w.Step("manifest"); err != nil {
		return err
	}
	if err := syncFolders(w.dir); err != nil {
		return err
	}
	if err := writeChecked(filepath.Join(w.dir, manifestName), w.manifest); err != nil {
		return err
	}
	w.result.Backup, w.result.Segments = w.dir, len(w.manifest.Segments)
	if err := w.Step("name"); err != nil {
		return err
	}
	return durable.SyncFolder(w.Dir)
}

// remember looks up which blocks of closed segments earlier backups hold.
func (w *writer) remember() error {
	all, err := List(w.Dir)
	if err != nil {
		return err
	}
	for _, e := range all {
		if e.Manifest == nil {
			continue
		}
		for _, f := range e.Manifest.Files {
			if isBlock(f.Path) {
				w.known[f.Path] = known{filepath.Join(e.Path, filepath.FromSlash(f.Path)), f}
			}
		}
	}
	return nil
}

func (w *writer) release() {
	for _, release := range w.pins {
		release()
	}
	w.pins = nil
}

// keys copies the keybook while the segments are still pinned, and the orders as they are now.
func (w *writer) keys(ctx context.Context) error {
	if err := w.Step("keys"); err != nil {
		return err
	}
	dir := filepath.Join(w.KeysTo, w.manifest.Keys)
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	if err := w.Keys.CopyTo(filepath.Join(dir, "keys"), seal.FileRoot(filepath.Join(dir, "root.key")), nil); err != nil {
		return err
	}
	w.release()
	for to, from := range w.Secrets {
		path := filepath.Join(dir, secretsFolder, filepath.FromSlash(to))
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			return err
		}
		if _, err := copyFile(ctx, from, path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	m := Manifest{Format: format, Program: w.Program, Made: w.made.UnixMilli()}
	paths, err := filesIn(dir)
	if err != nil {
		return err
	}
	for _, path := range paths {
		f, err := sumFile(ctx, filepath.Join(dir, filepath.FromSlash(path)))
		if err != nil {
			return err
		}
		f.Path = path
		m.Files = append(m.Files, f)
	}
	if err := w.Step("keys manifest"); err != nil {
		return err
	}
	if err := syncFolders(dir); err != nil {
		return err
	}
	if err := writeChecked(filepath.Join(dir, manifestName), m); err != nil {
		return err
	}
	if err := durable.SyncFolder(w.KeysTo); err != nil {
		return err
	}
	w.result.Keys = dir
	if err := w.Step("orders"); err != nil {
		return err
	}
	orders, err := w.Orders(ctx)
	if err != nil {
		return err
	}
	return orders.Write(filepath.Join(w.Dir, OrdersName))
}

// extras takes along what lies beside the log.
func (w *writer) extras(ctx context.Context, step string, what map[string]string) error {
	if err := w.Step(step); err != nil {
		return err
	}
	for to, from := range what {
		info, err := os.Stat(from)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		if !info.IsDir() {
			if err := w.copy(ctx, from, to); err != nil {
				return err
			}
			continue
		}
		paths, err := filesIn(from)
		if err != nil {
			return err
		}
		for _, path := range paths {
			if w.Before[to+"/"+path] != "" || w.Secrets[to+"/"+path] != "" || strings.HasSuffix(path, durable.Aside) {
				continue
			}
			err := w.copy(ctx, filepath.Join(from, filepath.FromSlash(path)), to+"/"+path)
			if err != nil && !errors.Is(err, fs.ErrNotExist) { // it was replaced meanwhile, by a newer one under another name
				return err
			}
		}
	}
	return nil
}

// copy copies one file into the backup.
func (w *writer) copy(ctx context.Context, from, path string) error {
	to := filepath.Join(w.dir, filepath.FromSlash(path))
	if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
		return err
	}
	f, err := copyFile(ctx, from, to)
	if err != nil {
		return err
	}
	f.Path = path
	w.manifest.Files = append(w.manifest.Files, f)
	w.result.Copied += f.Size
	w.show()
	return nil
}

func (w *writer) show() {
	if w.progress != nil {
		w.progress("copying", uint64(w.result.Copied+w.result.Linked)>>20, max(w.total, uint64(w.result.Copied+w.result.Linked))>>20)
	}
}
