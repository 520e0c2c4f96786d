package rights

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"protokoll/accounts"
	"protokoll/schemas"
)

// Rectifiable is one kind of data, where it came from, and where it is put right (GDPR Art. 16). It holds no content.
type Rectifiable struct {
	Kind    string    `json:"kind"`
	Facts   int       `json:"facts"`
	Origins []string  `json:"origins"` // what made the current values
	Newest  time.Time `json:"newest"`
	Where   string    `json:"where"` // who changes it, and how
}

// where says for each family who can put it right.
var where = map[schemas.Family]string{
	schemas.Family_SESSION_FACTS:       "nobody: it follows from signing in and out",
	schemas.Family_PRESENCE_FACTS:      "the person, in any client: status and availability",
	schemas.Family_ROSTER_FACTS:        "the person, in any client: the contact list",
	schemas.Family_OFFLINE_FACTS:       "nobody: messages are as their senders wrote them; signing in takes them over",
	schemas.Family_PROFILE_FACTS:       "the person, in any client: the own profile (vCard, photo)",
	schemas.Family_PRIVATE_FACTS:       "the person, in the client that put it there (bookmarks, settings)",
	schemas.Family_PEP_FACTS:           "the person, in the client that published it; subscriptions: who subscribed",
	schemas.Family_NODE_FACTS:          "the person, in the client that made the node",
	schemas.Family_BLOCK_FACTS:         "the person, in any client: blocked addresses",
	schemas.Family_ARCHIVE_FACTS:       "nobody: messages are as they were written; the person can empty the archive",
	schemas.Family_ARCHIVE_PREFERENCES: "the person, in any client: preferences of the archive",
	schemas.Family_PUSH_FACTS:          "the person, in the client that turned notifications on",
	schemas.Family_UPLOAD_FACTS:        "nobody: a file is as it was uploaded; the person can upload another",
}

// origins are causes in words.
var origins = map[schemas.Cause]string{
	schemas.Cause_CLIENT: "the person's clients", schemas.Cause_CONTACT: "contacts", schemas.Cause_DIRECTORY: "the directory",
	schemas.Cause_RETENTION: "a rule of the policy", schemas.Cause_STAFF: "staff", schemas.Cause_IMPORT: "an import",
	schemas.Cause_SERVER: "the server",
}

// Rectify lists what is held of an account and where each kind of it is put right.
func (r *Rights) Rectify(ctx context.Context, by By, domain, localpart string) ([]Rectifiable, error) {
	a, err := r.find(domain, localpart)
	if err != nil {
		return nil, err
	}
	if err := r.Audited(ctx, by, "rectify", "", a.Owner.ID()); err != nil {
		return nil, err
	}
	var all []Rectifiable
	for _, family := range families() {
		v, err := r.rectifiable(a, family)
		if err != nil {
			return nil, err
		}
		if v.Facts > 0 {
			all = append(all, v)
		}
	}
	return all, nil
}

func (r *Rights) rectifiable(a accounts.Account, family schemas.Family) (Rectifiable, error) {
	v := Rectifiable{Kind: Kind(family), Where: where[family]}
	facts, err := r.State.Facts(a.Owner.ID(), family)
	if err != nil {
		return v, fmt.Errorf("list what is held: %w", err)
	}
	for _, f := range facts {
		v.Facts++
		if origin := origins[f.Cause]; !slices.Contains(v.Origins, origin) {
			v.Origins = append(v.Origins, origin)
		}
		if at := time.UnixMilli(f.Time).UTC(); at.After(v.Newest) {
			v.Newest = at
		}
	}
	slices.Sort(v.Origins)
	if family == schemas.Family_ACCOUNT_FACTS {
		v.Where = whereAccount(a)
	}
	if v.Where == "" {
		v.Where = "the person, in the client that put it there (" + strings.ToLower(v.Kind) + ")"
	}
	return v, nil
}

// whereAccount says who changes the address and what it is tied to.
func whereAccount(a accounts.Account) string {
	if a.Local() {
		return "staff: `protokoll account passwd` for the password; the address of a local account stays as it is"
	}
	return "whoever keeps the directory: name, mail address and password are its; the address here follows the mail address there"
}
