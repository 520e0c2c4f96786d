package pie

import (
	"cmp"
	"slices"

	"protokoll/schemas"
)

// Namespaces of the format. XEP-0227 §4
const (
	NS        = "urn:xmpp:pie:0"
	NSScram   = "urn:xmpp:pie:0#scram"
	NSInclude = "http://www.w3.org/2001/XInclude"
	// NSOwn is for what XEP-0227 has no place for: last login, last presence, restriction, objections.
	NSOwn = "urn:protokoll:export:1"
)

const (
	nsClient    = "jabber:client"
	nsRoster    = "jabber:iq:roster"
	nsPrivate   = "jabber:iq:private"
	nsPrivacy   = "jabber:iq:privacy"
	nsLast      = "jabber:iq:last"
	nsVCard     = "vcard-temp"
	nsBlocking  = "urn:xmpp:blocking"
	nsDelay     = "urn:xmpp:delay"
	nsOldDelay  = "jabber:x:delay"
	nsStanzaID  = "urn:xmpp:sid:0"
	nsOldMAMTmp = "urn:xmpp:mam:tmp"
)

// User is one account as facts. Facts of one kind are sorted by what they are about, messages by their time.
type User struct {
	Place
	Domain, Localpart string // prepared by RFC 7622
	Password          string // in clear, if the document has it; never written

	Credentials *schemas.AccountCredentials // nil: none
	Roster      []*schemas.RosterItem       // pending requests included
	VCard       []byte                      // empty: none
	Private     []*schemas.PrivateElement
	Blocked     []*schemas.BlockedAddress
	Lists       []*schemas.PrivacyList // what the block list cannot say
	DefaultList string                 // the default one of them; empty: none was chosen
	Consents    []*schemas.AccountConsent
	Offline     []*schemas.OfflineMessage // Received is 0 where the document does not tell
	Archive     []*schemas.ArchivedMessage
	LastLogin   *schemas.LastLogin
	Presences   []*schemas.PresenceUpdated
	Restricted  *schemas.AccountRestricted
	Objections  []*schemas.AccountObjection

	ArchivePreferences *schemas.ArchivePreferences // nil: nothing is archived

	Nodes         []*schemas.NodeConfigured // at the account's own address
	Items         []*schemas.ItemPublished  // of these nodes; the oldest of a node first
	Subscriptions []*schemas.NodeSubscribed // to these nodes

	Faults  []Fault        // at most MaxFaults
	Faulty  int            // how many there were
	Ignored map[string]int // how many elements were not taken, by namespace and name
}

// Sort puts the facts into the order in which they are written, which does not depend on where they came from.
func (u *User) Sort() {
	slices.SortFunc(u.Roster, func(a, b *schemas.RosterItem) int { return cmp.Compare(a.GetContact(), b.GetContact()) })
	slices.SortFunc(u.Private, func(a, b *schemas.PrivateElement) int {
		return cmp.Or(cmp.Compare(a.GetSpace(), b.GetSpace()), cmp.Compare(a.GetLocal(), b.GetLocal()))
	})
	slices.SortFunc(u.Blocked, func(a, b *schemas.BlockedAddress) int { return cmp.Compare(a.GetAddress(), b.GetAddress()) })
	u.Blocked = slices.CompactFunc(u.Blocked, func(a, b *schemas.BlockedAddress) bool { return a.GetAddress() == b.GetAddress() })
	slices.SortFunc(u.Lists, func(a, b *schemas.PrivacyList) int { return cmp.Compare(a.GetName(), b.GetName()) })
	slices.SortFunc(u.Consents, func(a, b *schemas.AccountConsent) int { return cmp.Compare(a.GetKind(), b.GetKind()) })
	slices.SortStableFunc(u.Offline, func(a, b *schemas.OfflineMessage) int { return cmp.Compare(a.GetReceived(), b.GetReceived()) })
	slices.SortStableFunc(u.Archive, func(a, b *schemas.ArchivedMessage) int { return cmp.Compare(a.GetReceived(), b.GetReceived()) })
	slices.SortFunc(u.Presences, func(a, b *schemas.PresenceUpdated) int { return cmp.Compare(a.GetResource(), b.GetResource()) })
	slices.SortFunc(u.Objections, func(a, b *schemas.AccountObjection) int { return cmp.Compare(a.GetKind(), b.GetKind()) })
	sortNodes(u)
	if u.Credentials != nil {
		slices.SortFunc(u.Credentials.Verifiers, func(a, b *schemas.Verifier) int { return cmp.Compare(a.GetHash(), b.GetHash()) })
	}
}

// Address is the account's bare JID.
func (u *User) Address() string { return u.Localpart + "@" + u.Domain }

func (u *User) fault(at Place, text string) {
	u.Faulty++
	if len(u.Faults) < MaxFaults {
		u.Faults = append(u.Faults, Fault{at, text})
	}
}

func (u *User) ignore(n *Node) {
	if u.Ignored == nil {
		u.Ignored = map[string]int{}
	}
	u.Ignored[known(n.Space)+" "+n.Local]++
}

// known is the namespace if it can be shown: whoever wrote the document may have put anything into it.
func known(space string) string {
	if space == "" || len(space) > 100 {
		return "another namespace"
	}
	return space
}
