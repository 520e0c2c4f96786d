package stream

import (
	"sync"
	"time"

	"protokoll/internal/wheel"
)

// signInBytes is what a sign-in costs of an account's rate, in bytes: far less than it costs the server, but enough that a client
// which signs in again and again is slowed down.
const signInBytes = 64 << 10

// account is what all signed-in streams of one account have in common. It outlives them until its rate is made up for, so that
// signing in anew gains nothing. XEP-0205 §4
type account struct {
	name    string      // bare JID
	streams int         // guarded by Server.mu
	expires wheel.Timer // while there are no streams

	mu     sync.Mutex
	bucket bucket // guarded by mu
}

// take returns how long to wait after n bytes of any of the account's streams.
func (a *account) take(n int, now time.Time) time.Duration {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.bucket.take(n, now)
}

// recovers returns when nothing of what was taken is owed any more.
func (a *account) recovers(now time.Time) time.Duration {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.bucket.take(0, now)
	return time.Duration(a.bucket.burst-a.bucket.level) * time.Second / time.Duration(a.bucket.rate)
}

// admit counts a stream of an account that has signed in. It returns nil where there are too many.
func (s *Server) admit(domain, localpart string) *account {
	name, l := localpart+"@"+domain, s.cfg.Limits
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.accounts[name]
	if a == nil {
		a = &account{name: name, bucket: bucket{rate: l.AccountRate, burst: l.AccountBurst}}
		s.accounts[name] = a
	}
	if a.streams >= l.AccountStream {
		return nil
	}
	a.streams++
	s.cfg.Wheel.Stop(&a.expires)
	return a
}

// dismiss counts a stream out. The caller holds mu.
func (s *Server) dismiss(a *account) {
	if a.streams--; a.streams > 0 {
		return
	}
	s.cfg.Wheel.Set(&a.expires, a.recovers(s.cfg.Clock()), func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if a.streams == 0 && s.accounts[a.name] == a {
			delete(s.accounts, a.name)
		}
	})
}
