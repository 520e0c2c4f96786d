package roster

import (
	"encoding/xml"
	"errors"
	"fmt"
	"slices"

	"mellium.im/xmpp/jid"
)

// NS is the namespace of rosters. RFC 6121 §2.1
const NS = "jabber:iq:roster"

// What a roster set is refused with. RFC 6121 §2.3.3, §2.4.3, §2.5.3
var (
	// ErrBadRequest is returned for a payload that is no query with exactly one item with an address, and for one with the
	// same group twice: bad-request.
	ErrBadRequest = errors.New("malformed roster query")
	// ErrNotAcceptable is returned for an empty group and for a name or group beyond the limits: not-acceptable.
	ErrNotAcceptable = errors.New("roster item beyond the limits")
	// ErrMalformedJID is returned for an address that is none: jid-malformed.
	ErrMalformedJID = errors.New("malformed address in a roster item")
)

// Change is what a client asks for with a roster set.
type Change struct {
	Contact string // bare JID in canonical form
	Event   Event  // Set or Remove
}

type itemPayload struct {
	JID          string   `xml:"jid,attr"`
	Name         string   `xml:"name,attr"`
	Subscription string   `xml:"subscription,attr"`
	Groups       []string `xml:"jabber:iq:roster group"`
}

type queryPayload struct {
	XMLName xml.Name      `xml:"jabber:iq:roster query"`
	Ver     *string       `xml:"ver,attr"`
	Items   []itemPayload `xml:"jabber:iq:roster item"`
}

// ParseGet reads the payload of a roster get: the version that the client has, and whether it sent one at all.
// RFC 6121 §2.6.2. It returns ErrBadRequest for anything else, also for a query with items (RFC 6121 §2.1.3).
func ParseGet(payload []byte) (ver string, versioned bool, err error) {
	var q queryPayload
	if err := xml.Unmarshal(payload, &q); err != nil || len(q.Items) != 0 {
		return "", false, ErrBadRequest
	}
	if q.Ver == nil {
		return "", false, nil
	}
	return *q.Ver, true, nil
}

// ParseSet reads the payload of a roster set. Everything that only the server decides (subscription other than remove,
// ask, approved) is ignored, RFC 6121 §2.1.2. It returns ErrBadRequest, ErrNotAcceptable or ErrMalformedJID.
func ParseSet(payload []byte) (Change, error) {
	var q queryPayload
	if err := xml.Unmarshal(payload, &q); err != nil || len(q.Items) != 1 || q.Items[0].JID == "" {
		return Change{}, ErrBadRequest
	}
	item := q.Items[0]
	contact, err := jid.Parse(item.JID)
	if err != nil {
		return Change{}, ErrMalformedJID
	}
	c := Change{Contact: contact.Bare().String()}
	if item.Subscription == "remove" {
		c.Event.Kind = Remove
		return c, nil
	}
	if len(item.Name) > MaxNameBytes {
		return Change{}, fmt.Errorf("name: %w", ErrNotAcceptable)
	}
	groups, err := sortedGroups(item.Groups)
	if err != nil {
		return Change{}, err
	}
	c.Event = Event{Kind: Set, Name: item.Name, Groups: groups}
	return c, nil
}

// sortedGroups gives groups, which are a set, the one order in which they are stored, compared and hashed.
func sortedGroups(groups []string) ([]string, error) {
	if len(groups) > MaxGroups {
		return nil, fmt.Errorf("groups: %w", ErrNotAcceptable)
	}
	slices.Sort(groups)
	for n, g := range groups {
		switch {
		case g == "" || len(g) > MaxGroupBytes:
			return nil, fmt.Errorf("group: %w", ErrNotAcceptable)
		case n > 0 && g == groups[n-1]:
			return nil, fmt.Errorf("same group twice: %w", ErrBadRequest)
		}
	}
	return groups, nil
}
