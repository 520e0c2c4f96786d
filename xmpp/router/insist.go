package router

import (
	"protokoll/eventlog"
	"protokoll/schemas"
	"protokoll/xmpp/stream"
)

// Nobody can be told that a presence was refused (RFC 6121 knows no error for it), and what others see of it they have seen. So
// what the disk refuses of it is appended again, as it is then, whenever the keeper of the pledge asks, until that gives up.

// insist makes the pledge wait until what write appends is on disk. write returns nil if there is nothing to wait for any
// more. It is called with the account's lock held, now by the caller.
func (a *Account) insist(p *Pledge, write func() *eventlog.Receipt) {
	rc := write()
	if p == nil {
		return
	}
	p.Add()
	a.awaitInsisting(p, rc, write)
}

func (a *Account) awaitInsisting(p *Pledge, rc *eventlog.Receipt, write func() *eventlog.Receipt) {
	if rc == nil {
		a.r.Later(p.Done)
		return
	}
	a.r.known(rc, func(err error) {
		if err == nil {
			p.Done(nil)
			return
		}
		p.failed(func() {
			a.mu.Lock()
			defer a.mu.Unlock()
			a.awaitInsisting(p, write(), write)
		})
	})
}

// failed notes how to try again.
func (p *Pledge) failed(again func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.again = append(p.again, again)
}

func (p *Pledge) takeFailed() []func() {
	p.mu.Lock()
	defer p.mu.Unlock()
	again := p.again
	p.again = nil
	return again
}

// Insist tries again what the disk refused. It may wait for a full log queue.
func (p *Pledge) Insist() {
	for _, again := range p.takeFailed() {
		again()
	}
}

// GiveUp lets the pledge go although the disk refuses what it waits for: others see it, and a kill loses it.
func (p *Pledge) GiveUp(t *stream.Turn) {
	for range p.takeFailed() {
		p.Done(t)
	}
}

// writeShown appends the newest presence of a resource. The caller holds the account's lock.
func (res *Resource) writeShown() *eventlog.Receipt {
	if res.left {
		return nil
	}
	return res.Account.write(schemas.Cause_CLIENT, res.Account.presenceFacts(res)...)
}

// writeFact appends what is kept of the session. The caller holds the account's lock.
func (res *Resource) writeFact() *eventlog.Receipt {
	if res.left {
		return nil
	}
	res.remembered = true
	return res.Account.append(schemas.Cause_CLIENT, eventlog.Set(entitySession+res.Name, res.fact()))
}
