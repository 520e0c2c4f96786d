package peer

import (
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
	// Refused sign-ins of one name from one origin that delay nothing; the same for all names of an origin together, which
	// is much more, because one address may stand for a whole campus; and the longest wait.
	FreeFailures, FreeOriginFailures int
	MaxWait                          time.Duration
}

// DefaultLimits suit a university whose wireless network hides thousands behind a few addresses.
var DefaultLimits = Limits{Connections: 4000, PerSecond: 200, Burst: 2000, FreeFailures: 10, FreeOriginFailures: 300, MaxWait: 10 * time.Second}

// record is what is known of an origin.
type record struct {
	open     int
	tokens   float64 // new connections it may still make
	refilled time.Time
	failures failures
}

// Origins counts by origin. Its methods may be called from everywhere.
type Origins struct {
	limits Limits
	clock  func() time.Time

	mu      sync.Mutex
	secret  [32]byte
	since   time.Time // of the secret
	scratch [48]byte  // a secret and an address, while they are hashed
	records map[Origin]*record
	names   map[Origin]*failures // refused sign-ins by origin and name
}

// NewOrigins returns an empty table. A nil clock is time.Now.
func NewOrigins(limits Limits, clock func() time.Time) *Origins {
	if clock == nil {
		clock = time.Now
	}
	return &Origins{limits: limits, clock: clock, records: make(map[Origin]*record), names: make(map[Origin]*failures)}
}

// key returns the origin of an address and forgets the address. Under o.mu. All that is hashed has one length, so a prefix of
// secret bytes is as good a key as HMAC's, and nothing of it is allocated: freed memory is not cleared before its next use.
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
	copy(o.scratch[copy(o.scratch[:], o.secret[:]):], b[:])
	sum := sha256.Sum256(o.scratch[:])
	clear(o.scratch[:])
	return Origin{key: [16]byte(sum[:16])}
}

// prune drops what says nothing any more. Open connections keep theirs.
func (o *Origins) prune(now time.Time) {
	for k, r := range o.records {
		if r.open == 0 && now.Sub(r.failures.last) > Rotation && now.Sub(r.refilled) > Rotation {
			delete(o.records, k)
		}
	}
	for k, f := range o.names {
		if now.Sub(f.last) > Rotation {
			delete(o.names, k)
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
	if r.open--; r.open <= 0 && r.failures.count == 0 && o.limits.PerSecond == 0 {
		delete(o.records, k)
	}
}

// Len returns how many origins are known.
func (o *Origins) Len() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.records)
}
