package router

import (
	"fmt"
	"slices"
	"strconv"
	"testing"

	"pgregory.net/rapid"
)

// TestOneDuty drives one account's clients through random deliveries, acknowledgements, losses, resumptions and deaths, and
// checks after all of it: every message was acknowledged by a client exactly where the sender was told so, none is left over,
// and none came to a client after another one had acknowledged it. F52, DESIGN §9 “Hand-over”
func TestOneDuty(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		f := newFixture(t)
		defer f.Close()
		r := &run{f: f, t: t, settled: map[string]bool{}}
		r.sender = f.bind("anna", "desk", true)
		r.sender.send("<presence/>")
		t.Repeat(map[string]func(*rapid.T){
			"send":      r.send,
			"sign in":   r.signIn,
			"ack":       r.ack,
			"hibernate": r.hibernate,
			"resume":    r.resume,
			"die":       r.die,
			"grace":     r.grace,
			"flush":     func(*rapid.T) { f.log.flush() },
			"hold": func(*rapid.T) {
				f.log.mu.Lock()
				f.log.hold = !f.log.hold
				f.log.mu.Unlock()
			},
		})
		r.finish()
	})
}

type run struct {
	f       *fixture
	t       *rapid.T
	sender  *phone
	phones  []*phone
	sent    int
	bound   int
	settled map[string]bool // acknowledged by a client
}

func (r *run) send(*rapid.T) {
	r.sent++
	r.sender.send(fmt.Sprintf("<message to='bert@example.org' type='chat' id='%d'><body>%d</body></message>", r.sent, r.sent))
	r.check()
}

func (r *run) signIn(t *rapid.T) {
	if len(r.phones) >= 4 {
		t.Skip("enough")
	}
	r.bound++
	p := r.f.bind("bert", "r"+strconv.Itoa(r.bound), rapid.Bool().Draw(t, "managed"))
	p.written = func(id string) { r.settled[id] = true }
	r.phones = append(r.phones, p)
	if rapid.Bool().Draw(t, "carbons") {
		p.send("<iq type='set' id='c'><enable xmlns='urn:xmpp:carbons:2'/></iq>")
	}
	p.send(rapid.SampledFrom([]string{"<presence/>", "<presence><priority>5</priority></presence>"}).Draw(t, "presence"))
	r.check()
}

func (r *run) pick(t *rapid.T) *phone {
	if len(r.phones) == 0 {
		t.Skip("nobody")
	}
	return r.phones[rapid.IntRange(0, len(r.phones)-1).Draw(t, "phone")]
}

func (r *run) ack(t *rapid.T) {
	p := r.pick(t)
	if p.gone {
		t.Skip("not here")
	}
	n := rapid.IntRange(0, len(p.queue)).Draw(t, "n")
	for _, q := range p.queue[:n] {
		if q.Duty != nil {
			r.settled[idOf(q.Duty)] = true
		}
	}
	p.ack(n)
	r.check()
}

func idOf(d *Duty) string {
	var id string
	if _, err := fmt.Sscanf(cut(string(d.stanza), "<body>"), "%s", &id); err != nil {
		return ""
	}
	return id
}

func cut(s, after string) string {
	for i := range s {
		if len(s) > i+len(after) && s[i:i+len(after)] == after {
			rest := s[i+len(after):]
			for j := range rest {
				if rest[j] == '<' {
					return rest[:j]
				}
			}
		}
	}
	return ""
}

func (r *run) hibernate(t *rapid.T) {
	p := r.pick(t)
	if !p.managed {
		t.Skip("ends with its connection")
	}
	p.hibernate()
	r.check()
}

func (r *run) resume(t *rapid.T) {
	p := r.pick(t)
	if !p.gone {
		t.Skip("here")
	}
	p.resume()
	r.check()
}

func (r *run) die(t *rapid.T) {
	p := r.pick(t)
	p.leave()
	r.phones = slices.DeleteFunc(r.phones, func(o *phone) bool { return o == p })
	r.check()
}

// grace stores what the sender's acknowledgements wait for.
func (r *run) grace(*rapid.T) {
	for _, p := range r.sender.pledges {
		if d := p.Duty(); d != nil && !p.IsKept() {
			d.Store(nil)
		}
	}
	r.check()
}

// check holds at every moment: what the sender was told is with a client that acknowledged it, or on disk.
func (r *run) check() {
	if r.f.log.hold {
		return // counted below when it is flushed
	}
	told := 0
	for i := 1; i <= r.sent; i++ {
		if r.sender.isKept(uint32(i+1)) && !r.settled[strconv.Itoa(i)] {
			told++
		}
	}
	if on := r.f.letters("bert"); on < told {
		r.t.Fatalf("%d messages are vouched for and not acknowledged, %d on disk", told, on)
	}
}

// finish lets everybody die and one client that acknowledges everything come.
func (r *run) finish() {
	r.f.log.mu.Lock()
	r.f.log.hold = false
	r.f.log.mu.Unlock()
	r.f.log.flush()
	for _, p := range r.phones {
		p.leave()
	}
	last := r.f.bind("bert", "last", true)
	last.send("<presence/>")
	for len(last.queue) > 0 {
		for _, q := range last.queue {
			if q.Duty != nil {
				if id := idOf(q.Duty); r.settled[id] {
					r.t.Fatalf("message %s came again after it was acknowledged", id)
				}
				r.settled[idOf(q.Duty)] = true
			}
		}
		last.ack(len(last.queue))
	}
	r.f.log.flush()
	for i := 1; i <= r.sent; i++ {
		if !r.settled[strconv.Itoa(i)] {
			r.t.Fatalf("message %d of %d is lost", i, r.sent)
		}
		if !r.sender.isKept(uint32(i + 1)) {
			r.t.Fatalf("the sender of message %d waits for ever", i)
		}
	}
	if !slices.IsSortedFunc(last.got, byNumber) {
		r.t.Fatalf("out of order: %v", last.got)
	}
	if n := r.f.letters("bert"); n > 0 {
		r.t.Fatalf("%d letters are left over", n)
	}
}

func byNumber(a, b string) int {
	x, _ := strconv.Atoi(a)
	y, _ := strconv.Atoi(b)
	return x - y
}
