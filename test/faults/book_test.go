package faults

import (
	"fmt"
	"sync"

	"protokoll/test/wire"
)

// book knows every message that was written, what its sender was promised, and what its recipient was shown.
type book struct {
	mu       sync.Mutex
	letters  map[string]*letter // by body
	order    []*letter
	shown    map[string]*reader // by the recipient's user
	wrong    []string
	repeats  int // copies that a client recognised by their stanza-id
	resent   int // copies of what the sender had sent again, under a new stanza-id
	bounced  int
	failing  bool   // the disk refused some writes: who sends a refused message again is shown behind what was taken meanwhile
	late     int    // such messages
	clock    uint64 // counts sendings
	inbox    uint64 // every message to an away account that was handled before this moment is on disk
	unproven int    // messages behind a ping's answer that nobody promised anything about, and that are missing
}

// letter is one message.
type letter struct {
	from, to, body string
	number         int    // within from and to
	moment         uint64 // of the first sending
	sends          int
	acked          bool     // an <a/> covers it
	handled        uint64   // the moment when a ping behind it was answered; 0: none was
	bounced        bool     // came back as an error
	ids            []string // stanza ids under which it was shown
	live           bool     // to a client that acknowledges nothing: "delivered" is weaker, see promise 1
}

// reader is what one person's client remembers.
type reader struct {
	seen map[string]bool // stanza ids
	last map[string]int  // by sender: number of the newest message shown
}

func newBook() *book {
	return &book{letters: map[string]*letter{}, shown: map[string]*reader{}}
}

func (b *book) fault(format string, args ...any) {
	if len(b.wrong) < 40 {
		b.wrong = append(b.wrong, fmt.Sprintf(format, args...))
	}
}

// faults returns what was found to be wrong since the last call.
func (b *book) faults() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	w := b.wrong
	b.wrong = nil
	return w
}

// write makes the next message of a pair.
func (b *book) write(from, to string, live bool) *letter {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := 1
	for i := len(b.order) - 1; i >= 0; i-- {
		if l := b.order[i]; l.from == from && l.to == to {
			n = l.number + 1
			break
		}
	}
	b.clock++
	l := &letter{from: from, to: to, body: fmt.Sprintf("%s-%s-%d", from, to, n), number: n, moment: b.clock, sends: 1, live: live}
	b.letters[l.body] = l
	b.order = append(b.order, l)
	return l
}

// stanza is the message as it is sent, each time the same. XEP-0359 §3.3
func (l *letter) stanza(domain string) string {
	return "<message type='chat' id='" + l.body + "' to='" + l.to + "@" + domain + "'><body>" + l.body +
		"</body><origin-id xmlns='urn:xmpp:sid:0' id='" + l.body + "'/></message>"
}

// post is the letter on its way from a client that counts acknowledgements.
func (b *book) post(l *letter, domain string, stored bool) posted {
	return posted{text: l.stanza(domain), acked: func() { b.covered(l, stored) }, again: func() { b.again(l) }}
}

// covered notes that an <a/> covers the letter. If it had to be stored for that, so was everything that the server had
// handled before it was sent: the lane of waiting messages is written in order. A letter sent again proves nothing: it may
// have come to the next process. Nor does any while the disk refuses some writes and takes the next.
func (b *book) covered(l *letter, stored bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	l.acked = true
	if stored && !l.bounced && l.sends == 1 && !b.failing {
		b.inbox = max(b.inbox, l.moment)
	}
}

func (b *book) again(l *letter) {
	b.mu.Lock()
	defer b.mu.Unlock()
	l.sends++
}

// pinged notes that a ping behind the letters was answered.
func (b *book) pinged(ls []*letter) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.clock++
	for _, l := range ls {
		l.handled = b.clock
	}
}

// fails notes whether the disk refuses writes in this round.
func (b *book) fails(now bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.failing = now
}

// returned notes an error that came back.
func (b *book) returned(n *wire.Node) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if l := b.letters[n.Get("id")]; l != nil && !l.bounced {
		l.bounced = true
		b.bounced++
	}
}

// show is what a client does with a message, and checks what must be true of it. fresh says that the message came within a
// session of XEP-0198 that was never interrupted without resumption: the server must not send such a client anything twice.
func (b *book) show(user, bare string, n *wire.Node, fresh bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	body := ""
	if c := n.Child(wire.NSClient, "body"); c != nil {
		body = c.Content()
	}
	l := b.letters[body]
	if l == nil {
		return // a marker
	}
	id, by := "", ""
	if c := n.Child("urn:xmpp:sid:0", "stanza-id"); c != nil {
		id, by = c.Get("id"), c.Get("by")
	}
	switch {
	case id == "" || by != bare:
		b.fault("%s: shown to %s without the account's stanza-id", body, user)
		return
	case l.to != user:
		b.fault("%s: shown to %s", body, user)
		return
	}
	r := b.shown[user]
	if r == nil {
		r = &reader{seen: map[string]bool{}, last: map[string]int{}}
		b.shown[user] = r
	}
	if r.seen[id] {
		b.repeats++
		if fresh {
			b.fault("%s: sent twice to a client that had acknowledged it", body)
		}
		return
	}
	r.seen[id] = true
	l.ids = append(l.ids, id)
	switch {
	case len(l.ids) > l.sends:
		b.fault("%s: shown %d times, sent %d times", body, len(l.ids), l.sends)
	case len(l.ids) > 1:
		b.resent++
	case l.number < r.last[l.from] && b.failing && l.sends > 1:
		b.late++
	case l.number < r.last[l.from]:
		b.fault("%s: shown behind number %d of the same pair, sent %d times", body, r.last[l.from], l.sends)
	}
	r.last[l.from] = max(r.last[l.from], l.number)
}

// owed returns the letters that were acknowledged, to people whose clients must have them, and that were not shown.
func (b *book) owed() (owed []*letter) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, l := range b.order {
		if !l.bounced && !l.live && len(l.ids) == 0 && (l.acked || l.handled != 0 && l.handled < b.inbox) {
			owed = append(owed, l)
		}
	}
	return owed
}

// forgive takes what nobody promised out of the book: messages of a client without XEP-0198 that a kill swallowed.
func (b *book) forgive() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, l := range b.order {
		if !l.acked && !l.live && l.handled != 0 && l.handled >= b.inbox && len(l.ids) == 0 {
			l.handled = 0
			b.unproven++
		}
	}
}

func (b *book) totals() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	acked, pinged, shown := 0, 0, 0
	for _, l := range b.order {
		if l.acked {
			acked++
		}
		if l.handled != 0 {
			pinged++
		}
		if len(l.ids) > 0 {
			shown++
		}
	}
	return fmt.Sprintf("%d messages, %d acknowledged by <a/>, %d by a ping, %d shown, %d bounced; recognised by stanza-id %d, "+
		"shown again because sent again %d, refused and sent again %d, behind a ping but promised by nothing and gone %d",
		len(b.order), acked, pinged, shown, b.bounced, b.repeats, b.resent, b.late, b.unproven)
}
