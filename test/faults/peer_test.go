package faults

import (
	"errors"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"protokoll/test/wire"
)

// peer is one client with the memory that a real one has: over lost connections and restarts of the server it keeps its
// resume id, how many stanzas it has had, and what was never acknowledged. XEP-0198 §5
type peer struct {
	target         wire.Target
	user, resource string
	managed        bool                                            // XEP-0198
	stanza         func(*wire.Node)                                // gets every stanza that is no answer to a request; may be nil
	lag            func() time.Duration                            // before an <a/>; nil: none
	nonza          func(conn *wire.Conn, n *wire.Node) (mine bool) // may answer instead; nil: never

	mu       sync.Mutex
	conn     *wire.Conn // nil: not connected
	gone     chan struct{}
	id       string // to resume by
	had      uint32 // stanzas received in this session
	covered  uint32 // of ours, acknowledged
	pending  []posted
	answers  map[string]chan *wire.Node
	requests atomic.Uint64
	deaf     bool // loses what comes
}

// posted is a stanza that the server has not acknowledged.
type posted struct {
	text  string
	acked func() // may be nil
	again func() // before it is sent once more; may be nil
}

var errResume = errors.New("the session could not be resumed")

func (p *peer) bare() string { return p.user + "@" + p.target.Domain }
func (p *peer) full() string { return p.bare() + "/" + p.resource }

// connect signs in. A managed peer that has a session resumes it; if that is refused, errResume, and the session is gone.
func (p *peer) connect() error {
	c, _, err := wire.SignIn(p.target, p.user, password)
	if err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.id != "" {
		err = p.resume(c)
	} else {
		err = p.bind(c)
	}
	if err != nil {
		c.Drop()
		return err
	}
	p.conn, p.gone, p.answers = c, make(chan struct{}), map[string]chan *wire.Node{}
	go p.read(c, p.gone)
	return nil
}

func (p *peer) bind(c *wire.Conn) error {
	if _, err := c.Bind(p.resource); err != nil || !p.managed {
		return err
	}
	if err := c.Write("<enable xmlns='" + wire.NSSM + "' resume='true'/>"); err != nil {
		return err
	}
	n, err := c.Next()
	if err != nil {
		return err
	}
	if !n.Is(wire.NSSM, "enabled") || n.Get("id") == "" {
		return fmt.Errorf("not resumable: %v", n)
	}
	p.id, p.had, p.covered = n.Get("id"), 0, 0
	return p.repeat(c)
}

func (p *peer) resume(c *wire.Conn) error {
	if err := c.Write(fmt.Sprintf("<resume xmlns='%s' h='%d' previd='%s'/>", wire.NSSM, p.had, p.id)); err != nil {
		return err
	}
	n, err := c.Next()
	if err != nil {
		return err
	}
	if n.Is(wire.NSSM, "failed") {
		p.id = ""
		return fmt.Errorf("%w:\n%v", errResume, n)
	}
	if !n.Is(wire.NSSM, "resumed") { // the stream's end: the server is stopping
		return fmt.Errorf("resume: %v", n)
	}
	if n.Get("previd") != p.id { // F53
		return fmt.Errorf("resumed, but previd is not ours: %v", n)
	}
	if err := p.cover(n); err != nil {
		return err
	}
	return p.repeat(c)
}

// repeat sends what was not acknowledged once more. The caller holds mu.
func (p *peer) repeat(c *wire.Conn) error {
	for _, s := range p.pending {
		if s.again != nil {
			s.again()
		}
		if err := c.Write(s.text); err != nil {
			return err
		}
	}
	if len(p.pending) > 0 {
		return c.Write(request)
	}
	return nil
}

// cover takes an acknowledgement. The caller holds mu.
func (p *peer) cover(n *wire.Node) error {
	h, err := strconv.ParseUint(n.Get("h"), 10, 32)
	if err != nil {
		return fmt.Errorf("no h: %v", n)
	}
	count := uint32(h) - p.covered
	if int(count) > len(p.pending) {
		return fmt.Errorf("h=%d acknowledges what was never sent: %d and %d more", h, p.covered, len(p.pending))
	}
	for _, s := range p.pending[:count] {
		if s.acked != nil {
			s.acked()
		}
	}
	p.pending, p.covered = p.pending[count:], uint32(h)
	return nil
}

const request = "<r xmlns='" + wire.NSSM + "'/>"

// onNonza changes who gets elements that are no stanzas, also while the peer reads.
func (p *peer) onNonza(take func(*wire.Conn, *wire.Node) bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.nonza = take
}

func (p *peer) nonzaTaker() func(*wire.Conn, *wire.Node) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.nonza
}

// read handles what comes until the connection ends.
func (p *peer) read(c *wire.Conn, gone chan struct{}) {
	defer close(gone)
	defer c.Drop()
	for {
		n, err := c.NextWithin(10 * time.Minute)
		if err != nil {
			return
		}
		if p.isDeaf() {
			continue
		}
		if n.Name.Space == wire.NSSM {
			if take := p.nonzaTaker(); take != nil && take(c, n) {
				continue
			}
			if p.manage(c, n) != nil {
				return
			}
			continue
		}
		if n.Name.Space != wire.NSClient {
			continue // a stream error: the end follows
		}
		p.mu.Lock()
		if p.managed {
			p.had++
		}
		answer := p.answers[n.Get("id")]
		p.mu.Unlock()
		p.take(c, n, answer)
	}
}

func (p *peer) isDeaf() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.deaf
}

func (p *peer) manage(c *wire.Conn, n *wire.Node) error {
	if n.Name.Local == "a" {
		p.mu.Lock()
		defer p.mu.Unlock()
		return p.cover(n)
	}
	if p.lag != nil {
		if d := p.lag(); d > 0 {
			time.AfterFunc(d, func() { _ = p.acknowledge(c) }) // a connection that is gone by then needs none
			return nil
		}
	}
	return p.acknowledge(c)
}

func (p *peer) acknowledge(c *wire.Conn) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return c.Write(fmt.Sprintf("<a xmlns='%s' h='%d'/>", wire.NSSM, p.had))
}

// settle acknowledges what came, unasked.
func (p *peer) settle() error {
	p.mu.Lock()
	c := p.conn
	p.mu.Unlock()
	if !p.managed || c == nil {
		return nil
	}
	return p.acknowledge(c)
}

func (p *peer) take(c *wire.Conn, n *wire.Node, answer chan *wire.Node) {
	kind := n.Get("type")
	switch {
	case n.Name.Local == "iq" && (kind == "result" || kind == "error"):
		if answer != nil {
			answer <- n
		}
	case n.Name.Local == "iq" && kind == "get":
		p.reply(c, n)
	case p.stanza != nil:
		p.stanza(n)
	}
}

// reply answers a request of the server; that, too, is a stanza that counts.
func (p *peer) reply(c *wire.Conn, n *wire.Node) {
	to := ""
	if from := n.Get("from"); from != "" {
		to = " to='" + wire.Escape(from) + "'"
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	text := "<iq type='result' id='" + wire.Escape(n.Get("id")) + "'" + to + "/>"
	if p.managed {
		p.pending = append(p.pending, posted{text: text})
	}
	_ = c.Write(text)
}

// send sends one stanza; a managed peer keeps it until it is acknowledged, and sends it again after a lost connection.
func (p *peer) send(s posted) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.conn == nil {
		return errors.New("not connected")
	}
	if p.managed {
		p.pending = append(p.pending, s)
		return p.conn.Write(s.text + request)
	}
	return p.conn.Write(s.text)
}

// ask sends a request and waits for its answer. to may be empty.
func (p *peer) ask(kind, to, payload string) (*wire.Node, error) {
	id := fmt.Sprintf("q%d", p.requests.Add(1))
	answer := make(chan *wire.Node, 4)
	p.mu.Lock()
	if p.conn == nil {
		p.mu.Unlock()
		return nil, errors.New("not connected")
	}
	gone := p.gone
	p.answers[id] = answer
	p.mu.Unlock()
	if to != "" {
		to = " to='" + to + "'"
	}
	if err := p.send(posted{text: "<iq type='" + kind + "' id='" + id + "'" + to + ">" + payload + "</iq>"}); err != nil {
		return nil, err
	}
	select {
	case n := <-answer:
		return n, nil
	case <-gone:
		return nil, errors.New("the connection ended")
	case <-time.After(wire.Patience):
		return nil, fmt.Errorf("no answer within %v", wire.Patience)
	}
}

// ping waits until the server has handled everything sent before. XEP-0199 §4.2
func (p *peer) ping() error {
	_, err := p.ask("get", p.target.Domain, "<ping xmlns='urn:xmpp:ping'/>")
	return err
}

// unacknowledged is how many stanzas the server has not acknowledged.
func (p *peer) unacknowledged() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.pending)
}

// drop cuts the connection and waits until the reader has ended; the session stays.
func (p *peer) drop() {
	p.mu.Lock()
	c, gone := p.conn, p.gone
	p.conn = nil
	p.mu.Unlock()
	if c != nil {
		c.Drop()
		<-gone
	}
}

// lost waits until the connection ends from the other side, and forgets it.
func (p *peer) lost() {
	p.mu.Lock()
	gone := p.gone
	p.mu.Unlock()
	if gone != nil {
		<-gone
	}
	p.drop()
}

// alive tells whether the connection still stands.
func (p *peer) alive() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.conn == nil {
		return false
	}
	select {
	case <-p.gone:
		return false
	default:
		return true
	}
}

// signOut ends the session for good.
func (p *peer) signOut() {
	p.mu.Lock()
	c, gone := p.conn, p.gone
	p.conn, p.id, p.pending = nil, "", nil
	p.mu.Unlock()
	if c == nil {
		return
	}
	_ = c.Write("</stream:stream>")
	<-gone
}

const available = "<presence/>"
