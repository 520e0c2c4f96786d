package directory

import (
	"log/slog"
	"sync"
	"time"

	"github.com/go-ldap/ldap/v3"
)

// oddEvery is how often a sign-in that the directory’s data forbids is written to
// the log: anybody can cause these lines.
const oddEvery = time.Minute

// health turns outcomes into log lines, one at each change: attempts in between
// say nothing. Lines hold server numbers and result codes only.
type health struct {
	log   *slog.Logger
	now   func() time.Time
	alone bool // there is one server, so its fail and the directory’s are the same

	mu      sync.Mutex
	since   time.Time            // guarded by mu; when the directory went away, zero while it is there
	oddSeen map[string]time.Time // guarded by mu; last line of each reason
}

func newHealth(cfg *Config) *health {
	return &health{log: cfg.Logger, now: cfg.Now, alone: len(cfg.URLs) == 1, oddSeen: map[string]time.Time{}}
}

// works notes that a server answered.
func (h *health) works(s *server) {
	if s.success(time.Now()) && !h.alone {
		h.log.Info("directory server answers again", slog.Int("server", s.number))
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.since.IsZero() {
		return
	}
	h.log.Info("directory available again", slog.Duration("after", h.now().Sub(h.since)))
	h.since = time.Time{}
}

// fails notes that a server did not answer what was asked of it at began, or that it refuses the service account.
func (h *health) fails(s *server, began time.Time, c uint16) {
	refused := c < ldap.ErrorNetwork && !broken(c)
	if s.failure(h.now(), began, refused) && !h.alone {
		h.log.Warn("directory server does not answer", slog.Int("server", s.number), slog.Int("code", int(c)), slog.String("meaning", meaning(c)))
	}
}

// down notes that no server answered.
func (h *health) down(c uint16) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.since.IsZero() {
		return
	}
	h.since = h.now()
	h.log.Error("directory unavailable", slog.Int("code", int(c)), slog.String("meaning", meaning(c)))
}

// odd notes a sign-in that was refused because of what the directory holds, so
// that somebody runs the check.
func (h *health) odd(reason error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	now := h.now()
	if last, seen := h.oddSeen[reason.Error()]; seen && now.Sub(last) < oddEvery {
		return
	}
	h.oddSeen[reason.Error()] = now
	h.log.Warn("sign-in refused because of directory data, see the directory check", slog.String("reason", reason.Error()))
}
