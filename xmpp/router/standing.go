package router

import (
	"context"
	"errors"
	"slices"
	"time"

	"google.golang.org/protobuf/proto"

	"protokoll/accounts"
	"protokoll/eventlog"
	"protokoll/schemas"
	"protokoll/xmpp/stream"
)

// How an account stands: whether its processing is restricted, or whether it is being erased. Package rights decides; here is
// what has to happen under the account's lock, and to its sessions.

// errClosed is why nothing is appended for an account that was erased.
var errClosed = errors.New("the account is erased")

// refusedReceipt is that of a command which came too late.
func refusedReceipt() *eventlog.Receipt {
	rc := eventlog.NewReceipt(1)
	rc.Settle(eventlog.Position{}, errClosed)
	return rc
}

// The stream errors that end sessions. Prosody and ejabberd use this condition for accounts that were removed, and clients do
// not try again and again behind it. RFC 6120 §4.9.3.12
var (
	errErased     = &stream.Error{Condition: stream.NotAuthorized, Text: "this account is being erased"}
	errRestricted = &stream.Error{Condition: stream.NotAuthorized, Text: "the processing of this account is restricted"}
)

// hold locks an account by its owner, whether others can find it or not. The caller unlocks it.
func (r *Router) hold(who accounts.Account) *Account {
	for {
		a := r.keep(who)
		if a.owner.ID() != who.Owner.ID() { // the address is somebody else's by now
			a = newAccount(r, who)
		}
		if a.lock() {
			return a
		}
	}
}

// Natural keys of facts of family account.
const (
	entityClosing     = "closing"
	entityRestriction = "restriction"
)

// Shut begins an erasure: the account is closing from now on, for others it does not exist, and its sessions end. The receipt
// is nil if it was closing already. DESIGN §7
func (r *Router) Shut(who accounts.Account, since int64) *eventlog.Receipt {
	a := r.hold(who)
	var rc *eventlog.Receipt
	if !a.shut.Swap(true) {
		rc = a.write(schemas.Cause_STAFF, eventlog.Set(entityClosing, &schemas.AccountClosing{Since: since}))
		r.known(rc, func(err error) {
			if err != nil {
				a.shut.Store(false) // it never began
			}
		})
	}
	a.mu.Unlock()
	a.expel(errErased)
	return rc
}

// Restrict states that nobody may sign in, and ends the sessions: contacts see what they see of everybody who is offline. The
// receipt is nil if the account was restricted already. GDPR Art. 18
func (r *Router) Restrict(who accounts.Account, fact *schemas.AccountRestricted) (*eventlog.Receipt, error) {
	a := r.hold(who)
	rc, err := a.declare(entityRestriction, fact)
	if err == nil {
		a.barred = true
	}
	a.mu.Unlock()
	if err == nil {
		a.expel(errRestricted)
	}
	return rc, err
}

// Unrestrict lets the owner sign in again. The receipt is nil if the account was not restricted.
func (r *Router) Unrestrict(who accounts.Account) (*eventlog.Receipt, error) {
	a := r.hold(who)
	defer a.mu.Unlock()
	rc, err := a.retract(entityRestriction)
	if err == nil {
		a.barred = false
	}
	return rc, err
}

// Declare states a fact of family account unless the entity has a value; the receipt is nil then.
func (r *Router) Declare(who accounts.Account, entity string, fact proto.Message) (*eventlog.Receipt, error) {
	a := r.hold(who)
	defer a.mu.Unlock()
	return a.declare(entity, fact)
}

// Retract ends a fact of family account; the receipt is nil if the entity has no value.
func (r *Router) Retract(who accounts.Account, entity string) (*eventlog.Receipt, error) {
	a := r.hold(who)
	defer a.mu.Unlock()
	return a.retract(entity)
}

// declare is Declare. The caller holds the lock.
func (a *Account) declare(entity string, fact proto.Message) (*eventlog.Receipt, error) {
	before, err := a.get(schemas.Family_ACCOUNT_FACTS, entity)
	if err != nil || before != nil {
		return nil, err
	}
	return a.write(schemas.Cause_STAFF, eventlog.Set(entity, fact)), nil
}

// retract is Retract. The caller holds the lock.
func (a *Account) retract(entity string) (*eventlog.Receipt, error) {
	before, err := a.get(schemas.Family_ACCOUNT_FACTS, entity)
	if err != nil || before == nil {
		return nil, err
	}
	return a.write(schemas.Cause_STAFF, eventlog.End(schemas.Family_ACCOUNT_FACTS, entity)), nil
}

// expel ends all sessions, waiting ones too; contacts hear that they are unavailable.
func (a *Account) expel(why *stream.Error) {
	a.mu.Lock()
	all := slices.Clone(a.resources)
	a.mu.Unlock()
	t := stream.NewTurn()
	defer t.End()
	for _, res := range all {
		res.Outlet.Expelled(t, why)
		a.r.Leave(res, t)
	}
}

// Settled returns when everything that was appended for an account is folded: what its sessions left behind, once they have
// ended.
func (r *Router) Settled(ctx context.Context, who accounts.Account) error {
	a := r.hold(who)
	a.mu.Unlock()
	for a.pending.Load() > 0 {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-r.stopped.Done():
			return eventlog.ErrStopped
		case <-time.After(reloadPause):
		}
	}
	return r.State.Wait(ctx, r.marks()...)
}

// CloseFacts ends all facts of an account that was shut, in every lane, and returns when that is on disk and folded. Nothing is
// appended for its owner afterwards, and the router forgets it. Lane lasting comes last: it tells that the erasure has begun,
// until all is closed. DESIGN §7
func (r *Router) CloseFacts(ctx context.Context, who accounts.Account) error {
	a := r.hold(who)
	first := r.close(a, eventlog.Now, eventlog.Inbox, eventlog.Archive)
	a.closed, a.gone = true, true
	a.written = nil
	a.forgetNodes()
	r.arrivals.drop(a)
	s := r.shard([]byte(a.bare))
	s.mu.Lock()
	delete(s.accounts, a.bare)
	s.mu.Unlock()
	a.mu.Unlock()
	if err := r.folded(ctx, first); err != nil {
		return err
	}
	return r.folded(ctx, r.close(a, eventlog.Lasting))
}

// close appends the end of all facts in some lanes.
func (r *Router) close(a *Account, lanes ...eventlog.Lane) *eventlog.Receipt {
	c := eventlog.Command{Owner: a.owner, Cause: schemas.Cause_RETENTION}
	for _, l := range lanes {
		c.Facts = append(c.Facts, eventlog.Fact{Op: schemas.Op_CLOSE, Family: closers[l]})
	}
	return r.Log.Append(c)
}

// closers are families whose CLOSE ends a lane.
var closers = map[eventlog.Lane]schemas.Family{
	eventlog.Now:     schemas.Family_SESSION_FACTS,
	eventlog.Inbox:   schemas.Family_OFFLINE_FACTS,
	eventlog.Lasting: schemas.Family_ACCOUNT_FACTS,
	eventlog.Archive: schemas.Family_ARCHIVE_FACTS,
}

// folded returns when a command is on disk and state has folded it.
func (r *Router) folded(ctx context.Context, rc *eventlog.Receipt) error {
	if err := rc.Wait(ctx); err != nil {
		return err
	}
	return r.State.Wait(ctx, rc.Positions()...)
}
