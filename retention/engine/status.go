package engine

import (
	"context"
	"fmt"
	"slices"
	"time"

	"protokoll/eventlog"
	"protokoll/retention"
	"protokoll/schemas"
)

// Status says what is due, by rule, and when each lane is swept.
type Status struct {
	At    time.Time    `json:"at"`
	Rules []RuleStatus `json:"rules"`
	Lanes []LaneStatus `json:"lanes"`
}

// RuleStatus is what one rule has to do. Events of several classes count under the rule with the shortest deadline.
type RuleStatus struct {
	Rule     string        `json:"rule"`
	Class    string        `json:"class"`
	Deadline time.Duration `json:"deadline"`
	Due      uint64        `json:"due"`
	Overdue  uint64        `json:"overdue"`
	Oldest   time.Time     `json:"oldest,omitzero"` // since when the longest due one is
}

// LaneStatus is how a lane stands.
type LaneStatus struct {
	Lane      string    `json:"lane"`
	Events    uint64    `json:"events"`
	Live      uint64    `json:"live"`
	Bytes     int64     `json:"bytes"`
	Segments  int       `json:"segments"`
	UnderWay  bool      `json:"under_way"`             // a plan is written and not finished
	NextSweep time.Time `json:"next_sweep,omitzero"`   // zero where no engine runs, or no rule takes anything
	LastSweep time.Time `json:"last_sweep,omitzero"`   // since the start
	Waiting   string    `json:"waiting_for,omitempty"` // why the last sweep was not done
}

// Overdue counts what should be gone.
func (s Status) Overdue() (n uint64) {
	for _, r := range s.Rules {
		n += r.Overdue
	}
	return n
}

// Status reads every lane from beginning to end. show may be nil.
func (e *Engine) Status(ctx context.Context, show Progress) (Status, error) {
	e.work.Lock()
	defer e.work.Unlock()
	show = withDefault(show)
	st := Status{At: e.cfg.Clock()}
	for _, r := range e.rules.list {
		st.Rules = append(st.Rules, RuleStatus{Rule: r.Name, Class: className(r.Class), Deadline: r.Deadline})
	}
	for _, l := range eventlog.Lanes {
		ls, err := e.survey(ctx, l, st.Rules, show)
		if err != nil {
			return st, fmt.Errorf("look through lane %s: %w", l, err)
		}
		st.Lanes = append(st.Lanes, ls)
	}
	return st, nil
}

func className(d schemas.DataClass) string {
	for _, c := range retention.Classes() {
		if c.Data == d {
			return c.Name
		}
	}
	return d.String()
}

// survey counts what is due in a lane, and since when: since a newer event of the entity, or its end, came.
func (e *Engine) survey(ctx context.Context, l eventlog.Lane, out []RuleStatus, show Progress) (LaneStatus, error) {
	ls := e.lane(l)
	mark := e.cfg.Log.Mark(l)
	for _, s := range e.cfg.Log.Segments(l) {
		ls.Bytes += s.Bytes
		ls.Segments++
	}
	j, err := e.judge(ctx, l)
	if err != nil || mark == 0 {
		return ls, err
	}
	v := &surveyor{judge: j, out: out, open: map[uint64]waiting{}, closed: map[schemas.OwnerID]time.Time{}}
	err = e.cfg.Log.Read(ctx, l, 1, mark, func(all []eventlog.Record) error {
		for _, r := range all {
			ls.Events++
			v.take(r)
		}
		show("looking through lane "+l.String(), all[len(all)-1].Position.Number, mark)
		return nil
	})
	v.finish()
	ls.Live = v.live
	return ls, err
}

func (e *Engine) lane(l eventlog.Lane) LaneStatus {
	ls := LaneStatus{Lane: l.String()}
	_, found, err := e.readPlan(l)
	ls.UnderWay = found || err != nil
	e.mu.Lock()
	defer e.mu.Unlock()
	ls.NextSweep, ls.LastSweep = e.next[l], e.last[l].Finished
	if err := e.waits[l]; err != nil {
		ls.Waiting = err.Error()
	}
	return ls
}

// waiting is an event that is due, and of which it is not known yet since when.
type waiting struct {
	owner schemas.OwnerID
	rule  int
	at    time.Time
}

// surveyor goes through a lane in the order of its numbers.
type surveyor struct {
	*judge
	out    []RuleStatus
	open   map[uint64]waiting // by entity
	closed map[schemas.OwnerID]time.Time
	live   uint64
}

func (v *surveyor) take(r eventlog.Record) {
	e, entity := r.Envelope, short(r.Envelope.GetEntity())
	if w, found := v.open[entity]; found && len(e.GetEntity()) > 0 {
		v.due(w.rule, r.Time()) // this event made it so
		delete(v.open, entity)
	}
	what, rule := v.of(r)
	switch what {
	case keep, hold:
		v.live++
		return
	case end:
		v.live++
		v.due(rule, v.sinceEnd(r, rule))
		return
	}
	if e.GetOp() == schemas.Op_CLOSE {
		v.closed[ownerOf(r)] = r.Time()
	}
	ended := stateful[v.lane] || v.lane == eventlog.Archive && (rule < 0 || v.list[rule].After == 0)
	if !ended || e.GetOp() != schemas.Op_SET {
		v.due(rule, v.sinceEnd(r, rule))
		return
	}
	v.open[entity] = waiting{ownerOf(r), rule, r.Time()}
}

// sinceEnd is when an event became due by itself: by its age, or because it says that something ended.
func (v *surveyor) sinceEnd(r eventlog.Record, rule int) time.Time {
	if rule < 0 {
		return r.Time()
	}
	return r.Time().Add(v.list[rule].After)
}

// finish counts what no newer event made due: its owner was closed, or is left over.
func (v *surveyor) finish() {
	for _, w := range v.open {
		if at, ok := v.closed[w.owner]; ok {
			w.at = at
		}
		v.due(w.rule, w.at)
	}
}

func (v *surveyor) due(rule int, since time.Time) {
	if rule < 0 {
		return
	}
	r := &v.out[rule]
	r.Due++
	if since.Add(r.Deadline).Before(v.now) {
		r.Overdue++
	}
	if r.Oldest.IsZero() || since.Before(r.Oldest) {
		r.Oldest = since
	}
}

// Rule returns what a rule has to do.
func (s Status) Rule(name string) (RuleStatus, bool) {
	i := slices.IndexFunc(s.Rules, func(r RuleStatus) bool { return r.Rule == name })
	if i < 0 {
		return RuleStatus{}, false
	}
	return s.Rules[i], true
}
