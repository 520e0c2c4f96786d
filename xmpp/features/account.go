package features

import (
	"strings"
	"time"

	"google.golang.org/protobuf/proto"

	"protokoll/eventlog"
	"protokoll/schemas"
)

// Facts reads the current facts of one account, its own writes that are not on disk yet included.
type Facts interface {
	// Get returns the value of one entity, nil if it has none.
	Get(f schemas.Family, entity string) (proto.Message, error)
	// All returns the values of all entities of a family, in no particular order.
	All(f schemas.Family) ([]proto.Message, error)
}

// Account is what a handler may do with an owner's facts. Implemented by the router.
type Account interface {
	Facts
	// Bare returns the bare JID.
	Bare() string
	// Change calls decide under the owner's lock and appends the facts that it returns; none: a nil receipt. decide must
	// read through the Facts it gets, not through the Account. An error of decide is returned as it is.
	Change(cause schemas.Cause, decide func(Facts) ([]eventlog.Fact, error)) (*eventlog.Receipt, error)
	// Subscribed tells whether the presence of this account may be seen by the bare JID: it is the owner's, or subscribed
	// (from or both), and it is not blocked.
	Subscribed(bare string) bool
	// LastSeen returns whether a resource is available now, else when the last one signed out and the status text it left
	// (zero and empty if never). XEP-0012 §3
	LastSeen() (LastSeen, error)
}

// LastSeen is the last activity of an account.
type LastSeen struct {
	Online bool
	At     time.Time
	Status string
}

// Session is the sender's session. Implemented by the session. Receipts are nil if there is nothing to wait for.
type Session interface {
	// SetCarbons turns copies of messages on or off. XEP-0280 §4
	SetCarbons(on bool) (*eventlog.Receipt, error)
	// SetBlockInterest notes that this resource gets pushes about the block list. XEP-0191 §3.3
	SetBlockInterest() (*eventlog.Receipt, error)
	// ID names the session until it ends: 16 random bytes.
	ID() []byte
}

// bareOf cuts the resource off a canonical JID.
func bareOf(jid string) string {
	bare, _, _ := strings.Cut(jid, "/")
	return bare
}
