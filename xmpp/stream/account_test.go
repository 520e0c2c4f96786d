package stream

import (
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"protokoll/internal/wheel"
)

// What an account may send is not more by more streams, nor by signing in anew.
func TestAccountRate(t *testing.T) {
	t.Parallel()
	limited := func(c *Config) {
		c.Limits.Rate, c.Limits.Burst = 1<<30, 1<<30
		c.Limits.AccountRate, c.Limits.AccountBurst = 1<<20, signInBytes+64<<10
	}
	flood := strings.Repeat(" ", 256<<10) + "<message id='1'/>"
	for name, second := range map[string]func(f *fixture, first *raw){
		"another stream": func(*fixture, *raw) {},
		"signing in anew": func(f *fixture, first *raw) {
			first.send("</stream:stream>")
			first.rest()
			_ = first.net.Close()
			for f.Len() > 0 {
				runtime.Gosched()
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, limited)
			start := time.Now()
			for range 2 {
				c := f.login(t)
				c.send(flood)
				c.until("<message id='1'/>")
				second(f, c)
			}
			// 2 times 256 KiB and a sign-in, less 64 KiB at once, at 1 MiB a second.
			if took := time.Since(start); took < 400*time.Millisecond {
				t.Errorf("512 KiB of one account passed within %v", took)
			}
		})
	}
}

// An account is forgotten when it has no stream and owes nothing; a stream that comes in between keeps it.
func TestAccountIsForgotten(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &Server{accounts: map[string]*account{}, cfg: Config{
			Wheel: wheel.New(0), Clock: time.Now, Limits: Limits{AccountStream: 1, AccountRate: 1000, AccountBurst: 10_000},
		}}
		known := func() int {
			s.mu.Lock()
			defer s.mu.Unlock()
			return len(s.accounts)
		}
		leave := func(a *account) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.dismiss(a)
		}
		first := s.admit("example.org", "anna")
		if s.admit("example.org", "anna") != nil {
			t.Error("a stream above the limit was let in")
		}
		first.take(5000, time.Now())
		leave(first)
		time.Sleep(4 * time.Second)
		if known() != 1 {
			t.Error("forgotten while a second of its rate was owed")
		}
		second := s.admit("example.org", "anna")
		if second != first {
			t.Error("signing in anew gave a new rate")
		}
		time.Sleep(2 * time.Second)
		if known() != 1 {
			t.Error("forgotten while it had a stream")
		}
		leave(second)
		time.Sleep(time.Second)
		synctest.Wait()
		if known() != 0 {
			t.Error("kept for ever")
		}
	})
}
