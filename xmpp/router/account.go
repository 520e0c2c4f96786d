package router

import (
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/protobuf/proto"

	"protokoll/accounts"
	"protokoll/eventlog"
	"protokoll/eventlog/seal"
	"protokoll/projections/state"
	"protokoll/schemas"
	"protokoll/xmpp/archive"
	"protokoll/xmpp/features"
	"protokoll/xmpp/pubsub"
	"protokoll/xmpp/roster"
)

// Account is one account while it is in memory.
type Account struct {
	r      *Router
	bare   string
	toAttr []byte // ready-made " to='bare'"
	byAttr []byte // ready-made " by='bare'/>"
	owner  *seal.Owner
	local  bool // its password is checked here, not by a directory

	snap    atomic.Pointer[snapshot]
	pending atomic.Int32 // commands that are not settled
	settled atomic.Int64 // when the last one was, nanoseconds
	failed  atomic.Bool  // one was not stored
	shut    atomic.Bool  // it is being erased: for others there is no such account

	pushMu sync.Mutex
	pushes []*rosterPush // not sent yet, in the order of their facts; guarded by pushMu

	mu        sync.Mutex
	gone      bool // evicted: find it again
	closed    bool // all its facts have ended: none may follow
	barred    bool // nobody may sign in: its processing is restricted
	touched   time.Time
	resources []*Resource
	written   map[writtenKey]*written

	rosterLoaded bool
	roster       map[string]roster.Item // by bare JID
	requests     int                    // items with an unanswered request
	lastRoster   *eventlog.Receipt      // of the newest change …
	rosterAt     time.Time              // … and when it was
	hasher       roster.Hasher
	version      roster.Version
	groups       *roster.Shared // those of the directory, as clients were told; nil: none

	blocksLoaded bool
	blocks       *features.Blocks

	prefsLoaded bool
	prefs       *archive.Preferences // nil: nothing is archived
	archived    *eventlog.Receipt    // of the newest change of the archive
	hoard       hoard

	copied copied

	targets    []*target // for notifications; a list is never changed
	pushLoaded bool

	box  box
	last lastSeen

	nodes *pubsub.Catalogue // nil: to be made from the facts

	photo       string // SHA-1 of the vCard's photo. XEP-0153 §3.1
	photoLoaded bool
	subscribers []string // who gets the presence; nil: to be made from the roster
}

func newAccount(r *Router, who accounts.Account) *Account {
	a := &Account{r: r, bare: who.Address(), owner: who.Owner, local: who.Local(), touched: r.Clock()}
	a.toAttr = append(appendEscaped([]byte(" to='"), a.bare), '\'')
	a.byAttr = append(appendEscaped([]byte(" by='"), a.bare), "'/>"...)
	a.snap.Store(&snapshot{backlog: true})
	a.shut.Store(!who.Closing.IsZero())
	a.barred = !who.Restricted.IsZero()
	return a
}

// lock locks the account. It returns false, and does not, if the account was evicted.
func (a *Account) lock() bool {
	a.mu.Lock()
	if a.gone {
		a.mu.Unlock()
		return false
	}
	a.touched = a.r.Clock()
	return true
}

// idle tells whether nobody needs the account in memory since before. The caller holds the lock.
func (a *Account) idle(before time.Time) bool {
	return len(a.resources) == 0 && a.pending.Load() == 0 && a.touched.Before(before) &&
		a.settled.Load() < before.UnixNano() && !a.box.busy()
}

// Bare returns the bare JID.
func (a *Account) Bare() string { return a.bare }

// Owner returns the owner of the account's facts.
func (a *Account) Owner() *seal.Owner { return a.owner }

// snapshot is what routing reads of an account without a lock. It is immutable.
type snapshot struct {
	views   []view
	blocks  *features.Blocks
	prefs   *archive.Preferences
	backlog bool      // messages may wait: whatever would be stored must be decided under the lock, behind them
	targets []*target // for notifications
}

// view is a resource as routing sees it.
type view struct {
	*Resource
	available  bool
	priority   int8
	carbons    bool
	interested bool   // in roster pushes
	blockList  bool   // in block list pushes
	privacy    bool   // in privacy list pushes
	list       string // the active privacy list; empty: none. XEP-0016 §2.4
	presence   Parcel
	notify     *features.Notify // what it wants to hear of
}

// publish replaces the snapshot. The caller holds the lock.
func (a *Account) publish() {
	s := &snapshot{blocks: a.blocks, targets: a.targets, prefs: a.prefs, backlog: a.backlog()}
	s.views = make([]view, 0, len(a.resources))
	for _, r := range a.resources {
		s.views = append(s.views, r.view)
	}
	a.snap.Store(s)
}

// backlog tells whether messages may wait, or whether nobody is there: then the account may be evicted at any moment, which
// only the lock can tell. The caller holds the lock.
func (a *Account) backlog() bool {
	return !a.box.loaded || !a.prefsLoaded || len(a.box.letters) > 0 || len(a.resources) == 0
}

// presenceOf tells what a snapshot has to offer to messages. RFC 6121 §8.5
func (s *snapshot) presenceOf() Presence {
	who := Away
	for i := range s.views {
		switch v := &s.views[i]; {
		case !v.available:
		case v.priority >= 0:
			return NonNegative
		default:
			who = OnlyNegative
		}
	}
	return who
}

// find returns the resource with a full JID, or nil.
func (s *snapshot) find(full []byte) *view {
	for i := range s.views {
		if s.views[i].full == string(full) {
			return &s.views[i]
		}
	}
	return nil
}

// best returns the highest non-negative priority.
func (s *snapshot) best() int8 {
	best := int8(-1)
	for i := range s.views {
		if v := &s.views[i]; v.available {
			best = max(best, v.priority)
		}
	}
	return best
}

// append enqueues a command. The caller holds the lock, and has changed the live state, which is loaded anew if it fails.
func (a *Account) append(cause schemas.Cause, facts ...eventlog.Fact) *eventlog.Receipt {
	if a.closed {
		return refusedReceipt()
	}
	a.pending.Add(1)
	rc := a.r.Log.Append(eventlog.Command{Owner: a.owner, Cause: cause, Facts: facts})
	a.r.known(rc, func(err error) {
		a.settled.Store(a.r.Clock().UnixNano())
		if err != nil {
			a.failed.Store(true)
		}
		if a.pending.Add(-1) == 0 && a.failed.Swap(false) {
			a.r.work(a.reload)
		}
	})
	return rc
}

// reload takes the live state back to what is on disk, after an append failed. RFC 6121 knows no way to take a push back:
// who asked gets an error, once this has returned.
func (a *Account) reload() {
	for !a.reloadOnce() {
		select {
		case <-a.r.stopped.Done():
			return
		case <-time.After(reloadPause):
		}
	}
}

// reloadPause is how long a reload waits for appends that are still on their way.
const reloadPause = 5 * time.Millisecond

func (a *Account) reloadOnce() bool {
	if err := a.r.State.Wait(a.r.stopped, a.r.marks()...); err != nil {
		return true // stopping
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.pending.Load() > 0 {
		return false
	}
	a.written = nil
	a.rosterLoaded, a.blocksLoaded, a.last.loaded, a.photoLoaded, a.prefsLoaded = false, false, false, false, false
	a.pushLoaded = false
	a.last.presence = nil
	a.forgetNodes()
	a.ready()
	a.publish()
	return true
}

// ready loads what a session needs of its account. What cannot be read is empty until it can. The caller holds the lock.
func (a *Account) ready() {
	for _, load := range []func() error{a.loadRoster, a.loadBlocks, a.loadLast, a.loadPrefs, a.loadBox, a.loadPush} {
		if err := load(); err != nil {
			a.r.Logger.Error("account not loaded", slog.Any("error", err))
		}
	}
}

// writtenKey names a fact whose newest value the projection may not have yet.
type writtenKey struct {
	family schemas.Family
	entity schemas.EntityID
}

// written is that value. It is dropped once the projection has it.
type written struct {
	value proto.Message // nil: ended
	at    *atomic.Int64 // when its command was settled, nanoseconds; 0 before
}

// write appends facts that readers must see at once. The caller holds the lock.
func (a *Account) write(cause schemas.Cause, facts ...eventlog.Fact) *eventlog.Receipt {
	at := new(atomic.Int64)
	if a.written == nil {
		a.written = map[writtenKey]*written{}
	}
	for i := range facts {
		f := &facts[i]
		if f.Family == 0 && f.Value != nil {
			if t, err := schemas.TypeOf(f.Value); err == nil {
				f.Family = t.Family
			}
		}
		a.written[writtenKey{f.Family, a.owner.Entity(f.Family, f.Entity)}] = &written{f.Value, at}
	}
	a.foldNodes(facts)
	rc := a.append(cause, facts...)
	a.r.known(rc, func(error) { at.Store(a.r.Clock().UnixNano()) })
	return rc
}

// dropWritten forgets values that were on disk before began, when the projection has passed that moment. The caller holds
// the lock.
func (a *Account) dropWritten(began time.Time) {
	for k, w := range a.written {
		if at := w.at.Load(); at != 0 && at < began.UnixNano() {
			delete(a.written, k)
		}
	}
	if len(a.written) == 0 {
		a.written = nil // idle accounts are many
	}
}

// get returns the value of one entity, nil if it has none. The caller holds the lock.
func (a *Account) get(f schemas.Family, entity string) (proto.Message, error) {
	id := a.owner.Entity(f, entity)
	if w := a.written[writtenKey{f, id}]; w != nil {
		return w.value, nil
	}
	fact, ok, err := a.r.State.Get(a.owner.ID(), f, id)
	if err != nil || !ok {
		return nil, err
	}
	return a.open(fact)
}

// all returns the values of a family. The caller holds the lock.
func (a *Account) all(f schemas.Family) ([]proto.Message, error) {
	facts, err := a.r.State.Facts(a.owner.ID(), f)
	if err != nil {
		return nil, fmt.Errorf("read facts: %w", err)
	}
	values := make([]proto.Message, 0, len(facts))
	for _, fact := range facts {
		if a.written[writtenKey{f, fact.Entity}] != nil {
			continue
		}
		m, err := a.open(fact)
		if err != nil {
			return nil, err
		}
		values = append(values, m)
	}
	for k, w := range a.written {
		if k.family == f && w.value != nil {
			values = append(values, w.value)
		}
	}
	return values, nil
}

// open opens a sealed fact.
func (a *Account) open(f state.Fact) (proto.Message, error) {
	return eventlog.Open(a.owner, f.About, f.Sealed)
}
