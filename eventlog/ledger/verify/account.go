package verify

import (
	"cmp"
	"slices"

	"protokoll/eventlog"
)

// account adds up promise 3 for one lane: every number without an event is covered by exactly one record.
func (v *verifier) account(r *reading) {
	report := LaneReport{Lane: r.lane, Size: r.size, Events: r.events, Above: r.above, Covered: map[string]uint64{}}
	swept := v.sweptOf(r, &report)
	for _, a := range r.absent {
		v.cover(r, a, swept, &report)
	}
	v.findMoved(r, swept)
	v.report.Lanes = append(v.report.Lanes, report)
}

// sweepRecord is a whole erasure record of a segment that is not there any more.
type sweepRecord struct {
	numbers
	runs []run
	at   uint64 // in lane proof
}

// sweptOf lists what erasure records say of a lane, by number. Records of segments that are there are pending.
func (v *verifier) sweptOf(r *reading, report *LaneReport) (all []sweepRecord) {
	there := map[string]link{}
	for _, s := range r.segments {
		there[s.ID] = s
	}
	for id, e := range v.records.erased[r.lane] {
		s, pending := there[id]
		n, runs, err := e.whole()
		switch {
		case err != nil && pending:
		case err != nil:
			v.fault(eventlog.Proof, e.at, "%v", err)
		case pending && (n.first != s.First || s.State == "closed" && n.last != s.Last || s.State != "closed"):
			v.fault(eventlog.Proof, e.at, "a forged erasure record: %s/%d to %d are not the numbers of the segment that it names", r.lane, n.first, n.last)
		case pending:
			report.Pending += n.last - n.first + 1
		default:
			all = append(all, sweepRecord{n, runs, e.at})
		}
		for _, run := range runs {
			if v.Rules != nil && run.fate != fateMoved && run.fate != fateHeld && run.fate != fateVoid && !v.Rules(run.fate) {
				v.fault(r.lane, run.first, "is said to be erased under the rule %q, which there is not", run.fate)
			}
		}
	}
	slices.SortFunc(all, func(a, b sweepRecord) int { return cmp.Compare(a.first, b.first) })
	for i := 1; i < len(all); i++ {
		if all[i].first <= all[i-1].last {
			v.fault(eventlog.Proof, all[i].at, "a forged erasure record: %s/%d is accounted for twice", r.lane, all[i].first)
		}
	}
	v.findHolding(r, all)
	return all
}

// findHolding finds records that account for numbers which hold their event in a segment of another name.
func (v *verifier) findHolding(r *reading, all []sweepRecord) {
	for _, s := range r.segments {
		last := s.Last
		if s.State != "closed" {
			last = max(r.seen, s.First)
		}
		for _, e := range all {
			if e.first <= last && s.First <= e.last {
				v.fault(eventlog.Proof, e.at, "a forged erasure record: %s/%d still holds its event", r.lane, max(e.first, s.First))
			}
		}
	}
}

// cover takes numbers without an event apart by what covers them.
func (v *verifier) cover(r *reading, a absent, swept []sweepRecord, report *LaneReport) {
	for at := a.first; at <= a.last; {
		if run, ok := fateOf(swept, at); ok {
			last := min(run.last, a.last)
			if run.fate == fateVoid {
				report.Void += last - at + 1
			} else {
				report.Covered[run.fate] += last - at + 1
			}
			at = last + 1
			continue
		}
		if last, ok := v.voidUpTo(r, at); ok && a.leaf == voidLeaf {
			last = min(last, a.last)
			report.Void += last - at + 1
			at = last + 1
			continue
		}
		end := v.coveredAgain(r, swept, at, a.last)
		what := "holds no event"
		if end > at {
			what = "and all up to " + eventlog.Position{Lane: r.lane, Number: end}.String() + " hold no event"
		}
		if a.leaf == voidLeaf {
			v.fault(r.lane, at, "%s, and no record says why they are void", what)
		} else {
			v.fault(r.lane, at, "%s, and no record says under which rule it was erased", what)
		}
		at = end + 1
	}
}

// coveredAgain is the last number before something covers numbers again.
func (v *verifier) coveredAgain(r *reading, swept []sweepRecord, at, last uint64) uint64 {
	end := last
	for _, s := range swept {
		if s.first > at {
			end = min(end, s.first-1)
		}
	}
	for _, n := range v.records.voids[r.lane] {
		if n.first > at {
			end = min(end, n.first-1)
		}
	}
	return end
}

func fateOf(swept []sweepRecord, number uint64) (run, bool) {
	i, found := slices.BinarySearchFunc(swept, number, func(s sweepRecord, n uint64) int { return compare(s.numbers, n) })
	if !found {
		return run{}, false
	}
	j, found := slices.BinarySearchFunc(swept[i].runs, number, func(s run, n uint64) int { return compare(s.numbers, n) })
	if !found {
		return run{}, false
	}
	return swept[i].runs[j], true
}

func compare(n numbers, number uint64) int {
	switch {
	case n.last < number:
		return -1
	case n.first > number:
		return 1
	}
	return 0
}

// voidUpTo returns up to where numbers are recorded as void. What the manifest has not told yet is told at the next start.
func (v *verifier) voidUpTo(r *reading, number uint64) (uint64, bool) {
	for _, n := range v.records.voids[r.lane] {
		if n.first <= number && number <= n.last {
			return n.last, true
		}
	}
	for _, n := range r.chain.Voids {
		if !n.Told && n.First <= number && number <= n.Last {
			return n.Last, true
		}
	}
	return 0, false
}

// findMoved looks for what was moved or held: under the number that it first had, else by counting.
func (v *verifier) findMoved(r *reading, swept []sweepRecord) {
	held := map[uint64]bool{}
	for _, o := range v.lanes[eventlog.Held].held[r.lane] {
		held[o] = true
	}
	for i, s := range swept {
		v.findFate(r, s, swept[i+1:], fateMoved, func(n uint64) bool { return r.origins[n] > n || held[n] })
		v.findFate(r, s, v.sweptHeld(), fateHeld, func(n uint64) bool { return held[n] || r.lane == eventlog.Held })
	}
}

func (v *verifier) sweptHeld() (all []sweepRecord) {
	for _, e := range v.records.erased[eventlog.Held] {
		if n, runs, err := e.whole(); err == nil {
			all = append(all, sweepRecord{n, runs, e.at})
		}
	}
	return all
}

// findFate counts the numbers whose events are not found. Each of them was a copy itself, or its copy went since: there must
// be enough of these. What was copied to where a restore left numbers out is on record as lost.
func (v *verifier) findFate(r *reading, s sweepRecord, later []sweepRecord, fate string, found func(uint64) bool) {
	if v.records.lost[r.lane] > s.last || fate == fateHeld && v.records.lost[eventlog.Held] > 0 {
		return
	}
	var missing, first uint64
	for _, run := range s.runs {
		for n := run.first; run.fate == fate && n <= run.last; n++ {
			if !found(n) {
				if missing++; missing == 1 {
					first = n
				}
			}
		}
	}
	if missing == 0 {
		return
	}
	enough := uint64(0)
	for origin, number := range r.origins {
		if origin < s.first && number > s.last {
			enough++
		}
	}
	for _, e := range later {
		for _, run := range e.runs {
			if run.fate != fateVoid {
				enough += run.last - run.first + 1
			}
		}
	}
	if missing > enough {
		v.fault(r.lane, first, "is recorded as %s by %s/%d, and is nowhere", fate, eventlog.Proof, s.at)
	}
}
