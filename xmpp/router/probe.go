package router

import (
	"errors"
	"log/slog"
	"time"

	"protokoll/accounts"
	"protokoll/xmpp/features"
	"protokoll/xmpp/frame"
	"protokoll/xmpp/roster"
	"protokoll/xmpp/stream"
)

// probed answers a probe that a client sent, as if the server had sent it. Whether the account exists is not said to who is
// not subscribed. RFC 6121 §4.3
func (r *Router) probed(from *Resource, f *frame.Frame, t *stream.Turn) error {
	if f.To == nil {
		return nil
	}
	to, err := ParseAddress(f.To)
	if err == nil && !r.Ours(to.Domain()) {
		err = ErrNotOurs
	}
	if err != nil {
		r.Refuse(from, f, err, t)
		return nil
	}
	c, err := r.Find(to)
	if isUnopened(err) || errors.Is(err, accounts.ErrNoAccount) {
		return nil // nobody who has an account to subscribe to
	}
	if err != nil {
		r.Refuse(from, f, err, t)
		return nil
	}
	r.answerProbe(c, from.Account, from, true, t)
	return nil
}

// answerProbe tells a client of account a what account c shows to it. If c knows nothing of a subscription that a believes
// in, a's side is set right. RFC 6121 §4.3.2
func (r *Router) answerProbe(c, a *Account, to *Resource, asked bool, t *stream.Turn) {
	if len(c.snap.Load().views) == 0 && !asked {
		return // no answer means the same to a client that just signed in
	}
	may, blocked, last, err := c.mayShow(a, to)
	switch {
	case err != nil:
		r.Logger.Error("probe not answered", slog.Any("error", err))
	case blocked:
	case !may:
		r.heal(a, c.bare)
	default:
		c.snap.Load().answer(c, to, asked, last, t)
	}
}

// mayShow tells whether a client of account a may see the presence of c, and when c was last seen.
func (c *Account) mayShow(a *Account, to *Resource) (may, blocked bool, last lastSeen, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := errorsOf(c.loadRoster, c.loadBlocks, c.loadLast); err != nil {
		return false, false, last, err
	}
	return c == a || roster.AnswerProbe(c.contact(a.bare)), c.hiddenFrom(to.full), c.last, nil
}

// hiddenFrom tells whether nothing may be said: who is asked for denies everything, or, with nobody there, showing presence.
// The caller holds the lock.
func (c *Account) hiddenFrom(jid string) bool {
	return c.blocks.Denies("", features.Everything, jid) || len(c.resources) == 0 && c.blocks.Denies("", features.PresenceOut, jid)
}

// answer shows each available resource, or who asked when the last one left.
func (s *snapshot) answer(c *Account, to *Resource, asked bool, last lastSeen, t *stream.Turn) {
	shown, hidden := false, false
	for i := range s.views {
		v := &s.views[i]
		switch {
		case !v.available:
		case s.denies(v, features.PresenceOut, to.full), to.denies(features.PresenceIn, v.full):
			hidden = true
		default:
			to.Outlet.Deliver(t, v.presence.to(to.Account.toAttr))
			shown = true
		}
	}
	if shown || hidden || !asked {
		return
	}
	var inner []byte
	if status := last.presence.GetStatus(); status != "" {
		inner = append(appendEscaped(append(inner, "<status>"...), status), "</status>"...)
	}
	if last.out != 0 {
		_, domain, _ := cutAt(c.bare)
		inner = features.AppendDelay(inner, domain, time.UnixMilli(last.out), "")
	}
	tag := frame.Tag{Name: "presence", From: c.bare, To: to.Account.bare, Type: "unavailable"}
	to.Outlet.Deliver(t, Parcel{Head: tag.AppendTo(nil, inner), Kept: true})
}
