package node

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"protokoll/accounts"
	"protokoll/eventlog"
	"protokoll/internal/control"
	"protokoll/projections"
	"protokoll/projections/state"
	"protokoll/schemas"
	"protokoll/xmpp/router"
)

// The commands that look into the past.
const (
	CommandAccountPast    = "account.past"    // shows the difference
	CommandAccountRestore = "account.restore" // brings it back
)

// PastArguments say which facts of whom, and of when.
type PastArguments struct {
	AccountArguments
	Staff
	At       time.Time `json:"at"`
	Families []string  `json:"families,omitempty"`
	Open     bool      `json:"open,omitempty"` // show content
}

// PastFamily is how one family differs.
type PastFamily struct {
	Family  string   `json:"family"`
	Same    int      `json:"same"`
	Added   int      `json:"added"`   // had a value then and has none now
	Changed int      `json:"changed"` // has another value now
	Removed int      `json:"removed"` // has a value now and had none then
	Unknown int      `json:"unknown"` // what it was then is no longer held; it is left as it is
	Content []string `json:"content,omitempty"`
}

// PastResult is the whole difference.
type PastResult struct {
	Families []PastFamily `json:"families"`
	Erased   uint64       `json:"erased"` // events up to that moment, of anybody, that are no longer held
}

// Changes is how many facts would be stated or ended.
func (r PastResult) Changes() (n int) {
	for _, f := range r.Families {
		n += f.Added + f.Changed + f.Removed
	}
	return n
}

// restorable are the families that can be brought back: what a person or a client of theirs made. Accounts, sessions, tokens and messages
// are not, because others rely on what they are now.
var restorable = []schemas.Family{
	schemas.Family_ROSTER_FACTS, schemas.Family_PROFILE_FACTS, schemas.Family_PRIVATE_FACTS, schemas.Family_NODE_FACTS, schemas.Family_PEP_FACTS,
	schemas.Family_BLOCK_FACTS,
}

func familyName(f schemas.Family) string {
	return strings.ToLower(strings.TrimSuffix(f.String(), "_FACTS"))
}

func familiesNamed(names []string) (chosen []schemas.Family, err error) {
	if len(names) == 0 {
		return restorable, nil
	}
	for _, name := range names {
		i := slices.IndexFunc(restorable, func(f schemas.Family) bool { return familyName(f) == name })
		if i < 0 {
			return nil, fmt.Errorf("facts of family %q cannot be brought back; roster, profile, private, node, pep and block can", name)
		}
		chosen = append(chosen, restorable[i])
	}
	return chosen, nil
}

func (s *Store) accountPast(ctx context.Context, input json.RawMessage, progress func(control.Progress)) (any, error) {
	d, a, err := s.past(ctx, input, progress)
	if err != nil {
		return nil, err
	}
	if a.Open {
		err = s.audited(ctx, a.Staff, "account.restore.open", "content shown", d.account.Owner.ID())
	}
	return d.result, err
}

func (s *Store) accountRestore(ctx context.Context, input json.RawMessage, progress func(control.Progress)) (any, error) {
	r := s.quietRouter()
	defer r.Close()
	return s.bringBack(ctx, input, r, progress)
}

func (n *Node) accountRestore(ctx context.Context, input json.RawMessage, progress func(control.Progress)) (any, error) {
	return n.bringBack(ctx, input, n.Router, progress)
}

// bringBack states again what was. The audit event comes first: what was done without one cannot be found out later.
func (s *Store) bringBack(ctx context.Context, input json.RawMessage, r *router.Router, progress func(control.Progress)) (any, error) {
	d, a, err := s.past(ctx, input, progress)
	if err != nil {
		return nil, err
	}
	if len(d.facts) == 0 {
		return d.result, nil
	}
	detail := fmt.Sprintf("%d facts as of %s", len(d.facts), a.At.UTC().Format(time.RFC3339))
	if err := s.audited(ctx, a.Staff, "account.restore", detail, d.account.Owner.ID()); err != nil {
		return nil, err
	}
	for part := range slices.Chunk(d.facts, eventlog.MaxCommandFacts) {
		if err := r.BringBack(ctx, d.account, part); err != nil {
			return nil, err
		}
	}
	return d.result, nil
}

// difference is what separates an account from what it was.
type difference struct {
	account accounts.Account
	result  PastResult
	facts   []eventlog.Fact // that bring it back
	open    bool
}

func (s *Store) past(ctx context.Context, input json.RawMessage, progress func(control.Progress)) (*difference, PastArguments, error) {
	var a PastArguments
	if err := json.Unmarshal(input, &a); err != nil {
		return nil, a, fmt.Errorf("read the arguments: %w", err)
	}
	_, address, err := arguments(input)
	if err != nil {
		return nil, a, err
	}
	if a.Open && a.Reason == "" {
		return nil, a, errors.New("showing content needs a reason")
	}
	families, err := familiesNamed(a.Families)
	if err != nil {
		return nil, a, err
	}
	account, err := s.Accounts.Find(address.Domainpart(), address.Localpart())
	if err != nil {
		return nil, a, err
	}
	s.whole.RLock() // nothing is dropped while the lane is read
	defer s.whole.RUnlock()
	void, err := state.Voids(ctx, s.Log, s.Keys.Server())
	if err != nil {
		return nil, a, err
	}
	h, err := state.Past(ctx, s.Log, eventlog.Lasting, void[eventlog.Lasting], account.Owner.ID(), families, a.At, laneProgress(progress))
	if err != nil {
		return nil, a, err
	}
	d := &difference{account: account, open: a.Open, result: PastResult{Erased: h.Erased}}
	for _, f := range families {
		if err := d.compare(s.State, f, h); err != nil {
			return nil, a, err
		}
	}
	return d, a, nil
}

// compare adds how one family differs.
func (d *difference) compare(now *state.State, family schemas.Family, h state.History) error {
	current, err := now.Facts(d.account.Owner.ID(), family)
	if err != nil {
		return err
	}
	is := map[schemas.EntityID]state.Fact{}
	for _, f := range current {
		is[f.Entity] = f
	}
	r := PastFamily{Family: familyName(family)}
	for _, was := range h.Facts {
		if was.Family != family {
			continue
		}
		f, exists := is[was.Entity]
		if err := d.one(&r, was, f, exists, h.Erased); err != nil {
			return err
		}
	}
	d.result.Families = append(d.result.Families, r)
	return nil
}

// one decides about one fact. What is no longer held is never taken as ended.
func (d *difference) one(r *PastFamily, was state.Then, is state.Fact, exists bool, erased uint64) error {
	switch {
	case !was.Known && erased > 0:
		r.Unknown++
		return nil
	case was.Fact == nil && !exists:
		return nil
	case was.Fact == nil:
		r.Removed++
		d.facts = append(d.facts, eventlog.Fact{Op: schemas.Op_END, Family: was.Family, ID: was.Entity})
		return d.show(r, "-", is)
	}
	value, err := openEvent(d.account, was.Fact)
	if err != nil {
		return err
	}
	sign := "+"
	if exists {
		present, err := eventlog.Open(d.account.Owner, is.About, is.Sealed)
		if err != nil {
			return err
		}
		if proto.Equal(value, present) {
			r.Same++
			return nil
		}
		r.Changed++
		sign = "~"
	} else {
		r.Added++
	}
	d.facts = append(d.facts, eventlog.Fact{Op: schemas.Op_SET, Family: was.Family, ID: was.Entity, Value: value})
	return d.print(r, sign, value)
}

func openEvent(a accounts.Account, e *projections.Event) (proto.Message, error) {
	return eventlog.Open(a.Owner, e.About, e.Sealed)
}

func (d *difference) show(r *PastFamily, sign string, f state.Fact) error {
	m, err := eventlog.Open(d.account.Owner, f.About, f.Sealed)
	if err != nil {
		return err
	}
	return d.print(r, sign, m)
}

func (d *difference) print(r *PastFamily, sign string, m proto.Message) error {
	if !d.open {
		return nil
	}
	text, err := protojson.Marshal(m)
	if err != nil {
		return fmt.Errorf("show a fact: %w", err)
	}
	r.Content = append(r.Content, sign+" "+string(text))
	return nil
}
