package router

import (
	"log/slog"
	"time"

	"protokoll/eventlog"
	index "protokoll/projections/archive"
	"protokoll/schemas"
	"protokoll/xmpp/archive"
)

// An archive that has reached its limit loses its oldest messages, a twentieth of it at a time: who writes to somebody must not
// learn that their archive is full, and the newest messages are those that devices have not loaded yet.

const (
	// archiveRoom is the part of a limit that is filled once the oldest messages have gone, in percent.
	archiveRoom = 95
	// archivePause is how long an archive is left alone after messages were ended in it: a disk that takes no more is not asked
	// again for every message.
	archivePause = time.Minute
	// archivesAtOnce is in how many archives messages are ended at once; others wait.
	archivesAtOnce = 2
)

// hoard is how much an account has archived.
type hoard struct {
	loaded bool
	total  index.Total // a little more than there is
	busy   bool        // the oldest are being ended
	after  time.Time   // not before then
}

// weigh counts a message that is archived, and has the oldest ones ended where there are too many. The caller holds the lock.
func (a *Account) weigh(size int) {
	if a.r.Archive == nil || a.barred || !a.loadHoard() { // what is restricted is stored, and nothing else. GDPR Art. 18(2)
		return
	}
	h := &a.hoard
	h.total.Rows, h.total.Bytes = h.total.Rows+1, h.total.Bytes+uint64(size)
	most := a.r.archiveRoom(100)
	if h.total.Rows <= most.Rows && h.total.Bytes <= most.Bytes || h.busy || a.r.Clock().Before(h.after) {
		return
	}
	h.busy = true
	a.pending.Add(1)
	a.r.work(func() {
		defer a.pending.Add(-1)
		a.endExcess()
	})
}

func (a *Account) loadHoard() bool {
	if a.hoard.loaded {
		return true
	}
	var err error
	if a.hoard.total, err = a.r.Archive.Total(a.owner.ID()); err != nil {
		a.r.Logger.Error("the size of an archive cannot be read", slog.Any("error", err))
	}
	a.hoard.loaded = err == nil
	return a.hoard.loaded
}

// archiveRoom is a part of what an archive may hold.
func (r *Router) archiveRoom(percent int) index.Total {
	return index.Total{Rows: uint64(r.Limits.Archived * percent / 100), Bytes: uint64(r.Limits.ArchivedBytes * percent / 100)}
}

// endExcess ends the oldest messages until there is room again.
func (a *Account) endExcess() {
	var err error
	select {
	case a.r.ending <- struct{}{}:
		defer func() { <-a.r.ending }()
		for more := true; more && err == nil; {
			more, err = a.endOldest()
		}
	case <-a.r.stopped.Done():
		return
	}
	if err != nil && a.r.stopped.Err() == nil {
		a.r.Logger.Error("an archive above its limit keeps its oldest messages for now", slog.Any("error", err))
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.hoard = hoard{after: a.r.Clock().Add(archivePause)} // counted anew with the next message
}

// endOldest ends some of the oldest messages, and tells whether there were any to end.
func (a *Account) endOldest() (more bool, err error) {
	if rc := a.Archived(); rc != nil {
		if err := rc.Wait(a.r.stopped); err != nil {
			return false, err
		}
		if err := a.r.Archive.Wait(a.r.stopped, rc.Positions()...); err != nil {
			return false, err
		}
	}
	ids, err := archive.Excess(a.r.Archive, a.owner, a.r.archiveRoom(archiveRoom))
	if err != nil || len(ids) == 0 {
		return false, err
	}
	facts := make([]eventlog.Fact, 0, len(ids))
	for _, id := range ids {
		facts = append(facts, eventlog.End(schemas.Family_ARCHIVE_FACTS, id))
	}
	if !a.lock() {
		return false, nil
	}
	defer a.mu.Unlock()
	if a.closed || a.barred {
		return false, nil
	}
	a.appendArchive(schemas.Cause_SERVER, facts...)
	return true, nil
}
