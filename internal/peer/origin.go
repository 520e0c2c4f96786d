package peer

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"sync"
	"time"
)

const (
	// Rotation is how long one secret turns addresses into origins.
	Rotation = time.Hour
	// prefix6 is how much of an IPv6 address says whose it is.
	prefix6 = 64
)

// Origin stands for where a connection comes from: an IPv4 address or an IPv6 network of 64 bits. Equal origins within
// one Rotation are the same place; nothing else can be learned from one without the secret.
type Origin struct{ key [16]byte }

// String never shows the key.
func (Origin) String() string { return text }

// Format prints the same under every verb.
func (Origin) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, text) } // fmt.State keeps its own errors

// LogValue implements slog.LogValuer.
func (Origin) LogValue() slog.Value { return slog.StringValue(text) }

// Limits bounds what one origin may do. A zero field means no limit.
type Limits struct {
	Connections int // open at once
	PerSecond   int // new connections a second, in the long run
	Burst       int // new connections at once after a quiet time
	// Sign-ins that failed without delay for those that follow, and the longest wait.
	FreeFailures int
	MaxWait      time.Duration
}

// DefaultLimits suit a university whose wireless network hides thousands behind a few addresses.
var DefaultLimits = Limits{Connections: 4000, PerSecond: 200, Burst: 2000, FreeFailures: 10, MaxWait: 10 * time.Second}

// failureStep is the first delay after FreeFailures; each further failure doubles it.
const failureStep = 250 * time.Millisecond

// failureDecay is how long it takes until one failure is forgotten.
const failureDecay = 30 * time.Second

// record is what is known of an origin.
type record struct {
	open     int
	tokens   float64 // new connections it may still make
	refilled time.Time
	failures int
	failed   time.Time // the last failure, moved on by decay
	free     time.Time // before it no sign-in is checked
}

// Origins counts by origin. Its methods may be called from everywhere.
type Origins struct {
	limits Limits
	clock  func() time.Time

	mu      sync.Mutex
	secret  [32]byte
	since   time.Time // of the secret
	records map[Origin]*record
}

// NewOrigins returns an empty table. A nil clock is time.Now.
func NewOrigins(limits Limits, clock func() time.Time) *Origins {
	if clock == nil {
		clock = time.Now
	}
	return &Origins{limits: limits, clock: clock, records: make(map[Origin]*record)}
}

// key returns the origin of an address and forgets the address. Under o.mu.
func (o *Origins) key(a netip.Addr, now time.Time) Origin {
	if o.since.IsZero() || now.Sub(o.since) >= Rotation {
		_, _ = rand.Read(o.secret[:]) // never fails
		o.since = now
		o.prune(now)
	}
	a = a.Unmap().WithZone("")
	if a.Is6() {
		if p, err := a.Prefix(prefix6); err == nil {
			a = p.Addr()
		}
	}
	b := a.As16()
	m := hmac.New(sha256.New, o.secret[:])
	m.Write(b[:])
	var key Origin
	copy(key.key[:], m.Sum(nil))
	return key
}

// prune drops what says nothing any more. Open connections keep theirs.
func (o *Origins) prune(now time.Time) {
	for k, r := range o.records {
		if r.open == 0 && now.Sub(r.failed) > Rotation && now.Sub(r.refilled) > Rotation {
			delete(o.records, k)
		}
	}
}

// admit decides on a new connection and counts it.
func (o *Origins) admit(a netip.Addr) (Origin, bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	now := o.clock()
	key := o.key(a, now)
	r := o.records[key]
	if r == nil {
		r = &record{tokens: float64(o.limits.Burst), refilled: now}
		o.records[key] = r
	}
	if o.limits.PerSecond > 0 {
		r.tokens = min(float64(max(o.limits.Burst, 1)), r.tokens+now.Sub(r.refilled).Seconds()*float64(o.limits.PerSecond))
		r.refilled = now
		if r.tokens < 1 {
			return key, false
		}
	}
	if o.limits.Connections > 0 && r.open >= o.limits.Connections {
		return key, false
	}
	r.tokens--
	r.open++
	return key, true
}

// release counts a connection out.
func (o *Origins) release(k Origin) {
	o.mu.Lock()
	defer o.mu.Unlock()
	r := o.records[k]
	if r == nil {
		return
	}
	if r.open--; r.open <= 0 && r.failures == 0 && o.limits.PerSecond == 0 {
		delete(o.records, k)
	}
}

// Failed counts a refused sign-in.
func (o *Origins) Failed(k Origin) {
	o.mu.Lock()
	defer o.mu.Unlock()
	now := o.clock()
	r := o.records[k]
	if r == nil {
		r = &record{tokens: float64(o.limits.Burst), refilled: now}
		o.records[k] = r
	}
	r.decay(now)
	r.failures++
}

// Wait reserves the time for the next check of a password from an origin: the caller waits that long before it asks
// anybody. ok is false where the origin has used up its turns; try later.
func (o *Origins) Wait(k Origin) (wait time.Duration, ok bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	r := o.records[k]
	if r == nil || o.limits.FreeFailures <= 0 {
		return 0, true
	}
	now := o.clock()
	r.decay(now)
	over := r.failures - o.limits.FreeFailures
	if over <= 0 {
		return 0, true
	}
	step := o.limits.MaxWait
	if over < 16 {
		step = min(failureStep<<(over-1), o.limits.MaxWait)
	}
	at := now.Add(step)
	if next := r.free.Add(step); next.After(at) {
		at = next
	}
	if wait = at.Sub(now); wait > o.limits.MaxWait {
		return 0, false
	}
	r.free = at
	return wait, true
}

// decay forgets one failure for each failureDecay that has passed.
func (r *record) decay(now time.Time) {
	if r.failures == 0 {
		r.failed = now
		return
	}
	if n := int(now.Sub(r.failed) / failureDecay); n > 0 {
		r.failures = max(0, r.failures-n)
		r.failed = r.failed.Add(time.Duration(n) * failureDecay)
	}
}

// Len returns how many origins are known.
func (o *Origins) Len() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.records)
}
