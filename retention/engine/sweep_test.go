package engine

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"protokoll/eventlog"
	"protokoll/eventlog/seal"
	"protokoll/schemas"
)

func unroll(t testing.TB, p *schemas.SegmentErased) map[uint64]string {
	t.Helper()
	fates, n, runs := map[uint64]string{}, p.GetFirst(), p.GetRuns()
	for len(runs) > 0 {
		count, a := binary.Uvarint(runs)
		index, b := binary.Uvarint(runs[max(a, 0):])
		if a <= 0 || b <= 0 || index >= uint64(len(p.GetFates())) || count == 0 {
			t.Fatalf("runs of %s/%d cannot be read", p.GetSegment(), p.GetPart())
		}
		for range count {
			fates[n] = p.GetFates()[index]
			n++
		}
		runs = runs[a+b:]
	}
	if n != p.GetLast()+1 {
		t.Fatalf("runs end at %d, the part at %d", n-1, p.GetLast())
	}
	return fates
}

func expectFates(t *testing.T, got map[uint64]string, want map[uint64]string) {
	t.Helper()
	for n, fate := range want {
		if got[n] != fate {
			t.Errorf("number %d: fate %q, want %q", n, got[n], fate)
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d numbers have a fate, want %d: %v", len(got), len(want), got)
	}
}

// What was superseded or ended goes, what is true stays under its rank, and the state does not notice.
func TestSweepTakesWhatIsDue(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	o := w.account()
	w.put(o, item("bela@a.example", "Bela"))                              // 2
	w.put(o, item("bela@a.example", "Bela B."))                           // 3
	w.put(o, item("carl@a.example", "Carl"), item("dora@a.example", "D")) // 4, 5
	w.put(o, eventlog.End(schemas.Family_ROSTER_FACTS, "carl@a.example")) // 6
	r := w.sweep(eventlog.Lasting)
	if r.Moved != 3 || r.Erased != 3 || r.Held != 0 {
		t.Errorf("moved %d, erased %d, held %d", r.Moved, r.Erased, r.Held)
	}
	expectFates(t, w.checkAccounted(eventlog.Lasting), map[uint64]string{
		1: "moved", 2: "contact-list.superseded", 3: "moved", 4: "contact-list.ended", 5: "moved", 6: "contact-list.ended",
	})
	w.checkRebuilt()
	facts, err := w.state.Facts(o.ID(), schemas.Family_ROSTER_FACTS)
	if err != nil || len(facts) != 2 || facts[0].Rank != 3 || facts[1].Rank != 5 {
		t.Errorf("facts after the sweep: %v, %v", facts, err)
	}
	if len(w.ledger.forgot) != 1 || w.ledger.forgot[0] != [2]uint64{1, 6} {
		t.Errorf("the ledger forgot %v", w.ledger.forgot)
	}
	w.reopen()
	w.checkRebuilt()
	if r := w.sweep(eventlog.Lasting); len(r.Plan.Segments) != 0 {
		t.Errorf("a second sweep has a plan: %+v", r.Plan)
	}
}

// A segment in which nothing is due stays as it is.
func TestCleanSegmentsStay(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	o := w.account()
	if err := w.log.Roll(t.Context(), eventlog.Lasting); err != nil {
		t.Fatal(err)
	}
	w.put(o, item("bela@a.example", "Bela"))
	w.put(o, item("bela@a.example", "Bela B."))
	r := w.sweep(eventlog.Lasting)
	if len(r.Plan.Segments) != 1 || r.Plan.Segments[0].First != 2 || r.Moved != 1 {
		t.Errorf("planned %+v", r.Plan.Segments)
	}
	w.checkRebuilt()
}

// What is due of a restricted person is held until the restriction ends.
func TestRestrictedIsHeld(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	o := w.account()
	w.put(o, eventlog.Set("restriction", &schemas.AccountRestricted{Since: 1})) // lasting 2
	w.put(o, message(1))
	w.put(o, eventlog.End(schemas.Family_OFFLINE_FACTS, "m1"))
	r := w.sweep(eventlog.Inbox)
	if r.Held != 2 || r.Erased != 0 {
		t.Errorf("held %d, erased %d", r.Held, r.Erased)
	}
	expectFates(t, w.checkAccounted(eventlog.Inbox), map[uint64]string{1: "held", 2: "held"})
	if held := w.read(eventlog.Held); len(held) != 2 || held[0].Rank() != 1 {
		t.Errorf("%d in lane held", len(held))
	}
	if r := w.sweep(eventlog.Held); len(r.Plan.Segments) != 0 {
		t.Errorf("lane held is swept while the person is restricted: %+v", r.Plan)
	}
	w.put(o, eventlog.End(schemas.Family_ACCOUNT_FACTS, "restriction"))
	if r := w.sweep(eventlog.Held); r.Erased != 2 {
		t.Errorf("erased %d of lane held", r.Erased)
	}
	if held := w.read(eventlog.Held); len(held) != 0 {
		t.Errorf("%d still in lane held", len(held))
	}
	w.checkAccounted(eventlog.Held)
}

// An erased account's events go, and so do facts that nobody has an account for; the latter become noise in no state.
func TestErasedAndLeftOver(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	o, lost := w.account(), w.owner()
	w.put(o, item("bela@a.example", "Bela"))                                            // 2
	w.put(lost, item("carl@a.example", "Carl"))                                         // 3
	w.put(o, eventlog.Fact{Op: schemas.Op_CLOSE, Family: schemas.Family_ACCOUNT_FACTS}) // 4
	if err := w.keys.Forget(o.ID()); err != nil {
		t.Fatal(err)
	}
	w.clock.pass(2 * time.Hour)
	if r := w.sweep(eventlog.Lasting); r.Plan.Ends != 1 {
		t.Errorf("plan %+v", r.Plan)
	}
	got := w.checkAccounted(eventlog.Lasting)
	for n, fate := range map[uint64]string{1: "account-erased", 2: "account-erased", 3: "left-over", 4: "account-erased"} {
		if !strings.HasSuffix(got[n], fate) {
			t.Errorf("number %d: %q", n, got[n])
		}
	}
	w.checkRebuilt()
	if facts, err := w.state.Facts(lost.ID(), schemas.Family_ROSTER_FACTS); err != nil || len(facts) != 0 {
		t.Errorf("left over: %d facts, %v", len(facts), err)
	}
	w.sweep(eventlog.Lasting) // the END of what was left over
	if all := w.read(eventlog.Lasting); len(all) != 0 {
		t.Errorf("%d events left", len(all))
	}
}

// Rules of age: nothing goes before its time, nor while the clock is not to be believed; more than the policy's share waits
// for staff.
func TestAge(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	year := 366 * 24 * time.Hour
	audit := func() {
		w.put(w.keys.Server(), eventlog.Set(rand.Text(), &schemas.StaffAction{Action: "export", At: 1}))
	}
	w.put(w.keys.Server(), eventlog.Set("policy", &schemas.PolicyChanged{At: 1}))
	audit()
	w.clock.pass(year)
	audit()
	if r := w.sweep(eventlog.Audit); len(r.Plan.Segments) != 0 {
		t.Errorf("after a year: %+v", r.Plan)
	}
	w.clock.jump(3 * year)
	if r := w.sweep(eventlog.Audit); len(r.Plan.Segments) != 0 {
		t.Errorf("after a jump of the clock: %+v", r.Plan)
	}
	w.clock.jump(-3 * year)
	w.clock.pass(2*disbelief + 2*year)
	w.sweep(eventlog.Lasting) // sees that the clock agrees again, after it disagreed: waits a day
	w.clock.pass(2 * disbelief)
	r := w.sweep(eventlog.Audit)
	if r.Erased != 1 || r.Moved != 2 {
		t.Errorf("after three years: erased %d, moved %d, %+v", r.Erased, r.Moved, r.Plan)
	}
	w.checkAccounted(eventlog.Audit)
}

func TestUnusualShareWaits(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.policy.Limits.SweepFloor, w.policy.Limits.SweepShare = 2, 10
	for i := range 5 {
		w.put(w.owner(), item("bela@a.example", fmt.Sprint(i)))
	}
	w.clock.pass(2 * time.Hour)
	if _, err := w.engine.Sweep(t.Context(), eventlog.Lasting, false, nil); !errors.Is(err, ErrUnusual) {
		t.Fatalf("5 of 5: %v", err)
	}
	if r, err := w.engine.Sweep(t.Context(), eventlog.Lasting, true, nil); err != nil || r.Erased != 5 {
		t.Fatalf("allowed: erased %d, %v", r.Erased, err)
	}
}

// A sweep that ends at any step is finished by the next start: nothing true is lost, nothing due stays, each number has one fate.
func TestCrashAtEachStep(t *testing.T) {
	t.Parallel()
	for _, step := range []string{"roll", "plan", "move", "proof", "renew", "forget", "drop", "remove plan"} {
		t.Run(step, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			o, restricted := w.account(), w.account()
			w.put(restricted, eventlog.Set("restriction", &schemas.AccountRestricted{Since: 1}))
			w.fill(o, restricted)
			first := true
			w.step = func(s string) error {
				if s == step && first {
					first = false
					return errors.New("crash")
				}
				return nil
			}
			if _, err := w.engine.Sweep(t.Context(), eventlog.Lasting, false, nil); !errors.Is(err, errStep) {
				t.Fatalf("got %v", err)
			}
			w.checkRebuilt()
			w.reopen()
			w.put(o, item("x0@a.example", "newer"))
			if err := w.engine.Resume(t.Context()); err != nil {
				t.Fatal(err)
			}
			w.sweep(eventlog.Lasting)
			w.checkRebuilt()
			w.checkAccounted(eventlog.Lasting)
			facts, err := w.state.Facts(o.ID(), schemas.Family_ROSTER_FACTS)
			if err != nil || len(facts) != 10 {
				t.Errorf("%d facts, %v", len(facts), err)
			}
			if held := w.read(eventlog.Held); len(held) != 1 {
				t.Errorf("%d held", len(held))
			}
			if len(w.log.Segments(eventlog.Lasting)) > 2 {
				t.Errorf("%d segments left", len(w.log.Segments(eventlog.Lasting)))
			}
		})
	}
}

// What is appended between the plan and the rolling of the live segment is in that segment, and true.
func TestAppendedBeforeTheRoll(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	o := w.account()
	w.put(o, item("bela@a.example", "1"))
	w.put(o, item("bela@a.example", "2"))
	w.step = func(s string) error {
		switch s {
		case "roll":
			w.put(o, item("bela@a.example", "3"))
			w.put(o, item("carl@a.example", "new"))
		case "move":
			w.put(o, item("carl@a.example", "newer"))
		}
		return nil
	}
	w.sweep(eventlog.Lasting)
	w.checkRebuilt()
	expectFates(t, w.checkAccounted(eventlog.Lasting), map[uint64]string{
		1: "moved", 2: "contact-list.superseded", 3: "contact-list.superseded", 4: "moved", 5: "contact-list.superseded",
	})
	facts, err := w.state.Facts(o.ID(), schemas.Family_ROSTER_FACTS)
	if err != nil || len(facts) != 2 {
		t.Errorf("%d facts, %v", len(facts), err)
	}
	if all := w.read(eventlog.Lasting); len(all) != 3 {
		t.Errorf("%d events in the log, want 3", len(all))
	}
}

// fill gives an owner ten contacts, each stated twice, in several segments, and one contact stated twice to a restricted one.
func (w *world) fill(o, restricted *seal.Owner) {
	w.t.Helper()
	for round := range 2 {
		for i := range 10 {
			w.put(o, item(fmt.Sprintf("x%d@a.example", i), fmt.Sprint(round)))
			if i == 5 {
				if err := w.log.Roll(context.Background(), eventlog.Lasting); err != nil {
					w.t.Fatal(err)
				}
			}
		}
		w.put(restricted, item("y@a.example", fmt.Sprint(round)))
		w.put(o, item("x9@a.example", "again"))
	}
}
