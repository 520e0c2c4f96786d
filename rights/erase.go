package rights

import (
	"context"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"protokoll/accounts"
	"protokoll/eventlog"
	"protokoll/eventlog/seal"
	"protokoll/schemas"
	"protokoll/xmpp/frame"
	"protokoll/xmpp/router"
)

// Step is a step of an erasure.
type Step int

// The steps. See the package comment.
const (
	StepShut Step = iota
	StepTellHere
	StepTellElsewhere
	StepOrder
	StepReserve
	StepClose
	StepForget
	StepRelease
	Steps // how many there are
)

// Erase erases the account of an address: when it returns, nothing of it can be read any more. It returns
// accounts.ErrNoAccount or ErrErased if there is none. Once it has begun it does not heed ctx.
func (r *Rights) Erase(ctx context.Context, by By, domain, localpart string) (Receipt, error) {
	r.changing.Lock()
	defer r.changing.Unlock()
	a, err := r.find(domain, localpart)
	if err != nil {
		return Receipt{}, err
	}
	if err := r.Audited(ctx, by, "erase", "", a.Owner.ID()); err != nil {
		return Receipt{}, err
	}
	return r.erase(context.WithoutCancel(ctx), a)
}

// Finish goes on with erasures that a kill interrupted, and returns how many there were. It is called when a store is opened,
// before the first client is let in.
func (r *Rights) Finish(ctx context.Context) (finished int, err error) {
	r.changing.Lock()
	defer r.changing.Unlock()
	if finished, err = r.Accounts.Forgotten(ctx); err != nil {
		return finished, fmt.Errorf("finish an erasure: %w", err)
	}
	closing, err := r.Accounts.Closing()
	if err != nil {
		return finished, fmt.Errorf("finish an erasure: %w", err)
	}
	for _, a := range closing {
		if _, err := r.erase(ctx, a); err != nil {
			return finished, fmt.Errorf("finish an erasure: %w", err)
		}
		finished++
	}
	if finished > 0 && r.Nudge != nil {
		r.Nudge()
	}
	return finished, nil
}

// erasure is one under way.
type erasure struct {
	*Rights
	who      accounts.Account
	again    bool // it was interrupted before
	partings []router.Parting
	counts   []Count
}

func (r *Rights) erase(ctx context.Context, a accounts.Account) (Receipt, error) {
	e := &erasure{Rights: r, who: a, again: !a.Closing.IsZero()}
	for n, step := range []func(context.Context) error{
		StepShut: e.shut, StepTellHere: e.tellHere, StepTellElsewhere: e.tellElsewhere, StepOrder: e.order,
	} {
		if err := e.before(Step(n)); err != nil {
			return Receipt{}, err
		}
		if err := step(ctx); err != nil {
			return Receipt{}, fmt.Errorf("erase an account, step %d of %d: %w", n+1, Steps, err)
		}
	}
	until := r.Clock().Add(r.Reserve)
	err := r.Accounts.Withdraw(ctx, accounts.Withdrawal{
		Account: e.who, Until: until,
		Close:  func(ctx context.Context) error { return r.Router.CloseFacts(ctx, e.who) },
		Before: func(step int) error { return e.before(StepReserve + Step(step)) },
	})
	if err != nil {
		return Receipt{}, fmt.Errorf("erase an account: %w", err)
	}
	if r.Unlink != nil {
		if err := r.Unlink(e.who.Owner.ID()); err != nil {
			return Receipt{}, fmt.Errorf("the account is erased, but its files are not unlinked: %w", err)
		}
	}
	if r.Shown != nil {
		r.Shown(e.who.Address())
	}
	if r.Nudge != nil {
		r.Nudge()
	}
	return r.receipt(ctx, e, until)
}

func (r *Rights) before(s Step) error {
	if r.Before == nil {
		return nil
	}
	return r.Before(s)
}

// shut lets nobody in any more.
func (e *erasure) shut(ctx context.Context) error {
	now := e.Clock()
	if err := e.settled(ctx, e.Router.Shut(e.who, now.UnixMilli())); err != nil {
		return err
	}
	if !e.again {
		e.who.Closing = now
	}
	return nil
}

// tellHere takes the person out of the rosters of contacts of ours.
func (e *erasure) tellHere(ctx context.Context) (err error) {
	if e.partings, err = e.Rights.partings(ctx, e.who); err != nil {
		return err
	}
	if err := e.Router.Part(ctx, e.who.Address(), e.partings); err != nil {
		return err
	}
	return e.Router.Unresume(ctx, e.who, e.partings)
}

// outboxPart is how many stanzas are appended at once.
const outboxPart = 1000

// tellElsewhere leaves stanzas for contacts on other servers. Their entities are made with the person's key: the same when
// this is repeated, and later nobody can tell whose they were.
func (e *erasure) tellElsewhere(ctx context.Context) error {
	var facts []eventlog.Fact
	for _, p := range e.partings {
		if p.Here {
			continue
		}
		kinds := p.Kinds
		if p.Unavailable {
			kinds = append(slices.Clone(kinds), "unavailable") // RFC 6121 §3.2.2
		}
		for _, kind := range kinds {
			tag := frame.Tag{Name: "presence", From: e.who.Address(), To: p.Contact, Type: string(kind)}
			facts = append(facts, eventlog.Set(outboxEntity(e.who.Owner, p.Contact, string(kind)), &schemas.OutboxStanza{
				Domain: domainOf(p.Contact), Stanza: tag.AppendTo(nil, nil), At: e.Clock().UnixMilli(),
			}))
		}
	}
	for part := range slices.Chunk(facts, outboxPart) {
		rc := e.Log.Append(eventlog.Command{Owner: e.Keys.Server(), Cause: schemas.Cause_SERVER, Facts: part})
		if err := e.settled(ctx, rc); err != nil {
			return err
		}
	}
	return nil
}

func outboxEntity(owner *seal.Owner, contact, kind string) string {
	sum := owner.MAC("outbox of an erasure", []byte(contact), []byte(kind))
	return hex.EncodeToString(sum[:16])
}

func domainOf(bare string) string {
	if _, domain, ok := strings.Cut(bare, "@"); ok {
		return domain
	}
	return bare
}

// order writes the erasure down, with what it takes. The order of an interrupted one may stand already: its numbers are from
// before anything was closed.
func (e *erasure) order(ctx context.Context) (err error) {
	id := e.who.Owner.ID()
	o := &schemas.Ordered{Kind: schemas.OrderKind_ERASURE, Owner: id[:]}
	if e.again {
		if before, err := e.ordered(ctx, o); err != nil || before != nil {
			e.counts = countsOf(before)
			return err
		}
	}
	if err := e.Router.Settled(ctx, e.who); err != nil {
		return err
	}
	if e.counts, err = e.count(e.who); err != nil {
		return err
	}
	for _, c := range e.counts {
		o.Erased = append(o.Erased, &schemas.Erased{Family: c.Family, Facts: uint64(c.Facts)})
	}
	return e.Rights.order(ctx, o)
}

func countsOf(o *schemas.Ordered) (all []Count) {
	for _, e := range o.GetErased() {
		all = append(all, Count{e.GetFamily(), int(e.GetFacts())})
	}
	return all
}

// ordered looks for an order of the same kind about the same account in lane proof.
func (r *Rights) ordered(ctx context.Context, like *schemas.Ordered) (found *schemas.Ordered, err error) {
	server, mark := r.Keys.Server(), r.Log.Mark(eventlog.Proof)
	if mark == 0 {
		return nil, nil
	}
	entity := server.Entity(schemas.Family_PROOF_FACTS, orderEntity(like))
	if r.Whole != nil {
		r.Whole.Lock()
		defer r.Whole.Unlock()
	}
	err = r.Log.Read(ctx, eventlog.Proof, 1, mark, func(records []eventlog.Record) error {
		for _, rec := range records {
			if string(rec.Envelope.GetEntity()) != string(entity[:]) {
				continue
			}
			about, err := seal.AboutOf(rec.Envelope)
			if err != nil {
				return err
			}
			m, err := eventlog.Open(server, about, rec.Sealed)
			if err != nil {
				return err
			}
			found, _ = m.(*schemas.Ordered)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("look for an order: %w", err)
	}
	return found, nil
}
