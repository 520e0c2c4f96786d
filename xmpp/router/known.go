package router

import (
	"errors"

	"protokoll/eventlog"
)

// known runs fn once it is known what became of a command: nil if it is on disk, the reason if nothing of it is. Everything
// that a client is told of a command goes through here.
//
// After a sync that failed, and in a log that has stopped, only the next start can tell. Then fn never runs: nothing is
// answered, acknowledged or taken back, because the client would believe it. The process is about to stop; the client resumes
// and sends again what was not acknowledged, and the same entity makes it one. DESIGN §9
func (r *Router) known(rc *eventlog.Receipt, fn func(error)) {
	rc.Then(func(err error) {
		if errors.Is(err, eventlog.ErrUncertain) || errors.Is(err, eventlog.ErrStopped) {
			r.halted.Store(true)
			return
		}
		fn(err)
	})
}
