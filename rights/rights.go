package rights

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"protokoll/accounts"
	"protokoll/eventlog"
	"protokoll/eventlog/seal"
	"protokoll/projections/state"
	"protokoll/schemas"
	"protokoll/xmpp/router"
)

// By is who asks, and why.
type By struct {
	Actor  string
	Reason string
}

// State is what is read of projections/state.
type State interface {
	Facts(schemas.OwnerID, schemas.Family) ([]state.Fact, error)
	Get(schemas.OwnerID, schemas.Family, schemas.EntityID) (state.Fact, bool, error)
	Each(schemas.Family, func(state.Fact) error) error
	Wait(context.Context, ...eventlog.Position) error
}

// Ledger vouches for a receipt.
type Ledger interface {
	// Passed returns when the ledger durably holds a position.
	Passed(context.Context, eventlog.Position) error
	// Checkpoint returns the newest one, signed.
	Checkpoint() ([]byte, error)
	// SignReceipt signs a text that ends with a newline.
	SignReceipt(text string) ([]byte, error)
}

// Config is what Rights is made of.
type Config struct {
	Log      eventlog.Log
	State    State
	Keys     *seal.Keybook
	Accounts *accounts.Registry
	Router   *router.Router
	Logger   *slog.Logger

	// Audited appends an audit event and returns when it is on disk.
	Audited func(ctx context.Context, by By, action, detail string, subjects ...schemas.OwnerID) error
	// Reserve is how long an erased account's address is not given to anybody else. 0: it is free at once.
	Reserve time.Duration
	// Nudge tells who takes events out of the log that something is due at once. May be nil.
	Nudge func()
	// Shown is told whose objections are other ones, or who was erased: what is shown of them from a directory follows. May be nil.
	Shown func(bare string)
	// Unlink returns when the files of an account are unlinked. Nil: there are none.
	Unlink func(schemas.OwnerID) error
	// Ledger signs receipts. Nil: they are not signed.
	Ledger Ledger
	// KeyPlace says in words what holds the root key: forgetting is as strong as that. May be empty.
	KeyPlace string
	Clock    func() time.Time // nil: time.Now
	// Whole is held while lane proof is read from its beginning. May be nil.
	Whole sync.Locker
	// Before is called before each step of an erasure; an error ends it there, as a kill would. For tests of faults. May be nil.
	Before func(Step) error
}

// Rights carries out what people ask for. It may be used by many goroutines.
type Rights struct {
	Config
	changing sync.Mutex // one change of how an account stands at a time
}

// New returns Rights.
func New(c Config) *Rights {
	if c.Clock == nil {
		c.Clock = time.Now
	}
	return &Rights{Config: c}
}

var (
	// ErrErased is returned for an address whose account was erased: there is nothing left to be done.
	ErrErased = errors.New("the account is erased already")
	// ErrClosing is returned for an account that is being erased.
	ErrClosing = errors.New("the account is being erased")
)

// find returns the account of an address, also one whose erasure did not come to its end. It returns accounts.ErrNoAccount or
// ErrErased if there is none.
func (r *Rights) find(domain, localpart string) (accounts.Account, error) {
	a, err := r.Accounts.Find(domain, localpart)
	if !errors.Is(err, accounts.ErrNoAccount) {
		return a, err
	}
	closing, listErr := r.Accounts.Closing()
	if listErr != nil {
		return a, listErr
	}
	for _, c := range closing {
		if c.Domain == domain && c.Localpart == localpart {
			return c, nil
		}
	}
	until, reservedErr := r.Accounts.Reserved(domain, localpart)
	switch {
	case reservedErr != nil:
		return a, reservedErr
	case !until.IsZero():
		return a, fmt.Errorf("%w; the address is kept free until %s", ErrErased, until.UTC().Format(time.DateOnly))
	}
	return a, err
}

// open returns the account of an address that is not being erased.
func (r *Rights) open(domain, localpart string) (accounts.Account, error) {
	a, err := r.find(domain, localpart)
	if err == nil && !a.Closing.IsZero() {
		err = ErrClosing
	}
	return a, err
}

// order writes an order down for a restore, and returns when that is on disk.
func (r *Rights) order(ctx context.Context, o *schemas.Ordered) error {
	o.At = r.Clock().UnixMilli()
	receipt := r.Log.Append(eventlog.Command{Owner: r.Keys.Server(), Cause: schemas.Cause_STAFF, Facts: []eventlog.Fact{
		eventlog.Set(orderEntity(o), o),
	}})
	if err := receipt.Wait(ctx); err != nil {
		return fmt.Errorf("write down the order: %w", err)
	}
	return nil
}

// OrderEntity is what an order is about, for an import, which brings restrictions and objections of another server.
func OrderEntity(o *schemas.Ordered) string { return orderEntity(o) }

// orderEntity is the natural key of an order: owner, kind and, if it is about one, objection.
func orderEntity(o *schemas.Ordered) string {
	objection := ""
	if o.GetObjection() != 0 {
		objection = o.GetObjection().String()
	}
	return strings.ToLower(hex.EncodeToString(o.GetOwner()) + ":" + o.GetKind().String() + ":" + objection)
}

// settled returns when a command is on disk and folded; a nil receipt is.
func (r *Rights) settled(ctx context.Context, rc *eventlog.Receipt) error {
	if rc == nil {
		return nil
	}
	if err := rc.Wait(ctx); err != nil {
		return err
	}
	return r.State.Wait(ctx, rc.Positions()...)
}
