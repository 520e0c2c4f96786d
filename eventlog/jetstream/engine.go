package jetstream

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	natsjs "github.com/nats-io/nats.go/jetstream"

	"protokoll/eventlog"
)

var (
	// errRefused is returned when JetStream could not write a message: the stream is dead from there on.
	errRefused = errors.New("JetStream refused the write")
	// errNoAnswer is returned when JetStream neither wrote nor refused in AckWait.
	errNoAnswer = errors.New("JetStream gave no answer")
)

const (
	startTimeout = 20 * time.Second
	// maxMessage is the largest message the server takes: the largest record and room for its envelope, in bytes.
	maxMessage = 2 << 20
	// never is longer than the process runs: JetStream must sync and rewrite nothing by itself.
	never = 10 * 365 * 24 * time.Hour
	// account is the one account of an embedded server without accounts; it is a folder name.
	account = "$G"
)

// engine is the embedded NATS server. No port is open; one in-process connection is used by all lanes.
type engine struct {
	srv     *server.Server
	conn    *nats.Conn
	streams natsjs.JetStream
	wait    time.Duration
	notices *notices
}

// streamsFolder is where the server keeps its streams below its store folder.
func streamsFolder(store string) string {
	return filepath.Join(store, server.JetStreamStoreDir, account, "streams")
}

// keptName is a file that makes the folder of streams never empty. JetStream removes the empty folder some time after its last
// stream has gone, also while another lane has a stream made in it, which then fails.
const keptName = "kept"

func keepFolder(store string) error {
	dir := streamsFolder(store)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("make the folder of streams: %w", err)
	}
	if err := os.WriteFile(filepath.Join(dir, keptName), nil, 0o600); err != nil {
		return fmt.Errorf("make the folder of streams: %w", err)
	}
	return nil
}

func startEngine(store string, wait time.Duration, n *notices) (*engine, error) {
	srv, err := server.NewServer(&server.Options{
		ServerName: "protokoll", DontListen: true, NoSigs: true, NoSystemAccount: true, DisableJetStreamBanner: true,
		JetStream: true, StoreDir: store, JetStreamMaxStore: 1 << 60, JetStreamMaxMemory: 1 << 20,
		MaxPayload: maxMessage, SyncInterval: never,
	})
	if err != nil {
		return nil, fmt.Errorf("make the embedded server: %w", err)
	}
	srv.SetLoggerV2(n, false, false, false)
	srv.Start()
	e := &engine{srv: srv, wait: wait, notices: n}
	if !srv.ReadyForConnections(startTimeout) || !srv.JetStreamEnabled() {
		e.stop()
		return nil, errors.New("the embedded server did not start")
	}
	heard := nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { n.report("connection", err.Error()) })
	if e.conn, err = nats.Connect("", nats.InProcessServer(srv), nats.NoReconnect(), heard); err != nil {
		e.stop()
		return nil, fmt.Errorf("connect to the embedded server: %w", err)
	}
	if e.streams, err = natsjs.New(e.conn); err != nil {
		e.stop()
		return nil, fmt.Errorf("connect to JetStream: %w", err)
	}
	return e, nil
}

func (e *engine) stop() {
	if e.conn != nil {
		e.conn.Close()
	}
	e.srv.Shutdown()
	e.srv.WaitForShutdown()
}

// create makes the stream of a segment and makes sure that it is what DESIGN §5 asks for.
func (e *engine) create(name, subject string, first uint64) error {
	ctx, cancel := context.WithTimeout(context.Background(), e.wait)
	defer cancel()
	s, err := e.streams.CreateStream(ctx, natsjs.StreamConfig{
		Name: name, Subjects: []string{subject}, Storage: natsjs.FileStorage, Replicas: 1, FirstSeq: first,
		Duplicates: 100 * time.Millisecond, DenyDelete: true, DenyPurge: true,
	})
	if err != nil {
		return fmt.Errorf("create stream %s: %w", name, err)
	}
	return assertPlain(s.CachedInfo().Config)
}

// assertPlain refuses a stream on which JetStream would ever delete, rewrite or encode anything.
func assertPlain(c natsjs.StreamConfig) error {
	switch {
	case c.Storage != natsjs.FileStorage, c.Retention != natsjs.LimitsPolicy, c.Replicas != 1, c.Compression != natsjs.NoCompression,
		c.MaxMsgs > 0, c.MaxBytes > 0, c.MaxAge != 0, c.MaxMsgsPerSubject > 0, c.AllowMsgTTL, c.AllowRollup, !c.DenyDelete, !c.DenyPurge:
		return fmt.Errorf("stream %s is not a plain append-only file", c.Name)
	}
	return nil
}

// forget makes the server let go of a stream whose folder was moved away, so that it finds nothing to delete.
func (e *engine) forget(name string) {
	ctx, cancel := context.WithTimeout(context.Background(), e.wait)
	defer cancel()
	e.streams.DeleteStream(ctx, name) // fails on the missing folder after it has closed everything, which is all we want
}

// line is one lane's way into its stream. It is used by one goroutine.
type line struct {
	engine  *engine
	inbox   string
	answers chan *nats.Msg
	sub     *nats.Subscription
	asked   uint64
}

func (e *engine) line(l eventlog.Lane) (*line, error) {
	w := &line{engine: e, inbox: "answer." + l.String() + ".", answers: make(chan *nats.Msg, 16)}
	var err error
	if w.sub, err = e.conn.ChanSubscribe(w.inbox+"*", w.answers); err != nil {
		return nil, fmt.Errorf("listen for answers: %w", err)
	}
	return w, nil
}

// publish returns once JetStream has written all records, in order. Only the last one asks for an answer: with one writer and
// a plain stream its number says that all the others stand before it.
func (w *line) publish(name, subject string, records [][]byte) (last uint64, err error) {
	w.asked++
	reply := w.inbox + strconv.FormatUint(w.asked, 36)
	refused := w.engine.notices.watch(name)
	for i, rec := range records {
		if i < len(records)-1 {
			err = w.engine.conn.Publish(subject, rec)
		} else {
			err = w.engine.conn.PublishRequest(subject, reply, rec)
		}
		if err != nil {
			return 0, fmt.Errorf("hand a record to JetStream: %w", err)
		}
	}
	timeout := time.NewTimer(w.engine.wait)
	defer timeout.Stop()
	for {
		select {
		case m := <-w.answers:
			if m.Subject == reply {
				return parseAnswer(m.Data)
			}
		case <-refused:
			return 0, errRefused
		case <-timeout.C:
			return 0, errNoAnswer
		}
	}
}

func parseAnswer(data []byte) (uint64, error) {
	var a struct {
		Seq   uint64 `json:"seq"`
		Error *struct {
			Code int `json:"err_code"`
		} `json:"error"`
	}
	if err := json.Unmarshal(data, &a); err != nil {
		return 0, fmt.Errorf("JetStream's answer: %w", err)
	}
	if a.Error != nil {
		return 0, fmt.Errorf("error %d: %w", a.Error.Code, errRefused)
	}
	return a.Seq, nil
}

// notices is the server's log. JetStream does not answer a write that the disk refused, it only logs it; so its log is read.
type notices struct {
	report func(level, text string)
	mu     sync.Mutex
	dead   map[string]chan struct{} // by stream, closed when a write of it was refused
}

func newNotices(report func(level, text string)) *notices {
	return &notices{report: report, dead: map[string]chan struct{}{}}
}

// watch returns what is closed once a write to that stream was refused.
func (n *notices) watch(stream string) <-chan struct{} {
	n.mu.Lock()
	defer n.mu.Unlock()
	c := n.dead[stream]
	if c == nil {
		c = make(chan struct{})
		n.dead[stream] = c
	}
	return c
}

func (n *notices) unwatch(stream string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.dead, stream)
}

const storeFailed = "JetStream failed to store a msg on stream '"

func (n *notices) Errorf(format string, v ...any) {
	text := fmt.Sprintf(format, v...)
	n.report("error", text)
	rest, ok := strings.CutPrefix(text, storeFailed)
	if !ok {
		return
	}
	_, rest, _ = strings.Cut(rest, " > ")
	stream, _, _ := strings.Cut(rest, "'")
	n.mu.Lock()
	defer n.mu.Unlock()
	if c := n.dead[stream]; c != nil {
		select {
		case <-c:
		default:
			close(c)
		}
	}
}

func (n *notices) Noticef(string, ...any) {}
func (n *notices) Debugf(string, ...any)  {}
func (n *notices) Tracef(string, ...any)  {}
func (n *notices) Warnf(format string, v ...any) {
	n.report("warning", fmt.Sprintf(format, v...))
}
func (n *notices) Fatalf(format string, v ...any) {
	n.report("fatal", fmt.Sprintf(format, v...))
}
