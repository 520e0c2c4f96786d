package retention

import (
	"slices"
	"testing"
	"time"

	"protokoll/eventlog"
	"protokoll/eventlog/seal"
	"protokoll/retention"
	"protokoll/schemas"
)

// rest is how long the server's own facts may still say something about somebody whose account was erased.
func rest(class string) time.Duration {
	for _, c := range retention.Classes() {
		if c.Name == class {
			return longest(c)
		}
	}
	return 0
}

// What an erasure closes are the person's facts. The server's own speak of the person too, and forget them by rules of their
// own: the address stays where contacts elsewhere must be told, the random id where staff answers for what they did. What was
// proved stays.
func TestServersOwnFactsOfTheErased(t *testing.T) {
	t.Parallel()
	s := start(t, "anna", "bela")
	anna := s.account("anna").Owner
	s.put(anna, eventlog.Set("zoe@a.example", &schemas.RosterItem{
		Contact: "zoe@a.example", Subscription: schemas.Subscription_BOTH, Listed: true,
	}))
	s.erase("anna")
	id := anna.ID()
	address, random := hide([]byte("anna")), hide(id[:])
	at, soon := time.Duration(0), longestOf(retention.Superseded)
	for _, step := range []struct {
		after              time.Duration
		address, reference []schemas.Family
	}{
		{soon, families(schemas.Family_OUTBOX_FACTS), families(schemas.Family_AUDIT_FACTS, schemas.Family_PROOF_FACTS)},
		{rest("outbox"), nil, families(schemas.Family_AUDIT_FACTS, schemas.Family_PROOF_FACTS)},
		{rest("audit"), nil, families(schemas.Family_PROOF_FACTS)},
	} {
		s.pass(step.after - at)
		at = step.after
		if got := s.own(address); !slices.Equal(got, step.address) {
			t.Errorf("%s later the address stands in %v, not %v", at, got, step.address)
		}
		if got := s.own(random); !slices.Equal(got, step.reference) {
			t.Errorf("%s later the random id stands in %v, not %v", at, got, step.reference)
		}
	}
}

func families(all ...schemas.Family) []schemas.Family { return all }

// longestOf is the longest deadline of a trigger.
func longestOf(trigger retention.Trigger) (d time.Duration) {
	for _, r := range retention.Default().Rules() {
		if r.Trigger == trigger {
			d = max(d, r.Deadline)
		}
	}
	return d
}

// own returns the families of the server's own facts that hold a mark, in ascending order.
func (s *server) own(m mark) (in []schemas.Family) {
	s.t.Helper()
	known := newSecrets()
	known.owners = map[schemas.OwnerID]*seal.Owner{s.Keys.Server().ID(): s.Keys.Server()}
	s.sealed(known, m, func(f schemas.Family, _ []byte) { in = append(in, f) })
	slices.Sort(in)
	return slices.Compact(in)
}
