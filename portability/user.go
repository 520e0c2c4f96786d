package portability

import (
	"bytes"
	"cmp"
	"slices"

	"google.golang.org/protobuf/proto"

	"protokoll/portability/pie"
	"protokoll/schemas"
	"protokoll/xmpp/frame"
)

// User is the part of a holding that XEP-0227 and the elements of this server's own have a place for.
func (h *Holding) User() *pie.User {
	u := &pie.User{Domain: h.Account.Domain, Localpart: h.Account.Localpart}
	for _, f := range h.Facts {
		addFact(u, f.Value)
	}
	u.Sort()
	return u
}

// addFact adds a fact to a user. What other servers have no use for is left out: sessions, addresses, orders under way.
func addFact(u *pie.User, m proto.Message) {
	switch m := m.(type) {
	case *schemas.AccountCredentials:
		u.Credentials = m
	case *schemas.RosterItem:
		u.Roster = append(u.Roster, m)
	case *schemas.VCard:
		u.VCard = m.GetVcard()
	case *schemas.PrivateElement:
		u.Private = append(u.Private, m)
	case *schemas.BlockedAddress:
		u.Blocked = append(u.Blocked, m)
	case *schemas.PrivacyList:
		u.Lists = append(u.Lists, m)
	case *schemas.DefaultPrivacyList:
		u.DefaultList = m.GetName()
	case *schemas.AccountConsent:
		u.Consents = append(u.Consents, m)
	case *schemas.OfflineMessage:
		u.Offline = append(u.Offline, m)
	case *schemas.ArchivedMessage:
		u.Archive = append(u.Archive, m)
	case *schemas.ArchivePreferences:
		u.ArchivePreferences = m
	case *schemas.NodeConfigured:
		if m.GetService() == "" {
			u.Nodes = append(u.Nodes, m)
		}
	case *schemas.ItemPublished:
		if m.GetService() == "" {
			u.Items = append(u.Items, m)
		}
	case *schemas.NodeSubscribed:
		if m.GetService() == "" {
			u.Subscriptions = append(u.Subscriptions, m)
		}
	case *schemas.LastLogin:
		u.LastLogin = m
	case *schemas.PresenceUpdated:
		u.Presences = append(u.Presences, m)
	case *schemas.AccountRestricted:
		u.Restricted = m
	case *schemas.AccountObjection:
		u.Objections = append(u.Objections, m)
	}
}

// sender is the bare JID that a stored stanza comes from; empty if it does not say.
func sender(stanza []byte) string {
	f, err := frame.Parse(stanza, frame.NSClient, frame.AfterLogin())
	if err != nil {
		return ""
	}
	from, _, _ := bytes.Cut(f.From, []byte("/"))
	return string(from)
}

// sortFacts orders facts by time.
func sortFacts(facts []Fact) {
	slices.SortStableFunc(facts, func(a, b Fact) int { return cmp.Compare(a.Time.UnixMilli(), b.Time.UnixMilli()) })
}
