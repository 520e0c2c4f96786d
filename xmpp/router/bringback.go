package router

import (
	"context"
	"fmt"

	"protokoll/accounts"
	"protokoll/eventlog"
	"protokoll/schemas"
	"protokoll/xmpp/stream"
)

// errReset ends sessions whose account was changed under them: they would not know what it holds. RFC 6120 §4.9.3.16
var errReset = &stream.Error{Condition: stream.Reset, Text: "what is stored for this account was changed by the operator"}

// BringBack appends facts that staff takes from an older state, as one command, and returns when they are on disk and the live
// account says the same. Sessions end before: clients sign in again and find what is there now.
func (r *Router) BringBack(ctx context.Context, who accounts.Account, facts []eventlog.Fact) error {
	a := r.hold(who)
	a.mu.Unlock()
	a.expel(errReset)
	a = r.hold(who)
	rc := a.append(schemas.Cause_STAFF, facts...)
	a.lastRoster, a.rosterAt = rc, a.r.Clock()
	a.mu.Unlock()
	if err := rc.Wait(ctx); err != nil {
		return fmt.Errorf("bring facts back: %w", err)
	}
	if err := r.State.Wait(ctx, rc.Positions()...); err != nil {
		return fmt.Errorf("bring facts back: %w", err)
	}
	a.reload()
	return nil
}
