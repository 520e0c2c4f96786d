package eventlog

import (
	"fmt"

	"protokoll/schemas"
)

// Lane is a chain of segments whose families live equally long. DESIGN §5.
type Lane uint8

const (
	Now     Lane = iota + 1 // presence, sessions: replaced within minutes
	Inbox                   // messages until they are delivered
	Lasting                 // accounts, rosters, profiles: until their owner changes them
	Archive                 // message archives and room histories, by age
	Held                    // due facts of restricted persons (GDPR Art. 18)
	Audit                   // who looked at what
	Proof                   // erasures, losses, restores
)

// Lanes lists every lane.
var Lanes = []Lane{Now, Inbox, Lasting, Archive, Held, Audit, Proof}

var laneNames = [...]string{"", "now", "inbox", "lasting", "archive", "held", "audit", "proof"}

// String is the lane's name as it stands in folder names and reports.
func (l Lane) String() string {
	if int(l) < len(laneNames) && l != 0 {
		return laneNames[l]
	}
	return fmt.Sprintf("lane %d", uint8(l))
}

var laneOf = map[schemas.Family]Lane{
	schemas.Family_PRESENCE_FACTS:      Now,
	schemas.Family_SESSION_FACTS:       Now,
	schemas.Family_OFFLINE_FACTS:       Inbox,
	schemas.Family_ACCOUNT_FACTS:       Lasting,
	schemas.Family_ROSTER_FACTS:        Lasting,
	schemas.Family_PROFILE_FACTS:       Lasting,
	schemas.Family_PRIVATE_FACTS:       Lasting,
	schemas.Family_PEP_FACTS:           Lasting,
	schemas.Family_NODE_FACTS:          Lasting,
	schemas.Family_BLOCK_FACTS:         Lasting,
	schemas.Family_PUSH_FACTS:          Lasting,
	schemas.Family_TOKEN_FACTS:         Lasting,
	schemas.Family_UPLOAD_FACTS:        Lasting,
	schemas.Family_ROOM_FACTS:          Lasting,
	schemas.Family_OUTBOX_FACTS:        Lasting,
	schemas.Family_ARCHIVE_FACTS:       Archive,
	schemas.Family_ARCHIVE_PREFERENCES: Lasting,
	schemas.Family_HISTORY_FACTS:       Archive,
	schemas.Family_AUDIT_FACTS:         Audit,
	schemas.Family_PROOF_FACTS:         Proof,
}

// LaneOf returns the one lane of a family, or 0 for a family that has none.
func LaneOf(f schemas.Family) Lane { return laneOf[f] }

// Position says where an event stands. Outside eventlog/ it is opaque: compare positions of one lane by Rank, never count.
type Position struct {
	Lane   Lane
	Number uint64 // from 1; numbers that were void stay missing
}

func (p Position) String() string { return fmt.Sprintf("%s/%d", p.Lane, p.Number) }
