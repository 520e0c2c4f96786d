package router

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"sync"
	"time"

	"protokoll/xmpp/features"
	"protokoll/xmpp/frame"
	"protokoll/xmpp/stream"
)

// Requests that the server sends, and their answers, matched by sender and id. RFC 6120 §8.2.3

const (
	// askPatience is how long an answer is waited for.
	askPatience = 30 * time.Second
	// maxAsked is how many requests may wait for their answers at once.
	maxAsked = 10_000
)

// The reasons why a request of the server has no answer.
var (
	// ErrNoAnswer is returned when the answer did not come in time, or the client ended before.
	ErrNoAnswer = errors.New("request not answered")
	// ErrBusy is returned when too many requests wait for their answers.
	ErrBusy = errors.New("too many requests wait for their answers")
)

// Answered gets what became of a request, once: the answer, which is valid during the call, or an error: the *features.Error
// that the client answered with, ErrNotOurs, ErrNoAnswer, ErrBusy, or that nobody is there. It must not block.
type Answered func(answer *frame.Frame, err error)

// asked are requests that wait for their answers.
type asked struct {
	mu      sync.Mutex
	waiting map[string]*inquiry // by id
}

type inquiry struct {
	to    string // full JID
	timer *time.Timer
	done  Answered
}

// Ask sends a request from a domain of ours to the client at a full JID. It locks the client's session: the caller holds no
// session's lock, and no account's.
func (r *Router) Ask(kind, domain string, to Address, payload []byte, done Answered, t *stream.Turn) {
	if !r.Ours(to.Domain()) {
		r.askAway(kind, domain, to, payload, done)
		return
	}
	var v *view
	if a := r.peek(to.Bare()); a != nil && !to.IsBare() {
		v = a.snap.Load().find(to.Bytes())
	}
	if v == nil {
		done(nil, features.ServiceUnavailable()) // RFC 6121 §8.5.3.2.3
		return
	}
	id, ok := r.asked.add(to.String(), done)
	if !ok {
		done(nil, ErrBusy)
		return
	}
	tag := frame.Tag{Name: "iq", From: domain, To: to.String(), ID: id, Type: kind}
	if !v.Outlet.Deliver(t, Parcel{Head: tag.AppendTo(nil, payload), Kept: true, Kind: Request}) {
		r.asked.end(id, to.String(), nil, ErrNoAnswer)
	}
}

// askAway is Ask for a host that is not ours.
func (r *Router) askAway(kind, domain string, to Address, payload []byte, done Answered) {
	if !r.leads(to) {
		done(nil, ErrNotOurs)
		return
	}
	id, ok := r.asked.add(to.String(), done)
	if !ok {
		done(nil, ErrBusy)
		return
	}
	tag := frame.Tag{Name: "iq", From: domain, To: to.String(), ID: id, Type: kind}
	if err := r.forward(to, tag.AppendTo(nil, payload)); err != nil {
		r.asked.end(id, to.String(), nil, err)
	}
}

func (q *asked) add(to string, done Answered) (id string, ok bool) {
	var b [12]byte
	rand.Read(b[:]) // never fails: crypto/rand crashes the program instead
	id = "a" + base64.RawURLEncoding.EncodeToString(b[:])
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.waiting) >= maxAsked {
		return "", false
	}
	if q.waiting == nil {
		q.waiting = map[string]*inquiry{}
	}
	q.waiting[id] = &inquiry{to: to, done: done, timer: time.AfterFunc(askPatience, func() { q.end(id, to, nil, ErrNoAnswer) })}
	return id, true
}

// end takes the request out and tells what became of it; false if there is none with that id to that address.
func (q *asked) end(id, to string, answer *frame.Frame, err error) bool {
	q.mu.Lock()
	found := q.waiting[id]
	ours := found != nil && found.to == to
	if ours {
		delete(q.waiting, id)
	}
	q.mu.Unlock()
	if !ours {
		return false
	}
	found.timer.Stop()
	found.done(answer, err)
	return true
}

// replied takes an answer that a client sent to the server. What nobody waits for is dropped. RFC 6120 §8.2.3
func (r *Router) replied(from *Resource, f *frame.Frame) {
	var err error
	if string(f.Type) == "error" {
		err = features.ErrorIn(f)
	}
	r.asked.end(string(f.ID), from.full, f, err)
}

// close forgets what is waited for.
func (q *asked) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, one := range q.waiting {
		one.timer.Stop()
	}
	q.waiting = nil
}
