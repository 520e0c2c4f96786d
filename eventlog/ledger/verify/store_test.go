package verify_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"protokoll/eventlog"
	"protokoll/eventlog/jetstream"
	"protokoll/eventlog/ledger"
	"protokoll/eventlog/ledger/verify"
	"protokoll/eventlog/seal"
	"protokoll/schemas"
)

const perSegment = 50

// store is a data folder that a real log and a real ledger write.
type store struct {
	t      testing.TB
	dir    string
	keys   *seal.Keybook
	log    *jetstream.Log
	ledger *ledger.Ledger
	owner  *seal.Owner
	ran    chan error
}

func newStore(t testing.TB) *store { return newStoreWith(t, ledger.Config{}) }

func newStoreWith(t testing.TB, c ledger.Config) *store {
	t.Helper()
	s := &store{t: t, dir: t.TempDir()}
	var err error
	if s.keys, err = seal.Create(filepath.Join(s.dir, "keys"), s.root()); err != nil {
		t.Fatal(err)
	}
	if s.log, err = jetstream.Create(s.logConfig()); err != nil {
		t.Fatal(err)
	}
	if _, err := ledger.Create(filepath.Join(s.dir, "ledger")); err != nil {
		t.Fatal(err)
	}
	id := schemas.NewOwnerID()
	if err := s.keys.Add(id); err != nil {
		t.Fatal(err)
	}
	if s.owner, err = s.keys.Owner(id); err != nil {
		t.Fatal(err)
	}
	if err := s.tryLedger(c); err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *store) root() seal.Root { return seal.FileRoot(filepath.Join(s.dir, "root.key")) }

func (s *store) logConfig() jetstream.Config {
	return jetstream.Config{Dir: filepath.Join(s.dir, "log"), Keys: s.keys, ReserveBytes: 1 << 20, SegmentEvents: perSegment}
}

func (s *store) openLedger(begin *ledger.Beginning) {
	s.t.Helper()
	if err := s.tryLedger(ledger.Config{Begin: begin}); err != nil {
		s.t.Fatal(err)
	}
}

func (s *store) tryLedger(c ledger.Config) (err error) {
	c.Dir, c.Log, c.Server = filepath.Join(s.dir, "ledger"), s.log, s.keys.Server()
	if s.ledger, err = ledger.Open(context.Background(), c); err != nil {
		return err
	}
	s.ran = make(chan error, 1)
	go func() { s.ran <- s.ledger.Run(context.Background()) }()
	return nil
}

// open opens a folder, which may be a copy, without its ledger.
func open(t testing.TB, dir string) *store {
	t.Helper()
	s := &store{t: t, dir: dir}
	var err error
	if s.keys, err = seal.OpenKeybook(filepath.Join(s.dir, "keys"), s.root()); err != nil {
		t.Fatal(err)
	}
	if s.log, err = jetstream.Open(s.logConfig()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.log.Close() })
	return s
}

func (s *store) close() {
	s.t.Helper()
	if err := s.log.Close(); err != nil {
		s.t.Fatal(err)
	}
	if err := <-s.ran; err != nil {
		s.t.Fatal(err)
	}
	if err := s.ledger.Close(); err != nil {
		s.t.Fatal(err)
	}
}

func (s *store) append(owner *seal.Owner, facts ...eventlog.Fact) eventlog.Position {
	s.t.Helper()
	r := s.log.Append(eventlog.Command{Owner: owner, Cause: schemas.Cause_CONTACT, Facts: facts})
	if err := r.Wait(s.t.Context()); err != nil {
		s.t.Fatal(err)
	}
	return r.Positions()[0]
}

func (s *store) messages(n int) {
	s.t.Helper()
	for i := range n {
		s.append(s.owner, eventlog.Set(fmt.Sprint("message ", i), &schemas.OfflineMessage{Stanza: fmt.Appendf(nil, "<message id='%d'/>", i)}))
	}
}

func (s *store) checkpoint() []byte {
	s.t.Helper()
	for _, l := range eventlog.Lanes {
		if err := s.ledger.Passed(s.t.Context(), eventlog.Position{Lane: l, Number: s.log.Mark(l)}); err != nil {
			s.t.Fatal(err)
		}
	}
	signed, err := s.ledger.Checkpoint()
	if err != nil {
		s.t.Fatal(err)
	}
	return signed
}

// sweep moves every tenth event of the oldest segment of lane inbox and erases the others, as far as a step.
func (s *store) sweep(steps int) eventlog.Segment {
	s.t.Helper()
	segment := s.log.Segments(eventlog.Inbox)[0]
	sweep := s.log.BeginSweep(eventlog.Inbox)
	defer sweep.End()
	var move []eventlog.Record
	var runs []byte
	err := s.log.Read(s.t.Context(), eventlog.Inbox, segment.First, segment.Last, func(records []eventlog.Record) error {
		for _, r := range records {
			fate := uint64(1)
			if r.Position.Number%10 == 0 {
				move, fate = append(move, r), 0
			}
			runs = binary.AppendUvarint(binary.AppendUvarint(runs, 1), fate)
		}
		return nil
	})
	if err == nil {
		_, err = sweep.Move(s.t.Context(), move)
	}
	if err != nil {
		s.t.Fatal(err)
	}
	s.prove(&schemas.SegmentErased{
		Lane: uint32(eventlog.Inbox), Segment: segment.ID[:], First: segment.First, Last: segment.Last, Fates: []string{"moved", "waiting.delivered"}, Runs: runs, Parts: 1,
	})
	if steps > 0 {
		if err := s.ledger.Forget(s.t.Context(), eventlog.Inbox, segment.First, segment.Last); err != nil {
			s.t.Fatal(err)
		}
	}
	if steps > 1 {
		if err := s.log.Drop(s.t.Context(), eventlog.Inbox, segment.ID); err != nil {
			s.t.Fatal(err)
		}
	}
	return segment
}

func (s *store) prove(p *schemas.SegmentErased) {
	s.t.Helper()
	s.append(s.keys.Server(), eventlog.Set(fmt.Sprintf("%x/%d", p.Segment, p.Part), p))
}

// copyOf is a copy of a folder.
func copyOf(t testing.TB, dir string) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), "copy")
	if err := os.CopyFS(to, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Join(to, "ledger", "key"), 0o600); err != nil {
		t.Fatal(err)
	}
	return to
}

func run(t testing.TB, o verify.Options) verify.Report {
	t.Helper()
	if o.Keys == nil {
		o.Keys = func() (*seal.Keybook, error) { return view(o.Data) }
	}
	report, err := verify.Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

func view(data string) (*seal.Keybook, error) {
	return seal.View(filepath.Join(data, "keys"), seal.FileRoot(filepath.Join(data, "root.key")))
}

func laneOf(r verify.Report, l eventlog.Lane) verify.LaneReport {
	for _, lr := range r.Lanes {
		if lr.Lane == l {
			return lr
		}
	}
	return verify.LaneReport{}
}

func mustBeTrue(t testing.TB, r verify.Report) {
	t.Helper()
	for _, f := range r.Faults {
		t.Errorf("fault: %s", f)
	}
}

func writeFile(t testing.TB, path string, data []byte) string {
	t.Helper()
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func verifyOptions(dir string) verify.Options { return verify.Options{Data: dir} }
