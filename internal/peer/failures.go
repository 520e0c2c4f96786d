package peer

import (
	"crypto/hmac"
	"crypto/sha256"
	"time"
)

const (
	// failureStep is the first delay after the free failures; each further failure doubles it.
	failureStep = 250 * time.Millisecond
	// originStep is the time from one check to the next at an origin that has failed too often: little enough that one guesser
	// does not lock out everybody behind the same address, too much for trying a password on every name (10 a second).
	originStep = 100 * time.Millisecond
	// failureDecay is how long it takes until one failure is forgotten.
	failureDecay = 30 * time.Second
	// maxNames bounds how many names are watched; beyond it only their origins are.
	maxNames = 1 << 16
)

// failures counts refused sign-ins.
type failures struct {
	count int
	last  time.Time // the last one, moved on by decay
	free  time.Time // before it no sign-in is checked
}

// Failed counts a refused sign-in. name is the account that was tried, empty if none was named.
func (o *Origins) Failed(k Origin, name string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	now := o.clock()
	r := o.records[k]
	if r == nil {
		r = &record{tokens: float64(o.limits.Burst), refilled: now}
		o.records[k] = r
	}
	r.failures.add(now)
	if name == "" {
		return
	}
	id := o.named(k, name)
	f := o.names[id]
	if f == nil {
		if len(o.names) >= maxNames {
			return
		}
		f = &failures{}
		o.names[id] = f
	}
	f.add(now)
}

// Wait reserves the time for the next check of a name's password from an origin: the caller waits that long before it asks
// anybody, so that a right password is not quicker than a wrong one. ok is false where the turns are used up; try later.
func (o *Origins) Wait(k Origin, name string) (wait time.Duration, ok bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	now := o.clock()
	if r := o.records[k]; r != nil {
		if wait, ok = r.failures.reserve(now, o.limits.FreeOriginFailures, originStep, o.limits.MaxWait); !ok {
			return 0, false
		}
	}
	f := o.names[o.named(k, name)]
	if f == nil {
		return wait, true
	}
	more, ok := f.reserve(now, o.limits.FreeFailures, o.limits.MaxWait, o.limits.MaxWait)
	return max(wait, more), ok
}

// named is the key of a name at an origin. Under o.mu.
func (o *Origins) named(k Origin, name string) (id Origin) {
	m := hmac.New(sha256.New, o.secret[:])
	m.Write(k.key[:])
	m.Write([]byte(name))
	copy(id.key[:], m.Sum(nil))
	return id
}

func (f *failures) add(now time.Time) {
	f.decay(now)
	f.count++
}

// reserve returns how long the next check has to wait: steps grow up to slowest, and ok is false where it would be more than
// longest. free 0 is no limit.
func (f *failures) reserve(now time.Time, free int, slowest, longest time.Duration) (wait time.Duration, ok bool) {
	f.decay(now)
	over := f.count - free
	if free <= 0 || over <= 0 {
		return 0, true
	}
	step := slowest
	if over < 16 {
		step = min(failureStep<<(over-1), slowest)
	}
	at := now.Add(step)
	if next := f.free.Add(step); next.After(at) {
		at = next
	}
	if wait = at.Sub(now); wait > longest {
		return 0, false
	}
	f.free = at
	return wait, true
}

// decay forgets one failure for each failureDecay that has passed.
func (f *failures) decay(now time.Time) {
	if f.count == 0 {
		f.last = now
		return
	}
	if n := int(now.Sub(f.last) / failureDecay); n > 0 {
		f.count = max(0, f.count-n)
		f.last = f.last.Add(time.Duration(n) * failureDecay)
	}
}
