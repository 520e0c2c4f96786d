// Package pietest makes people up, for tests of what moves them.
package pietest

import (
	"fmt"

	"pgregory.net/rapid"

	"protokoll/portability/pie"
	"protokoll/schemas"
	"protokoll/xmpp/frame"
)

var (
	words = rapid.SampledFrom([]string{"Ärger", "a & b", "<tag>", "it's", `"quoted"`, "two\nlines", "日本", "x", "tab\there", "]]>"})
	names = rapid.StringMatching(`[a-z][a-z0-9.]{0,6}`)
	times = rapid.Int64Range(1, 1<<42)
)

// User makes one account up, as an export has it.
func User(r *rapid.T, domain, name string) *pie.User {
	u := &pie.User{Domain: domain, Localpart: name}
	for _, contact := range rapid.SliceOfNDistinct(names, 0, 4, rapid.ID).Draw(r, "contacts") {
		u.Roster = append(u.Roster, item(r, u, contact+"@c.example"))
	}
	if rapid.Bool().Draw(r, "vcard") {
		u.VCard = element("vCard", "vcard-temp", "<FN>"+escape(words.Draw(r, "fn"))+"</FN>")
	}
	for _, local := range rapid.SliceOfNDistinct(rapid.StringMatching(`[a-z]{1,5}`), 0, 3, rapid.ID).Draw(r, "private") {
		u.Private = append(u.Private, &schemas.PrivateElement{Space: "urn:x", Local: local, Element: element(local, "urn:x", escape(words.Draw(r, "content")))})
	}
	for _, blocked := range rapid.SliceOfNDistinct(names, 0, 3, rapid.ID).Draw(r, "blocked") {
		u.Blocked = append(u.Blocked, &schemas.BlockedAddress{Address: blocked + "@b.example"})
	}
	for n := range rapid.IntRange(0, 3).Draw(r, "messages") {
		u.Offline = append(u.Offline, message(r, u, n))
	}
	for _, node := range rapid.SliceOfNDistinct(names, 0, 3, rapid.ID).Draw(r, "nodes") {
		publish(r, u, "urn:n:"+node)
	}
	if rapid.Bool().Draw(r, "last") {
		u.LastLogin = &schemas.LastLogin{SignedIn: times.Draw(r, "in"), SignedOut: times.Draw(r, "out")}
		u.Presences = []*schemas.PresenceUpdated{{Resource: words.Draw(r, "resource"), Show: "away", Status: words.Draw(r, "status"), Priority: -1, At: times.Draw(r, "at")}}
	}
	if rapid.Bool().Draw(r, "objection") {
		u.Objections = []*schemas.AccountObjection{{Kind: schemas.ObjectionKind_SEARCH, Since: times.Draw(r, "since"), Reason: words.Draw(r, "reason")}}
	}
	if rapid.Bool().Draw(r, "restricted") {
		u.Restricted = &schemas.AccountRestricted{Since: times.Draw(r, "since"), Reason: words.Draw(r, "reason")}
	}
	if rapid.Bool().Draw(r, "local") {
		u.Credentials = &schemas.AccountCredentials{Verifiers: []*schemas.Verifier{{Hash: schemas.Hash_SHA1, Salt: []byte{1, 2}, Iterations: 5000,
			StoredKey: make([]byte, 20), ServerKey: make([]byte, 20)}}}
	}
	u.Sort()
	return u
}

func item(r *rapid.T, u *pie.User, contact string) *schemas.RosterItem {
	request := []byte(fmt.Sprintf("<presence from='%s' to='%s' type='subscribe'><status>%s</status></presence>", contact, u.Address(), escape(words.Draw(r, "request"))))
	if rapid.Bool().Draw(r, "unlisted") {
		return &schemas.RosterItem{Contact: contact, Request: request}
	}
	i := &schemas.RosterItem{Contact: contact, Name: words.Draw(r, "name"), Listed: true, Subscription: schemas.Subscription(rapid.IntRange(0, 3).Draw(r, "subscription"))}
	if rapid.Bool().Draw(r, "grouped") {
		i.Groups = []string{words.Draw(r, "group")}
	}
	i.Ask = i.Subscription == schemas.Subscription_NONE && rapid.Bool().Draw(r, "ask")
	if i.Subscription == schemas.Subscription_NONE || i.Subscription == schemas.Subscription_TO {
		switch rapid.IntRange(0, 2).Draw(r, "inbound") {
		case 1:
			i.Approved = true
		case 2:
			i.Request = request
		}
	}
	return i
}

// publish makes a node up, with what is in it.
func publish(r *rapid.T, u *pie.User, node string) {
	c := &schemas.NodeConfigured{Node: node, Title: words.Draw(r, "title"), Access: schemas.NodeAccess(rapid.IntRange(1, 4).Draw(r, "access")),
		Publishers: schemas.NodePublishers_PUBLISHERS_ONLY, LastItem: schemas.NodeLastItem(rapid.IntRange(1, 3).Draw(r, "last item")),
		MaxItems: uint32(rapid.IntRange(0, 5).Draw(r, "max items")), NotifyRetract: rapid.Bool().Draw(r, "notify"), Created: times.Draw(r, "created")}
	if rapid.Bool().Draw(r, "member") {
		c.Affiliations = []*schemas.NodeAffiliation{{Person: "m@b.example", Role: schemas.NodeRole(rapid.IntRange(1, 5).Draw(r, "role"))}}
		u.Subscriptions = append(u.Subscriptions, &schemas.NodeSubscribed{Node: node, Subscriber: "m@b.example/x", Since: times.Draw(r, "since")})
	}
	if c.Access == schemas.NodeAccess_ACCESS_ROSTER {
		c.Groups = []string{words.Draw(r, "group")}
	}
	u.Nodes = append(u.Nodes, c)
	for n := range rapid.IntRange(0, max(1, int(c.MaxItems))).Draw(r, "items") {
		u.Items = append(u.Items, &schemas.ItemPublished{Node: node, ItemId: fmt.Sprint("i", n), Number: uint64(n) + 1, Published: times.Draw(r, "published"),
			Payload: element("p", "urn:p", escape(words.Draw(r, "payload")))})
	}
}

func message(r *rapid.T, u *pie.User, n int) *schemas.OfflineMessage {
	return &schemas.OfflineMessage{Received: times.Draw(r, "received"), StanzaId: fmt.Sprint(n), Stanza: []byte(fmt.Sprintf(
		`<message xmlns='jabber:client' from='%s@c.example/x' to='%s' id="m%d" type='chat'><body>%s</body><x xmlns="urn:y" a="b"/><stanza-id xmlns='urn:xmpp:sid:0' by='%s' id='%d'/></message>`,
		names.Draw(r, "sender"), u.Address(), n, escape(words.Draw(r, "body")), u.Address(), n))}
}

func escape(s string) string { return string(frame.AppendEscaped(nil, s)) }

func element(local, space, content string) []byte {
	return []byte("<" + local + " xmlns='" + space + "'>" + content + "</" + local + ">")
}
