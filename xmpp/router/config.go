package router

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"protokoll/accounts"
	"protokoll/eventlog"
	"protokoll/projections/state"
	"protokoll/schemas"
	"protokoll/xmpp/archive"
	"protokoll/xmpp/caps"
	"protokoll/xmpp/features"
	"protokoll/xmpp/roster"
)

// State is what the router reads of projections/state.
type State interface {
	Facts(owner schemas.OwnerID, f schemas.Family) ([]state.Fact, error)
	Get(owner schemas.OwnerID, f schemas.Family, e schemas.EntityID) (state.Fact, bool, error)
	Each(f schemas.Family, fn func(state.Fact) error) error
	Wait(ctx context.Context, positions ...eventlog.Position) error
}

// Accounts finds the owners of facts. Both parts of an address are prepared.
type Accounts interface {
	// Find returns accounts.ErrNoAccount for an address that has no account.
	Find(domain, localpart string) (accounts.Account, error)
	// ByOwner returns accounts.ErrNoAccount for an owner that is no account.
	ByOwner(id schemas.OwnerID) (accounts.Account, error)
}

// Config is what a Router needs. Everything but Resolve, Limits and Clock must be set.
type Config struct {
	Log      eventlog.Log
	State    State
	Accounts Accounts
	Domains  []string // prepared
	Registry *features.Registry
	Logger   *slog.Logger

	// Services are hosts of their own beside the domains, each with what it answers at features.Server; nothing else can be
	// sent to them. They are listed under every domain. XEP-0030 §4.1
	Services map[string]*features.Registry

	// Remotes leads to hosts that are not ours; nil: to none.
	Remotes Remotes

	// Archive says how much is archived; nil: archives have no limit.
	Archive archive.Hoard

	// Resolve opens an account for a person of the directory who never signed in. It may take as long as the directory does
	// and returns accounts.ErrNoAccount for a stranger. Nil: only accounts that exist are known.
	Resolve func(ctx context.Context, domain, localpart string) (accounts.Account, error)

	// Elsewhere says what people of a directory show who have published nothing themselves; nil: nothing.
	Elsewhere Elsewhere

	Limits Limits
	Clock  func() time.Time
}

// Limits bounds what one account may take. Zero values mean the defaults.
type Limits struct {
	Resources     int           // bound at once, hibernating ones included
	Letters       int           // messages that wait for one account
	LetterBytes   int           // their sealed size together
	Archived      int           // messages in the archive; the oldest make room
	ArchivedBytes int           // their sealed size together
	RosterItems   int           // items of one roster, requests of others included
	Requests      int           // of them, unanswered requests of others
	Directed      int           // addresses that one session sent directed presence to
	Idle          time.Duration // how long an account without a session stays in memory
	ResolveRetry  time.Duration // how long an unknown address is not asked for again
}

// The defaults of Limits.
const (
	DefaultResources     = 20
	DefaultLetters       = 5_000
	DefaultLetterBytes   = 16 << 20
	DefaultArchived      = 50_000
	DefaultArchivedBytes = 64 << 20
	DefaultRosterItems   = 5_000
	DefaultRequests      = 500
	DefaultDirected      = 500
	DefaultIdle          = 30 * time.Second
	DefaultResolveRetry  = 30 * time.Second
)

func (l Limits) withDefaults() Limits {
	or := func(v *int, d int) {
		if *v == 0 {
			*v = d
		}
	}
	or(&l.Resources, DefaultResources)
	or(&l.Letters, DefaultLetters)
	or(&l.LetterBytes, DefaultLetterBytes)
	or(&l.Archived, DefaultArchived)
	or(&l.ArchivedBytes, DefaultArchivedBytes)
	or(&l.RosterItems, DefaultRosterItems)
	or(&l.Requests, DefaultRequests)
	or(&l.Directed, DefaultDirected)
	if l.Idle == 0 {
		l.Idle = DefaultIdle
	}
	if l.ResolveRetry == 0 {
		l.ResolveRetry = DefaultResolveRetry
	}
	return l
}

// Router holds the accounts in memory and routes between them. It is safe for many goroutines.
type Router struct {
	Config
	domains      map[string]bool
	shards       [shardCount]shard
	later        later
	unknown      unknown
	asked        asked
	arrivals     arrivals
	newest       newest
	capabilities *caps.Cache
	accepted     atomic.Uint64 // messages with a duty, to keep their order
	daily        atomic.Pointer[daily]
	foreign      pending // requests of hosts that are not ours
	shared       atomic.Pointer[roster.Shared]
	regrouping   sync.Mutex    // one SetShared at a time
	ending       chan struct{} // holds one for each archive in which messages are being ended
	halted       atomic.Bool   // the log has stopped: only the next start can tell what is on disk

	stop    context.CancelFunc
	stopped context.Context
	workers sync.WaitGroup
}

// ErrNotOurs is returned for an address whose domain is not served here: remote-server-not-found.
var ErrNotOurs = errors.New("domain of another server")

// New returns a router that is ready to route. Close ends its goroutines.
func New(c Config) *Router {
	c.Limits = c.Limits.withDefaults()
	if c.Clock == nil {
		c.Clock = time.Now
	}
	r := &Router{Config: c, domains: map[string]bool{}, capabilities: caps.NewCache(caps.DefaultCached),
		foreign: pending{most: maxForeign}, ending: make(chan struct{}, archivesAtOnce)}
	for _, d := range c.Domains {
		r.domains[d] = true
	}
	for i := range r.shards {
		r.shards[i].accounts = map[string]*Account{}
	}
	r.stopped, r.stop = context.WithCancel(context.Background())
	r.later.init()
	r.workers.Go(r.workLater)
	r.workers.Go(r.sweep)
	r.Registry.Feature(features.Server, "urn:xmpp:features:rosterver")
	for _, host := range slices.Sorted(maps.Keys(c.Services)) {
		r.Registry.Item(features.Server, features.Item{JID: host, Name: c.Services[host].Name()})
	}
	if c.Remotes != nil {
		for _, host := range c.Remotes.Hosts() {
			r.Registry.Item(features.Server, features.Item{JID: host})
		}
	}
	return r
}

// Close ends the router's goroutines. Sessions must have ended or been stored before.
func (r *Router) Close() {
	r.stop()
	r.asked.close()
	r.later.close()
	r.workers.Wait()
}

// Ours tells whether a domain is served here.
func (r *Router) Ours(domain []byte) bool { return r.domains[string(domain)] }

func (r *Router) now() int64 { return r.Clock().UnixMilli() }
