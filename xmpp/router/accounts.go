package router

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"log/slog"
	"sync"
	"time"

	"protokoll/accounts"
	"protokoll/eventlog"
)

const shardCount = 64

// shard holds part of the accounts in memory, so that look-ups on many cores do not meet.
type shard struct {
	mu       sync.RWMutex
	accounts map[string]*Account // by bare JID
}

var seed = maphash.MakeSeed()

func (r *Router) shard(bare []byte) *shard { return &r.shards[maphash.Bytes(seed, bare)%shardCount] }

// peek returns an account that is in memory, or nil.
func (r *Router) peek(bare []byte) *Account {
	s := r.shard(bare)
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.accounts[string(bare)]
}

func (r *Router) peekString(bare string) *Account {
	s := &r.shards[maphash.String(seed, bare)%shardCount]
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.accounts[bare]
}

// Unopened is returned for an address that may belong to somebody who never signed in: call Resolve off the reading
// goroutine, then try again.
type Unopened struct{ Domain, Localpart string }

// Error implements error. It names nobody.
func (*Unopened) Error() string { return "account not opened yet" }

// ErrUndecided is returned for an address of which nobody can tell now whether it is an account's: the directory does not
// answer, or the account could not be opened. The sender is told to wait.
var ErrUndecided = errors.New("not known now whether there is such an account")

// undecidedRetry is how long an address that was undecided is not asked for again.
const undecidedRetry = 5 * time.Second

// Find returns the account of an address. It returns accounts.ErrNoAccount, ErrUndecided, ErrNotOurs or *Unopened.
func (r *Router) Find(a Address) (*Account, error) {
	if found := r.peek(a.Bare()); found != nil {
		if found.shut.Load() {
			return nil, accounts.ErrNoAccount
		}
		return found, nil
	}
	if !r.Ours(a.Domain()) {
		return nil, ErrNotOurs
	}
	domain, local := string(a.Domain()), string(a.Localpart())
	if local == "" {
		return nil, accounts.ErrNoAccount
	}
	who, err := r.Accounts.Find(domain, local)
	switch {
	case err == nil && who.Closing.IsZero():
		return r.keep(who), nil
	case err == nil:
		return nil, accounts.ErrNoAccount // not a directory's to open again
	case !errors.Is(err, accounts.ErrNoAccount):
		return nil, fmt.Errorf("find an account: %w", err)
	case r.Resolve == nil:
		return nil, accounts.ErrNoAccount
	}
	if why := r.unknown.why(string(a.Bare()), r.Clock()); why != nil {
		return nil, why
	}
	return nil, &Unopened{domain, local}
}

// Open asks the directory for who was Unopened, and remembers for a moment that there is nobody, or that nobody can tell. It
// may take long.
func (r *Router) Open(ctx context.Context, u *Unopened) error {
	_, err := r.Resolve(ctx, u.Domain, u.Localpart)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, accounts.ErrNoAccount):
		r.unknown.add(u.Localpart+"@"+u.Domain, absence{accounts.ErrNoAccount, r.Clock().Add(r.Limits.ResolveRetry)})
		return nil
	}
	r.unknown.add(u.Localpart+"@"+u.Domain, absence{ErrUndecided, r.Clock().Add(undecidedRetry)})
	return fmt.Errorf("ask for an account: %w", err)
}

// keep puts an account into memory.
func (r *Router) keep(who accounts.Account) *Account {
	a := newAccount(r, who)
	s := r.shard([]byte(a.bare))
	s.mu.Lock()
	defer s.mu.Unlock()
	if other := s.accounts[a.bare]; other != nil {
		return other
	}
	a.groups = r.shared.Load() // under the lock: SetShared finds the account here, or it finds what SetShared set
	s.accounts[a.bare] = a
	return a
}

// locked finds an account and locks it. The caller unlocks it.
func (r *Router) locked(addr Address) (*Account, error) {
	for {
		a, err := r.Find(addr)
		if err != nil {
			return nil, err
		}
		if a.lock() {
			return a, nil
		}
	}
}

// unknown remembers addresses that belong to nobody, or of which that is not known, so that a directory is not asked for each
// message to them.
type unknown struct {
	mu     sync.Mutex
	absent map[string]absence // by bare JID
}

// absence is why an address has no account, and until when that is believed.
type absence struct {
	why   error // accounts.ErrNoAccount or ErrUndecided
	until time.Time
}

// maxUnknown bounds it; beyond, everything is forgotten.
const maxUnknown = 10_000

// why returns the reason that is remembered, or nil.
func (u *unknown) why(bare string, now time.Time) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	if a := u.absent[bare]; now.Before(a.until) {
		return a.why
	}
	return nil
}

func (u *unknown) add(bare string, a absence) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.absent == nil || len(u.absent) >= maxUnknown {
		u.absent = map[string]absence{}
	}
	u.absent[bare] = a
}

// sweepEvery is how often, at least, memory that the projection has caught up with is given back.
const sweepEvery = 10 * time.Second

// sweep evicts accounts that nobody needs, and drops written values that the projection now holds.
func (r *Router) sweep() {
	tick := time.NewTicker(min(sweepEvery, r.Limits.Idle))
	defer tick.Stop()
	for {
		select {
		case <-r.stopped.Done():
			return
		case <-tick.C:
			r.sweepOnce()
			r.Guard(r.lookAgain)
		}
	}
}

func (r *Router) sweepOnce() {
	due := r.sweepable()
	if len(due) == 0 {
		return
	}
	began := r.Clock()
	if err := r.State.Wait(r.stopped, r.marks()...); err != nil {
		if r.stopped.Err() == nil {
			r.Logger.Warn("wait for the projection", slog.Any("error", err))
		}
		return
	}
	for _, a := range due {
		r.sweepAccount(a, began)
	}
}

// marks are the ends of the lanes that accounts read.
func (r *Router) marks() (marks []eventlog.Position) {
	for _, l := range []eventlog.Lane{eventlog.Now, eventlog.Inbox, eventlog.Lasting, eventlog.Archive} {
		if n := r.Log.Mark(l); n > 0 {
			marks = append(marks, eventlog.Position{Lane: l, Number: n})
		}
	}
	return marks
}

// sweepable returns the accounts that have something to give back.
func (r *Router) sweepable() (due []*Account) {
	now := r.Clock()
	for i := range r.shards {
		s := &r.shards[i]
		s.mu.RLock()
		for _, a := range s.accounts {
			// Never wait here: accounts are locked before shards. One that is busy has its turn next time.
			if a.mu.TryLock() {
				if len(a.written) > 0 || a.idle(now.Add(-r.Limits.Idle)) {
					due = append(due, a)
				}
				a.mu.Unlock()
			}
		}
		s.mu.RUnlock()
	}
	return due
}

// sweepAccount drops what was on disk before began, and the whole account if it is idle.
func (r *Router) sweepAccount(a *Account, began time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.dropWritten(began)
	if a.gone || !a.idle(began.Add(-r.Limits.Idle)) {
		return
	}
	a.gone = true
	r.arrivals.drop(a)
	s := r.shard([]byte(a.bare))
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.accounts, a.bare)
}
