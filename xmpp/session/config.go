package session

import (
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"protokoll/internal/wheel"
	"protokoll/xmpp/features"
	"protokoll/xmpp/router"
	"protokoll/xmpp/stream"
)

// Config is what Sessions needs.
type Config struct {
	Router   *router.Router
	Registry *features.Registry
	Secret   []byte       // makes the stable part of resources (XEP-0386); at least 16 random bytes; nil: it is never the same
	Table    string       // path of the table; empty: nothing can be resumed after a restart
	Wheel    *wheel.Wheel // nil: one of its own
	Limits   Limits
	Logger   *slog.Logger
	Clock    func() time.Time
	// Bound returns what another part adds to <bound/>; nil: nothing. XEP-0386 §3.2
	Bound func(*router.Resource) []byte
}

// Limits bounds what one session may take. Zero values mean the defaults.
type Limits struct {
	Queue         int           // stanzas that a client has not acknowledged
	QueueBytes    int           // their size together
	Hibernating   int           // sessions of one account that wait to be resumed
	Resume        time.Duration // how long a session waits to be resumed
	Grace         time.Duration // how long a sender's acknowledgement waits for the recipient's before the message is stored
	Cap           time.Duration // how long it waits at all before the message comes back with an error
	Ping          time.Duration // silence after which a client without XEP-0198 is pinged
	PingTimeout   time.Duration // how long it may take to answer
	IdleManaged   time.Duration // silence after which a client with XEP-0198 is taken for gone: phones sleep
	StanzasBehind int           // stanzas behind an unacknowledged one before it is stored without waiting for the grace
}

// The defaults of Limits.
const (
	DefaultQueue         = 500
	DefaultQueueBytes    = 4 << 20
	DefaultHibernating   = 10
	DefaultResume        = 5 * time.Minute
	DefaultGrace         = 200 * time.Millisecond
	DefaultCap           = 2 * time.Second
	DefaultPing          = 5 * time.Minute
	DefaultPingTimeout   = time.Minute
	DefaultIdleManaged   = 60 * time.Minute
	DefaultStanzasBehind = 4
)

func (l Limits) withDefaults() Limits {
	for _, n := range []struct {
		field *int
		value int
	}{
		{&l.Queue, DefaultQueue}, {&l.QueueBytes, DefaultQueueBytes}, {&l.Hibernating, DefaultHibernating},
		{&l.StanzasBehind, DefaultStanzasBehind},
	} {
		if *n.field == 0 {
			*n.field = n.value
		}
	}
	for _, d := range []struct {
		field *time.Duration
		value time.Duration
	}{
		{&l.Resume, DefaultResume}, {&l.Grace, DefaultGrace}, {&l.Cap, DefaultCap}, {&l.Ping, DefaultPing},
		{&l.PingTimeout, DefaultPingTimeout}, {&l.IdleManaged, DefaultIdleManaged},
	} {
		if *d.field == 0 {
			*d.field = d.value
		}
	}
	return l
}

// Sessions holds every session and is what streams hand over to: stream.Sessions.
type Sessions struct {
	Config
	table    *Table
	features []byte // children of <stream:features/>, the same for all
	bound    atomic.Int64

	mu          sync.Mutex
	resumable   map[[32]byte]*Session // by the hash of the resume id
	hibernating map[string][]*Session // by bare JID, the oldest first
	stopping    bool
}

var _ stream.Sessions = (*Sessions)(nil)

// New returns Sessions with those of before a restart, which wait to be resumed or to be over. The state must have caught
// up with the log.
func New(c Config) (*Sessions, error) {
	c.Limits = c.Limits.withDefaults()
	if c.Clock == nil {
		c.Clock = time.Now
	}
	if c.Wheel == nil {
		c.Wheel = wheel.New(0)
	}
	h := &Sessions{Config: c, resumable: map[[32]byte]*Session{}, hibernating: map[string][]*Session{}}
	h.features = []byte(bindFeature + features.SessionFeature + smFeature + features.CSIFeature + versionFeature + approvalFeature)
	if c.Table != "" {
		var err error
		if h.table, err = openTable(c.Table); err != nil {
			return nil, err
		}
	}
	return h, h.restore()
}

// work runs fn in a turn of its own, on a goroutine that nothing of a stream's guards.
func (h *Sessions) work(fn func(*stream.Turn)) {
	go h.Router.Guard(func() {
		t := stream.NewTurn()
		defer t.End()
		fn(t)
	})
}

// Len returns how many sessions there are, hibernating ones included.
func (h *Sessions) Len() int { return int(h.bound.Load()) }

// Stopping makes ends of streams from now on the server's doing: nobody is told that a client is unavailable, so that
// sessions can be resumed after a restart and the others are closed then. Call it before the streams are shut down.
func (h *Sessions) Stopping() {
	h.mu.Lock()
	h.stopping = true
	h.mu.Unlock()
}

func (h *Sessions) isStopping() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.stopping
}

// heldPatience is how long Close waits for acknowledgements that are held back. Everything they wait for is enqueued then.
const heldPatience = 2 * time.Second

// Close waits until what clients sent is on disk and noted in the table, and ends all timers. Streams must have ended, the
// log must not.
func (h *Sessions) Close() error {
	h.Stopping()
	for until := time.Now().Add(heldPatience); h.holding() && time.Now().Before(until); {
		time.Sleep(time.Millisecond)
	}
	h.mu.Lock()
	for _, list := range h.hibernating {
		for _, s := range list {
			h.Wheel.Stop(&s.timer)
			h.Wheel.Stop(&s.grace)
		}
	}
	h.mu.Unlock()
	return h.table.Close()
}

// holding tells whether a session that can be resumed has stanzas that it cannot acknowledge yet. Their messages are stored.
func (h *Sessions) holding() bool {
	h.mu.Lock()
	all := make([]*Session, 0, len(h.resumable))
	for _, s := range h.resumable {
		all = append(all, s)
	}
	h.mu.Unlock()
	holds := false
	for _, s := range all {
		s.mu.Lock()
		held := s.sm.owes()
		s.mu.Unlock()
		if held {
			holds = true
			s.storeHeld(0, nil)
		}
	}
	return holds
}
