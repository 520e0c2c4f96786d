package state

import (
	"protokoll/eventlog"
	"protokoll/eventlog/seal"
)

// Fact is the current value of one entity, as sealed by its owner.
type Fact struct {
	seal.About
	Rank     uint64            // orders the facts of a lane: the newest has the highest
	Position eventlog.Position // where the event stands that states it
	Sealed   []byte            // opens with the owner's key and About
}
