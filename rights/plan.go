package rights

import (
	"fmt"
	"slices"
	"time"

	"protokoll/accounts"
	"protokoll/eventlog"
	"protokoll/schemas"
	"protokoll/xmpp/router"
)

// Count is how many facts of a family there are.
type Count struct {
	Family schemas.Family `json:"family"`
	Facts  int            `json:"facts"`
}

// Plan is what an erasure would do.
type Plan struct {
	Owner     string    `json:"owner"`
	Local     bool      `json:"local"`     // its password is checked here
	Facts     []Count   `json:"facts"`     // what would go
	Here      int       `json:"here"`      // contacts of ours to be told
	Elsewhere int       `json:"elsewhere"` // contacts on other servers to be told
	KeptFree  time.Time `json:"kept_free"` // until when the address would be kept free
	Begun     bool      `json:"begun"`     // an erasure was interrupted, and would be finished
}

// Plan says what erasing the account of an address would do. It changes nothing. Contacts are those on the person's own roster:
// who else lists the person is looked for among all accounts only when it is done.
func (r *Rights) Plan(domain, localpart string) (Plan, error) {
	a, err := r.find(domain, localpart)
	if err != nil {
		return Plan{}, err
	}
	p := Plan{Owner: a.Owner.ID().String(), Local: a.Local(), KeptFree: r.Clock().Add(r.Reserve), Begun: !a.Closing.IsZero()}
	if p.Facts, err = r.count(a); err != nil {
		return p, err
	}
	partings, err := r.Router.Partings(a)
	p.Here, p.Elsewhere = sums(partings)
	return p, err
}

func sums(partings []router.Parting) (here, elsewhere int) {
	for _, p := range partings {
		if p.Here {
			here++
		} else {
			elsewhere++
		}
	}
	return here, elsewhere
}

// typeClosing is the fact that an erasure itself adds.
const typeClosing = "account.closing"

// count counts an account's facts by family.
func (r *Rights) count(a accounts.Account) (all []Count, err error) {
	for _, family := range families() {
		facts, err := r.State.Facts(a.Owner.ID(), family)
		if err != nil {
			return nil, fmt.Errorf("count what is held: %w", err)
		}
		n := 0
		for _, f := range facts {
			if f.Type != typeClosing {
				n++
			}
		}
		if n > 0 {
			all = append(all, Count{family, n})
		}
	}
	return all, nil
}

// families lists the families whose facts are held, in the order of the schemas.
func families() (all []schemas.Family) {
	for n := range schemas.Family_name {
		switch eventlog.LaneOf(schemas.Family(n)) {
		case eventlog.Now, eventlog.Inbox, eventlog.Lasting, eventlog.Archive:
			all = append(all, schemas.Family(n))
		}
	}
	slices.Sort(all)
	return all
}
