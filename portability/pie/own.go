package pie

import (
	"strconv"
	"time"

	"protokoll/schemas"
)

// stampFormat is the DateTime profile in UTC with milliseconds. XEP-0082 §3.2
const stampFormat = "2006-01-02T15:04:05.000Z"

// own reads what XEP-0227 has no place for, in this server's namespace.
func (p *userReader) own(n *Node) {
	ok := true
	at := func(name string) int64 {
		if n.Attr(name) == "" {
			return 0
		}
		t, err := time.Parse(stampFormat, n.Attr(name))
		ok = ok && err == nil
		return t.UnixMilli()
	}
	switch n.Local {
	case "last-login":
		last := &schemas.LastLogin{SignedIn: at("signed-in"), SignedOut: at("signed-out")}
		if ok {
			p.LastLogin = last
		}
	case "last-presence":
		ok = p.presence(n, at("at")) && ok
	case "restricted":
		p.Restricted = &schemas.AccountRestricted{Since: at("since"), Reason: n.Attr("reason")}
	case "objection":
		kind, known := schemas.ObjectionKind_value[n.Attr("kind")]
		ok = ok && known && kind != 0
		p.Objections = append(p.Objections, &schemas.AccountObjection{Kind: schemas.ObjectionKind(kind), Since: at("since"), Reason: n.Attr("reason")})
	case "consent":
		kind, known := schemas.ConsentKind_value[n.Attr("kind")]
		ok = ok && known && kind != 0
		p.Consents = append(p.Consents, &schemas.AccountConsent{Kind: schemas.ConsentKind(kind), Since: at("since")})
	default:
		p.ignore(n)
	}
	if !ok {
		p.fault(n.Place, "an element of this server's own that cannot be read")
	}
}

// presence takes over what was last told. Nobody is available because of an import.
func (p *userReader) presence(n *Node, at int64) bool {
	priority, err := strconv.ParseInt(n.Attr("priority"), 10, 8)
	resource := n.Attr("resource")
	if err != nil || resource == "" {
		return false
	}
	for _, other := range p.Presences {
		if other.GetResource() == resource {
			return false
		}
	}
	p.Presences = append(p.Presences, &schemas.PresenceUpdated{
		Resource: resource, Show: n.Attr("show"), Status: n.Attr("status"), Priority: int32(priority), At: at,
	})
	return true
}
