package directory

import (
	"crypto/tls"
	"sync"
	"time"
)

// Back-off of a server that does not answer: doubled at each failure between
// these bounds. The upper one is short, since it is the longest time for which
// people are refused after the directory is back.
const (
	firstBackoff = 250 * time.Millisecond
	maxBackoff   = 5 * time.Second
	// refusedBackoff is for a server that refuses the service account: more tries
	// would only lock it out.
	refusedBackoff = time.Minute
)

// server is one directory server and its circuit: closed while it answers; open,
// so that nobody waits for it, for the back-off after a failure; then one caller
// tries it and the others go on without it until the outcome is known.
type server struct {
	number     int // as in Config.URLs, from 1: what log lines say of it
	host, port string
	startTLS   bool
	tls        *tls.Config

	mu       sync.Mutex
	failures int       // guarded by mu
	retryAt  time.Time // guarded by mu
	trying   bool      // guarded by mu
	epoch    int       // guarded by mu; connections of an older epoch are not used again
	answered time.Time // guarded by mu; when somebody last got an answer, by the real clock
}

// admit tells whether a connection to the server may be tried now, and whether
// the caller is the one who finds out. That one must end its trial by success,
// failure or abandon.
func (s *server) admit(now time.Time) (ok, trial bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.failures == 0:
		return true, false
	case s.trying, now.Before(s.retryAt):
		return false, false
	}
	s.trying = true
	return true, true
}

// success closes the circuit and tells whether it was open.
func (s *server) success(now time.Time) (wasDown bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answered = now
	wasDown = s.failures > 0
	s.failures, s.trying = 0, false
	return wasDown
}

// failure opens the circuit and tells whether it was closed. A server that answered others while one waited in vain is not to
// blame: it is this machine that is busy, as when everybody signs in at once.
func (s *server) failure(now, began time.Time, refused bool) (wasUp bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !refused && s.answered.After(began) {
		s.trying = false
		return false
	}
	wasUp = s.failures == 0
	wait := refusedBackoff
	if !refused {
		wait = backoff(s.failures)
	}
	s.failures++
	s.epoch++
	s.retryAt, s.trying = now.Add(wait), false
	return wasUp
}

// up tells whether the circuit is closed.
func (s *server) up() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.failures == 0
}

// abandon ends a trial without an outcome.
func (s *server) abandon() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.trying = false
}

// retire makes existing connections unusable without blaming the server: it may
// have closed idle ones, or been restarted in between.
func (s *server) retire() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.epoch++
}

func (s *server) currentEpoch() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.epoch
}

func backoff(failures int) time.Duration {
	wait := firstBackoff
	for range failures {
		if wait >= maxBackoff {
			return maxBackoff
		}
		wait *= 2
	}
	return min(wait, maxBackoff)
}
