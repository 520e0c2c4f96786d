package features

import (
	"encoding/xml"
	"slices"
	"strconv"

	"mellium.im/xmpp/jid"

	"protokoll/eventlog"
	"protokoll/schemas"
)

// Privacy Lists, XEP-0016 version 1.7: named lists of rules, one of them for the account (default), one for each session that
// asks (active). The block list of XEP-0191 is the beginning of the default list, and is in force before every list: no list
// takes it away. The rules that follow for stanzas are the router's, by Blocks.Denies. Departures: pushes go to resources
// that used privacy lists; a group need not exist.
const (
	NSPrivacy = "jabber:iq:privacy"
	// MaxPrivacyLists is the number of lists of one account.
	MaxPrivacyLists = 20
	// MaxPrivacyRules is the number of rules of one list; of those that the block list can say, MaxBlocked.
	MaxPrivacyRules = 1_000
	// MaxListName is the longest name of a list or a group, in bytes.
	MaxListName = 1_023
	// MaxListBytes is the longest payload that says what is in a list.
	MaxListBytes = 192 << 10
)

// ListSession is what a session must know for privacy lists. Implemented by the router's sessions.
type ListSession interface {
	// ActiveList returns the name of the active list, empty for none.
	ActiveList() string
	// SetActiveList makes a list that exists the active one; empty: none.
	SetActiveList(name string) (*eventlog.Receipt, error)
	// ListInUse tells whether another session of the account has a list as its active one, and whether another has none and so
	// follows the default list.
	ListInUse(name string) (active, standing bool)
	// SetListInterest notes that this resource gets pushes about privacy lists.
	SetListInterest()
}

type privacyPayload struct {
	Active  []privacyName `xml:"jabber:iq:privacy active"`
	Default []privacyName `xml:"jabber:iq:privacy default"`
	Lists   []privacyList `xml:"jabber:iq:privacy list"`
	Others  []xml.Name    `xml:",any"`
}

type privacyName struct {
	Name *string `xml:"name,attr"`
}

type privacyList struct {
	Name  *string       `xml:"name,attr"`
	Items []privacyItem `xml:"jabber:iq:privacy item"`
}

type privacyItem struct {
	Type        *string    `xml:"type,attr"`
	Value       string     `xml:"value,attr"`
	Action      string     `xml:"action,attr"`
	Order       string     `xml:"order,attr"`
	Message     *struct{}  `xml:"jabber:iq:privacy message"`
	IQ          *struct{}  `xml:"jabber:iq:privacy iq"`
	PresenceIn  *struct{}  `xml:"jabber:iq:privacy presence-in"`
	PresenceOut *struct{}  `xml:"jabber:iq:privacy presence-out"`
	Others      []xml.Name `xml:",any"`
}

func (r *Registry) registerPrivacy() {
	r.Handle(Get, Self, NSPrivacy, "query", getPrivacy)
	r.Handle(Set, Self, NSPrivacy, "query", setPrivacy)
	r.Feature(Server, NSPrivacy)
}

func parsePrivacy(req *Request) (p privacyPayload, s ListSession, err error) {
	s, ok := req.Session.(ListSession)
	if !ok {
		return p, nil, errSession
	}
	if len(req.Payload.Raw) > MaxListBytes {
		return p, nil, TooBig()
	}
	if xml.Unmarshal(req.Payload.Raw, &p) != nil || len(p.Others) > 0 {
		return p, nil, BadRequest("")
	}
	s.SetListInterest()
	return p, s, nil
}

// getPrivacy answers with the names of all lists, or with one list. XEP-0016 §2.3
func getPrivacy(req *Request) (Reply, error) {
	p, session, err := parsePrivacy(req)
	if err != nil {
		return Reply{}, err
	}
	l, err := readLists(req.Account)
	if err != nil {
		return Reply{}, err
	}
	switch {
	case len(p.Active) > 0, len(p.Default) > 0, len(p.Lists) > 1:
		return Reply{}, BadRequest("ask for one list")
	case len(p.Lists) == 0:
		return Reply{Payload: l.appendNames(session.ActiveList())}, nil
	case p.Lists[0].Name == nil || len(p.Lists[0].Items) > 0:
		return Reply{}, BadRequest("")
	case !l.exists(*p.Lists[0].Name):
		return Reply{}, ItemNotFound()
	}
	return Reply{Payload: l.appendList(*p.Lists[0].Name)}, nil
}

// setPrivacy changes one thing at a time. XEP-0016 §2.1
func setPrivacy(req *Request) (Reply, error) {
	p, session, err := parsePrivacy(req)
	if err != nil {
		return Reply{}, err
	}
	if len(p.Active)+len(p.Default)+len(p.Lists) != 1 {
		return Reply{}, BadRequest("one change at a time")
	}
	switch {
	case len(p.Active) == 1:
		return setActive(req, session, p.Active[0].Name)
	case len(p.Default) == 1:
		return setDefault(req, session, p.Default[0].Name)
	}
	return setList(req, session, p.Lists[0])
}

// setActive switches the list of the sender's session. XEP-0016 §2.4
func setActive(req *Request, session ListSession, name *string) (Reply, error) {
	l, err := readLists(req.Account)
	if err != nil {
		return Reply{}, err
	}
	wanted := ""
	if name != nil {
		if wanted = *name; !l.exists(wanted) {
			return Reply{}, ItemNotFound()
		}
	}
	blocks := l.compile(req.Account.Bare())
	was := session.ActiveList()
	after, err := session.SetActiveList(wanted)
	return Reply{After: after, Blocks: &BlockChange{Before: blocks, After: blocks, Switched: true, Was: was}}, err
}

// setDefault chooses the list of the account. XEP-0016 §2.5
func setDefault(req *Request, session ListSession, name *string) (Reply, error) {
	_, used := session.ListInUse("")
	return privacyChange(req, func(l *lists) error {
		wanted := ""
		if name != nil {
			if wanted = *name; !l.exists(wanted) {
				return ItemNotFound()
			}
		}
		if used && wanted != l.chosen && l.exists(l.standing()) {
			return Conflict()
		}
		l.choose(wanted)
		if len(l.blocked) > MaxBlocked {
			return LimitReached()
		}
		return nil
	})
}

// setList replaces a list, or removes it if nothing is in it. XEP-0016 §2.6, §2.7, §2.8
func setList(req *Request, session ListSession, wanted privacyList) (Reply, error) {
	rules, err := wanted.rules()
	if err != nil {
		return Reply{}, err
	}
	name := *wanted.Name
	active, standing := session.ListInUse(name)
	reply, err := privacyChange(req, func(l *lists) error {
		if len(rules) == 0 {
			switch {
			case !l.exists(name):
				return ItemNotFound()
			case active || standing && name == l.standing():
				return Conflict()
			}
		}
		l.put(name, rules)
		if len(l.names()) > MaxPrivacyLists || len(l.blocked) > MaxBlocked {
			return LimitReached()
		}
		return nil
	})
	if err != nil || len(rules) > 0 {
		return reply, err
	}
	if session.ActiveList() == name {
		_, err = session.SetActiveList("")
	}
	return reply, err
}

// privacyChange changes lists and tells everybody who follows them, as lists and as a block list.
func privacyChange(req *Request, change func(*lists) error) (Reply, error) {
	before, after, receipt, err := changeLists(req.Account, change)
	if err != nil {
		return Reply{}, err
	}
	own := req.Account.Bare()
	reply := Reply{After: receipt, Blocks: &BlockChange{Before: before.compile(own), After: after.compile(own)}}
	removed, added := difference(before.blocked, after.blocked)
	if len(removed) > 0 {
		reply.Pushes = append(reply.Pushes, Push{To: BlockList, Payload: blockingElement("unblock", removed)})
	}
	if len(added) > 0 {
		reply.Pushes = append(reply.Pushes, Push{To: BlockList, Payload: blockingElement("block", added)})
	}
	for _, name := range changedLists(before, after) {
		reply.Pushes = append(reply.Pushes, listPush(name))
	}
	return reply, nil
}

// changedLists names the lists that a client sees differently now.
func changedLists(before, after *lists) (names []string) {
	for _, name := range slices.Compact(slices.Sorted(slices.Values(append(before.names(), after.names()...)))) {
		if !sameRules(before.show(name), after.show(name)) {
			names = append(names, name)
		}
	}
	return names
}

func listPush(name string) Push {
	b := append(appendAttr([]byte("<query xmlns='"+NSPrivacy+"'><list"), "name", name), "/></query>"...)
	return Push{To: PrivacyLists, Payload: b}
}

// rules checks and sorts what a client put into a list. XEP-0016 §2.1
func (p privacyList) rules() ([]*schemas.PrivacyRule, error) {
	if p.Name == nil || *p.Name == "" || len(*p.Name) > MaxListName {
		return nil, BadRequest("a list needs a name")
	}
	if len(p.Items) > MaxPrivacyRules {
		return nil, LimitReached()
	}
	rules := make([]*schemas.PrivacyRule, 0, len(p.Items))
	orders := make(map[uint32]bool, len(p.Items))
	for n := range p.Items {
		rule, err := p.Items[n].rule()
		if err != nil {
			return nil, err
		}
		if orders[rule.Order] {
			return nil, BadRequest("two items have the same order")
		}
		orders[rule.Order] = true
		rules = append(rules, rule)
	}
	slices.SortFunc(rules, func(a, b *schemas.PrivacyRule) int { return int(int64(a.Order) - int64(b.Order)) })
	return rules, nil
}

func (p *privacyItem) rule() (*schemas.PrivacyRule, error) {
	order, err := strconv.ParseUint(p.Order, 10, 32)
	if err != nil || p.Action != "deny" && p.Action != "allow" || len(p.Others) > 0 {
		return nil, BadRequest("")
	}
	rule := &schemas.PrivacyRule{Deny: p.Action == "deny", Order: uint32(order),
		Message: p.Message != nil, Iq: p.IQ != nil, PresenceIn: p.PresenceIn != nil, PresenceOut: p.PresenceOut != nil}
	if aboutAll(rule) {
		rule.Message, rule.Iq, rule.PresenceIn, rule.PresenceOut = false, false, false, false
	}
	if p.Type == nil {
		return rule, nil // for everybody that no other item is about
	}
	rule.Value = p.Value
	switch *p.Type {
	case "jid":
		rule.Type = schemas.PrivacyRuleType_BY_JID
		address, err := jid.Parse(p.Value)
		if err != nil {
			return nil, JIDMalformed()
		}
		rule.Value = address.String()
	case "group":
		rule.Type = schemas.PrivacyRuleType_BY_GROUP
		if p.Value == "" || len(p.Value) > MaxListName {
			return nil, BadRequest("")
		}
	case "subscription":
		rule.Type = schemas.PrivacyRuleType_BY_SUBSCRIPTION
		if !slices.Contains([]string{"none", "to", "from", "both"}, p.Value) {
			return nil, BadRequest("")
		}
	default:
		return nil, BadRequest("")
	}
	return rule, nil
}

func (l *lists) appendNames(active string) []byte {
	b := []byte("<query xmlns='" + NSPrivacy + "'>")
	if active != "" {
		b = append(appendAttr(append(b, "<active"...), "name", active), "/>"...)
	}
	if s := l.standing(); l.exists(s) {
		b = append(appendAttr(append(b, "<default"...), "name", s), "/>"...)
	}
	for _, name := range l.names() {
		b = append(appendAttr(append(b, "<list"...), "name", name), "/>"...)
	}
	return append(b, "</query>"...)
}

var ruleTypes = [...]string{schemas.PrivacyRuleType_BY_JID: "jid", schemas.PrivacyRuleType_BY_GROUP: "group",
	schemas.PrivacyRuleType_BY_SUBSCRIPTION: "subscription"}

func (l *lists) appendList(name string) []byte {
	return append(l.appendItems([]byte("<query xmlns='"+NSPrivacy+"'>"), name), "</query>"...)
}

func (l *lists) appendItems(b []byte, name string) []byte {
	b = append(appendAttr(append(b, "<list"...), "name", name), '>')
	for _, rule := range l.show(name) {
		b = append(b, "<item"...)
		if rule.GetType() != schemas.PrivacyRuleType_EVERYBODY {
			b = appendAttr(appendAttr(b, "type", ruleTypes[rule.GetType()]), "value", rule.GetValue())
		}
		action := "allow"
		if rule.GetDeny() {
			action = "deny"
		}
		b = append(appendAttr(appendAttr(b, "action", action), "order", strconv.FormatUint(uint64(rule.GetOrder()), 10)), '>')
		for _, kind := range []struct {
			name string
			set  bool
		}{{"message", rule.GetMessage()}, {"iq", rule.GetIq()}, {"presence-in", rule.GetPresenceIn()}, {"presence-out", rule.GetPresenceOut()}} {
			if kind.set {
				b = append(append(append(b, '<'), kind.name...), "/>"...)
			}
		}
		b = append(b, "</item>"...)
	}
	return append(b, "</list>"...)
}
