package router

import (
	"hash/maphash"
	"slices"
	"sync"

	"protokoll/xmpp/features"
	"protokoll/xmpp/frame"
	"protokoll/xmpp/stream"
)

// Errors in answer to messages that were copied: the other clients have the message, so they hear that it failed. XEP-0280 §6.1

// rememberedCopies is how many copied messages of one account are known to be answered by an error.
const rememberedCopies = 64

// copied remembers the newest messages that were copied to the sender's other clients, as hashes of recipient and id.
type copied struct {
	mu     sync.Mutex
	hashes []uint64 // a ring …
	next   int      // … and where it goes on
}

func hashOf(bare, id []byte) uint64 {
	var h maphash.Hash
	h.SetSeed(seed)
	_, _ = h.Write(bare) // never fails
	_ = h.WriteByte(0)
	_, _ = h.Write(id)
	return h.Sum64()
}

func (c *copied) add(to Address, id []byte) {
	if len(id) == 0 {
		return
	}
	h := hashOf(to.Bare(), id)
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.hashes) < rememberedCopies {
		c.hashes = append(c.hashes, h)
		return
	}
	c.hashes[c.next] = h
	c.next = (c.next + 1) % rememberedCopies
}

// has tells whether a message with that id to that account was copied lately.
func (c *copied) has(to Address, id []byte) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(id) > 0 && slices.Contains(c.hashes, hashOf(to.Bare(), id))
}

// decline is turnDown for a message that goes to a local account; its sender's other clients hear of it behind their copies.
func (r *Router) decline(m *mail, f *frame.Frame, err error, t *stream.Turn) {
	r.turnDown(m.from, f, err, t)
	if !unanswerable(f) {
		m.failed = err
	}
}

// copySent copies a message to the sender's other clients, and its refusal. One to oneself has been delivered to them. What no
// archive knows and nobody got is copied as it was sent. XEP-0280 §8
func (r *Router) copySent(m *mail, f *frame.Frame, to *Account, t *stream.Turn) {
	own := m.from.Account
	s := own.snap.Load()
	kept := m.keepSent(to, s)
	if to == own || !m.nature.Sent || !s.wantsCopies() {
		return
	}
	own.copied.add(m.to, f.ID)
	switch {
	case m.bytes == nil:
		m.bytes = f.AppendTo(nil, frame.Stamp{From: m.from.full, Lang: m.from.Lang})
	case kept:
		m.bytes = m.alsoKnown(own) // others may hold the bytes themselves
	}
	m.copyAll(s, features.Sent, t)
	if m.failed != nil {
		e := errorStanza(f, string(f.To), m.from.full, r.conditionOf(m.failed))
		r.copyError(m.from, s, e.Head, t)
	}
}

// copyAll gives copies to all clients that want them but the sender.
func (m *mail) copyAll(s *snapshot, d features.Direction, t *stream.Turn) {
	for i := range s.views {
		if w := &s.views[i]; w.carbons && w.Resource != m.from {
			w.Outlet.Deliver(t, m.carbon(d, m.from.Account.bare, w.full))
		}
	}
}

// copyError copies the server's error to one client to the others of its account.
func (r *Router) copyError(to *Resource, s *snapshot, stanza []byte, t *stream.Turn) {
	m := mail{from: to, kind: ErrorMessage, bytes: stanza}
	m.copyAll(s, features.Received, t)
}
