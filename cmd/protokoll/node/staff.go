package node

import (
	"context"
	"crypto/rand"
	"fmt"

	"protokoll/eventlog"
	"protokoll/schemas"
)

// Staff is who asks for something that touches people's data, and why. Commands carry it in their arguments.
type Staff struct {
	Actor  string `json:"actor"`  // the system's user name
	Reason string `json:"reason"` // may be empty where none is asked for
}

// audited appends what staff did and returns when that is on disk. Detail holds sums and switches, never content or names.
func (s *Store) audited(ctx context.Context, who Staff, action, detail string, subjects ...schemas.OwnerID) error {
	a := &schemas.StaffAction{Action: action, Actor: who.Actor, Reason: who.Reason, At: s.clock().UnixMilli(), Detail: detail}
	for _, id := range subjects {
		a.Subjects = append(a.Subjects, id[:])
	}
	receipt := s.Log.Append(eventlog.Command{Owner: s.Keys.Server(), Cause: schemas.Cause_STAFF, Facts: []eventlog.Fact{
		eventlog.Set(rand.Text(), a),
	}})
	if err := receipt.Wait(ctx); err != nil {
		return fmt.Errorf("write down who did this: %w", err)
	}
	return nil
}
