package router

import (
	"crypto/rand"
	"encoding/base64"
	"sync/atomic"

	"protokoll/accounts"
	"protokoll/xmpp/features"
	"protokoll/xmpp/frame"
	"protokoll/xmpp/stream"
)

// mail is a message on its way to one local account.
type mail struct {
	from     *Resource
	to       Address
	kind     MessageType
	nature   features.Nature
	bytes    []byte // canonical, with its stanza-id
	id       [16]byte
	received int64
	duty     *Duty
	failed   error // what its sender was told

	archived bool         // at the recipient's, or it was found that it is not to be
	told     *atomic.Bool // the sender was told that an archive does not have it; nil while none is to have it
}

// Message routes a message that a client sent. It returns *Unopened if the recipient may belong to an account that is not
// open yet; nothing has happened then.
func (r *Router) Message(from *Resource, f *frame.Frame, t *stream.Turn) error {
	to, err := r.addressee(from, f)
	if err != nil {
		r.turnDown(from, f, err, t)
		return nil
	}
	if to.IsServer() && r.Ours(to.Domain()) {
		return nil // the server reads no messages
	}
	if r.service(to) != nil {
		r.turnDown(from, f, features.ServiceUnavailable(), t)
		return nil
	}
	if !from.Account.snap.Load().blocks.Empty() && from.denies(features.Everything, to.String()) {
		r.turnDown(from, f, features.Blocked(), t) // XEP-0191 §3.3
		return nil
	}
	features.DropForged(f, r.oursText)
	m := mail{from: from, to: to, kind: TypeOfMessage(f.Type)}
	a, err := r.Find(to)
	switch {
	case err == nil:
		r.deliver(a, &m, f, t)
	case isUnopened(err):
		return err
	case err == ErrNotOurs: //nolint:errorlint // as Find returns it
		r.sendAway(&m, f, t)
	default:
		m.nature = features.NatureOf(f)
		if err != accounts.ErrNoAccount || Judge(m.kind, ToBare, NoAccount) == Refuse { //nolint:errorlint // as Find returns it
			r.decline(&m, f, err, t)
		}
	}
	r.copySent(&m, f, a, t)
	return nil
}

// sendAway hands a message to another host. It is nobody's duty here once that has it.
func (r *Router) sendAway(m *mail, f *frame.Frame, t *stream.Turn) {
	m.nature = features.NatureOf(f)
	bytes := f.AppendTo(nil, frame.Stamp{From: m.from.full, Lang: m.from.Lang})
	if err := r.forward(m.to, bytes); err != nil {
		r.decline(m, f, err, t)
		return
	}
	m.bytes, m.received = bytes, r.now()
	rand.Read(m.id[:]) // under which the sender's archive has it; never fails: crypto/rand crashes the program instead
}

func isUnopened(err error) bool {
	_, ok := err.(*Unopened) //nolint:errorlint // as Find returns it
	return ok
}

func (r *Router) oursText(domain string) bool { return r.domains[domain] }

// addressee returns whom a stanza is for; without 'to' it is for the sender's own account. RFC 6120 §10.3
func (r *Router) addressee(from *Resource, f *frame.Frame) (Address, error) {
	if f.To == nil {
		return split([]byte(from.Account.bare)), nil
	}
	return ParseAddress(f.To)
}

// build writes the message as every recipient gets it. The start tag is ours. XEP-0359 §3: the same id in the live copy,
// in carbons and in storage.
func (m *mail) build(a *Account, f *frame.Frame) {
	var room [160]byte
	stamp := frame.Stamp{From: m.from.full, Lang: m.from.Lang}
	if f.To == nil {
		stamp.To = a.bare
	}
	if m.nature.Stored {
		rand.Read(m.id[:]) // never fails: crypto/rand crashes the program instead
		stamp.Append = appendStanzaID(room[:0], m.id, a.byAttr)
	}
	m.bytes = f.AppendTo(nil, stamp)
	m.received = a.r.now()
}

func appendStanzaID(dst []byte, id [16]byte, by []byte) []byte {
	dst = append(dst, "<stanza-id xmlns='urn:xmpp:sid:0' id='"...)
	return append(append(base64.RawURLEncoding.AppendEncode(dst, id[:]), '\''), by...)
}

// deliver routes the message within the account.
func (r *Router) deliver(a *Account, m *mail, f *frame.Frame, t *stream.Turn) {
	s := a.snap.Load()
	m.nature = features.NatureOf(f)
	if m.kind != ErrorMessage && s.refuses(m) {
		r.decline(m, f, features.ServiceUnavailable(), t) // XEP-0191 §3.3
		return
	}
	if m.kind == ErrorMessage && s.wantsCopies() {
		m.nature.Received = a.copied.has(split([]byte(m.from.full)), f.ID)
	}
	if m.nature.Stored && s.backlog {
		r.deliverBehind(a, m, f, t)
		return
	}
	verdict := r.judge(m, s)
	if verdict == Refuse {
		r.decline(m, f, features.ServiceUnavailable(), t)
	}
	if verdict == Refuse || verdict == Ignore {
		return
	}
	m.build(a, f)
	if m.nature.Stored {
		m.promise(a, s)
	}
	m.keep(a, s)
	delivered := m.hand(s, verdict, t)
	if delivered {
		m.copyReceived(a, s, verdict, t)
	}
	if m.archived && m.nature.Wakes {
		s.wakeAbsent()
	}
	if m.duty != nil {
		m.duty.keepUp(t)
	} else if !delivered {
		r.undelivered(a, m, f, t)
	}
}

func (r *Router) judge(m *mail, s *snapshot) Verdict {
	addressing := ToBare
	if !m.to.IsBare() {
		addressing = ToUnmatched
		if s.find(m.to.Bytes()) != nil {
			addressing = ToMatched
		}
	}
	v := Judge(m.kind, addressing, s.presenceOf())
	if v == ToBest && m.nature.Call {
		return ToAll // XEP-0353 §3.1: every client may ring. RFC 6121 §8.5.2.1.1
	}
	return v
}

// promise makes the duty of a message that would be stored, if a client that acknowledges may get it or nobody does.
func (m *mail) promise(a *Account, s *snapshot) {
	needed := len(s.views) == 0
	for i := range s.views {
		needed = needed || s.views[i].Outlet.Acks()
	}
	if !needed {
		return
	}
	m.makeDuty(a)
}

func (m *mail) makeDuty(a *Account) {
	m.duty = &Duty{account: a, sender: m.from.full, stanza: m.bytes, received: m.received, id: m.id, holders: 1,
		order: a.r.accepted.Add(1), wakes: m.nature.Wakes}
	if p := m.from.Outlet.Pledge(); p != nil {
		m.duty.pledge = p
		p.Add()
		p.duty.Store(m.duty) // others see it from here on
	}
}

// hand gives the message to the clients that the verdict names, and tells whether one took it.
func (m *mail) hand(s *snapshot, v Verdict, t *stream.Turn) (delivered bool) {
	p := Parcel{Head: m.bytes, Kept: true, Wakes: m.nature.Wakes, Duty: m.duty}
	if m.duty != nil {
		p.Kind = Storable
	}
	best := s.best()
	for i := range s.views {
		if w := &s.views[i]; m.names(v, w, best) && !s.denies(w, features.MessageIn, m.from.full) && w.Outlet.Deliver(t, p) {
			delivered = true
		}
	}
	return delivered
}

// names tells whether the verdict names a resource.
func (m *mail) names(v Verdict, w *view, best int8) bool {
	switch v {
	case ToMatch:
		return w.full == string(m.to.Bytes())
	case ToBest:
		return w.available && w.priority == best
	case ToAll:
		return w.available && w.priority >= 0
	}
	return false
}

// undelivered ends a message that no client took.
func (r *Router) undelivered(a *Account, m *mail, f *frame.Frame, t *stream.Turn) {
	switch {
	case m.nature.Stored:
		r.deliverBehind(a, m, f, t)
	case (m.kind == Chat || m.kind == Normal) && f.HasChild(frame.NSClient, "body"):
		r.decline(m, f, features.ServiceUnavailable(), t) // RFC 6121 §8.5.2.2.1
	}
}

// deliverBehind routes a message that would be stored while others wait, or while nobody is there: under the lock, so that
// it overtakes none of them.
func (r *Router) deliverBehind(a *Account, m *mail, f *frame.Frame, t *stream.Turn) {
	for !a.lock() {
		again, err := r.Find(m.to)
		if err != nil {
			r.decline(m, f, err, t)
			return
		}
		a = again
	}
	if err := a.takeMail(m, f, t); err != nil {
		r.decline(m, f, err, t)
	}
}

// takeMail delivers or stores a message. The lock is held, and given up here.
func (a *Account) takeMail(m *mail, f *frame.Frame, t *stream.Turn) error {
	defer a.mu.Unlock()
	if err := errorsOf(a.loadBlocks, a.loadBox, a.loadPrefs, a.loadPush); err != nil {
		return err
	}
	s := a.snap.Load()
	if s.blocks != a.blocks || len(s.targets) != len(a.targets) { // loaded just now
		a.publish()
		s = a.snap.Load()
	}
	v := a.r.judge(m, s)
	if v == Refuse || s.refuses(m) {
		return features.ServiceUnavailable()
	}
	if v == Ignore {
		return nil
	}
	if m.bytes == nil {
		m.build(a, f)
	}
	m.makeDuty(a)
	if a.prefs != nil {
		a.keepReceived(m)
	}
	if v != Store && !a.box.waiting() && m.hand(s, v, t) {
		m.copyReceived(a, s, v, t)
	}
	if m.archived && m.nature.Wakes {
		s.wakeAbsent()
	}
	if m.duty.drop() || m.duty.slow() {
		a.storeDuty(m.duty)
	}
	a.drain(t)
	a.publishBacklog()
	return nil
}

func errorsOf(fns ...func() error) error {
	for _, fn := range fns {
		if err := fn(); err != nil {
			return err
		}
	}
	return nil
}

// keepUp looks after a message once it was handed out: in nobody's hands it is handed on or stored; with clients that will
// not acknowledge it soon it is stored at once.
func (d *Duty) keepUp(t *stream.Turn) {
	if d.drop() {
		d.mu.Lock()
		d.holders++
		d.mu.Unlock()
		d.account.r.Return(t, []*Duty{d})
	} else if d.slow() {
		d.Store(t)
	}
}

// copyReceived copies a message to the other clients that want copies. XEP-0280 §7
func (m *mail) copyReceived(a *Account, s *snapshot, v Verdict, t *stream.Turn) {
	if !m.nature.Received || !s.wantsCopies() {
		return
	}
	best := s.best()
	for i := range s.views {
		w := &s.views[i]
		if !w.carbons || m.names(v, w, best) || w.Resource == m.from || s.denies(w, features.MessageIn, m.from.full) {
			continue
		}
		p := m.carbon(features.Received, a.bare, w.full)
		p.Wakes = m.nature.Wakes
		if m.duty != nil {
			p.Kind, p.Duty = Storable, m.duty
		}
		w.Outlet.Deliver(t, p)
	}
}

func (s *snapshot) wantsCopies() bool {
	for i := range s.views {
		if s.views[i].carbons {
			return true
		}
	}
	return false
}

func (m *mail) carbon(d features.Direction, owner, to string) Parcel {
	b := features.AppendCarbon(make([]byte, 0, len(m.bytes)+256), d, owner, to, messageTypes[m.kind], explicit(m.bytes))
	return Parcel{Head: b, Kept: true}
}

// messageTypes are the type attributes of carbons; a normal message has none.
var messageTypes = [...]string{Chat: "chat", Groupchat: "groupchat", Headline: "headline", ErrorMessage: "error"}
