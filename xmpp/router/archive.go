package router

import (
	"encoding/base64"
	"log/slog"
	"sync/atomic"

	"google.golang.org/protobuf/proto"

	"protokoll/eventlog"
	"protokoll/schemas"
	"protokoll/xmpp/archive"
	"protokoll/xmpp/features"
	"protokoll/xmpp/stream"
)

// Messages that their owners want to keep. XEP-0313 §5.1.1. Each side's archive is a fact of its own, decided and enqueued under
// that account's lock; the sender's acknowledgement waits for both. Where nobody has an archive this costs two comparisons.

// loadPrefs reads what the owner wants to be archived. The caller holds the lock.
func (a *Account) loadPrefs() error {
	if a.prefsLoaded {
		return nil
	}
	m, err := a.get(schemas.Family_ARCHIVE_PREFERENCES, archive.Entity)
	if err != nil {
		return err
	}
	p, _ := m.(*schemas.ArchivePreferences)
	a.prefs, a.prefsLoaded = archive.FromFact(p), true
	return nil
}

func isPreferences(m proto.Message) bool {
	_, is := m.(*schemas.ArchivePreferences)
	return is
}

// keep archives a message at the recipient's before it is delivered: who got it live finds it in the archive.
func (m *mail) keep(a *Account, s *snapshot) {
	if s.prefs == nil || !m.nature.Archived {
		return
	}
	for !a.lock() {
		again, err := a.r.Find(m.to)
		if err != nil {
			return // it is being erased
		}
		a = again
	}
	defer a.mu.Unlock()
	a.keepReceived(m)
}

// keepReceived archives a message at the recipient's. The caller holds the lock.
func (a *Account) keepReceived(m *mail) {
	if m.archived || !m.nature.Archived {
		return
	}
	m.archived = true
	a.keepMessage(m, m.from.full, explicit(m.bytes), m.from.Account == a)
}

// keepSent archives a message at the sender's, without the id under which the recipient's archive may have it. One to oneself is
// archived once. It tells whether the archive has it. XEP-0313 §3.2, §5.1.1
func (m *mail) keepSent(to *Account, s *snapshot) bool {
	own := m.from.Account
	if s.prefs == nil || to == own || m.bytes == nil || !m.nature.Archived {
		return false
	}
	if !own.lock() {
		return false
	}
	defer own.mu.Unlock()
	sent := m.bytes
	if to != nil { // another server knows it by no id of ours
		sent = m.withoutID(to)
	}
	return own.keepMessage(m, m.to.String(), explicit(sent), true)
}

// withoutID returns the message without the stanza-id that was written last.
func (m *mail) withoutID(a *Account) []byte {
	const end = "</message>"
	var room [160]byte
	id := len(appendStanzaID(room[:0], m.id, a.byAttr))
	b := make([]byte, 0, len(m.bytes)-id)
	return append(append(b, m.bytes[:len(m.bytes)-id-len(end)]...), end...)
}

// alsoKnown returns the message with the id under which the sender's archive has it, for copies to the sender's other clients.
// XEP-0313 §3.2
func (m *mail) alsoKnown(own *Account) []byte {
	const end = "</message>"
	b := append(make([]byte, 0, len(m.bytes)+len(own.byAttr)+80), m.bytes[:len(m.bytes)-len(end)]...)
	return append(appendStanzaID(b, m.id, own.byAttr), end...)
}

// keepMessage appends a message to the archive if the owner wants that. The caller holds the lock.
func (a *Account) keepMessage(m *mail, with string, stanza []byte, sent bool) bool {
	if err := errorsOf(a.loadPrefs, a.loadRoster); err != nil {
		a.r.Logger.Error("preferences of an archive cannot be read", slog.Any("error", err))
		return false
	}
	contact := func(bare string) bool { return a.contact(bare).Listed }
	if a.closed || !a.prefs.Keep(with, contact) {
		return false
	}
	id := base64.RawURLEncoding.EncodeToString(m.id[:])
	kept := &schemas.ArchivedMessage{Stanza: stanza, Received: m.received, StanzaId: id, With: with, Sent: sent}
	m.waitForArchive(a.r, a.appendArchive(schemas.Cause_CLIENT, eventlog.Set(id, kept)))
	a.weigh(proto.Size(kept))
	return true
}

// appendArchive appends to the archive, of which no live state is kept. The caller holds the lock.
func (a *Account) appendArchive(cause schemas.Cause, facts ...eventlog.Fact) *eventlog.Receipt {
	a.pending.Add(1)
	rc := a.r.Log.Append(eventlog.Command{Owner: a.owner, Cause: cause, Facts: facts})
	a.archived = rc
	a.r.known(rc, func(error) {
		a.settled.Store(a.r.Clock().UnixNano())
		a.pending.Add(-1)
	})
	return rc
}

// waitForArchive has the sender's acknowledgement wait. If the message cannot be archived its sender is told, once, although the
// recipient may have it: an archive must not have holes that nobody knows of.
func (m *mail) waitForArchive(r *Router, rc *eventlog.Receipt) {
	p := m.from.Outlet.Pledge()
	p.Add()
	if m.told == nil {
		m.told = new(atomic.Bool)
	}
	told, d := m.told, &Duty{sender: m.from.full, stanza: m.bytes}
	r.known(rc, func(err error) {
		if err == nil || told.Swap(true) {
			p.Done(nil)
			return
		}
		p.Refuse()
		r.Later(func(t *stream.Turn) {
			r.bounce(d, features.StanzaError(err), t)
			p.Done(t)
		})
	})
}

// Archived implements archive.Account.
func (a *Account) Archived() *eventlog.Receipt {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.archived
}

// Purge implements archive.Account: one event ends everything.
func (a *Account) Purge() *eventlog.Receipt {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.touched = a.r.Clock()
	if a.closed {
		return refusedReceipt()
	}
	a.hoard = hoard{busy: a.hoard.busy}
	return a.appendArchive(schemas.Cause_CLIENT, eventlog.Fact{Op: schemas.Op_CLOSE, Family: schemas.Family_ARCHIVE_FACTS})
}
