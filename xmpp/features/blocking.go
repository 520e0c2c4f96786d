package features

import (
	"encoding/xml"

	"mellium.im/xmpp/jid"

	"protokoll/eventlog"
	"protokoll/schemas"
)

// Blocking Command, XEP-0191 version 1.3: the block list of an account, its changes and the pushes about them. The rules
// that follow from the list for stanzas and presence are the router's, by Blocks. The same list is the beginning of the default
// privacy list (privacy.go). XEP-0191 §5
const (
	NSBlocking       = "urn:xmpp:blocking"
	NSBlockingErrors = "urn:xmpp:blocking:errors"
	// MaxBlocked is the number of addresses that one account may block.
	MaxBlocked = 1_000
)

// Blocked is the answer to a stanza that the owner sends to an address on the own block list. XEP-0191 §3.3
func Blocked() *Error {
	return &Error{Type: "cancel", Condition: "not-acceptable", App: []byte("<blocked xmlns='" + NSBlockingErrors + "'/>")}
}

type blockingPayload struct {
	Items []struct {
		JID     string          `xml:"jid,attr"`
		Reports []reportPayload `xml:"urn:xmpp:reporting:1 report"`
	} `xml:"urn:xmpp:blocking item"`
}

func (r *Registry) registerBlocking(reports func(Report)) {
	if r.reports = reports; reports != nil {
		r.Feature(Server, NSReporting, reasonSpam, reasonAbuse)
	}
	r.Handle(Get, Self, NSBlocking, "blocklist", blockList)
	r.Handle(Set, Self, NSBlocking, "block", r.block)
	r.Handle(Set, Self, NSBlocking, "unblock", unblock)
	r.Feature(Server, NSBlocking) // XEP-0191 §3.1: clients ask the server
}

// BlocksOf compiles the block list and the privacy lists that the facts state; own is the bare JID whose they are.
func BlocksOf(f Facts, own string) (*Blocks, error) {
	l, err := readLists(f)
	if err != nil {
		return nil, err
	}
	return l.compile(own), nil
}

func blockList(req *Request) (Reply, error) {
	blocks, err := BlocksOf(req.Account, req.Account.Bare())
	if err != nil {
		return Reply{}, err
	}
	if req.Session == nil {
		return Reply{}, errSession
	}
	after, err := req.Session.SetBlockInterest()
	return Reply{Payload: blockingElement("blocklist", blocks.Addresses()), After: after}, err
}

func (r *Registry) block(req *Request) (Reply, error) {
	wanted, reports, err := parseBlocking(req.Payload.Raw)
	if err != nil {
		return Reply{}, err
	}
	if len(wanted) == 0 {
		return Reply{}, BadRequest("nothing to block") // XEP-0191 §3.3
	}
	reply, err := changeBlocks(req, "block", wanted, func(l *lists) error {
		for _, a := range wanted {
			l.blocked[a] = true
		}
		if len(l.blocked) > MaxBlocked {
			return LimitReached()
		}
		return nil
	})
	if err == nil && r.reports != nil && len(reports) > 0 {
		from := bareOf(req.From)
		reply.Then = func() {
			for _, report := range reports {
				report.From = from
				r.reports(report)
			}
		}
	}
	return reply, err
}

func unblock(req *Request) (Reply, error) {
	wanted, _, err := parseBlocking(req.Payload.Raw)
	if err != nil {
		return Reply{}, err
	}
	over := NewBlocks(wanted...)
	if len(wanted) == 0 {
		over = nil // XEP-0191 §3.5
	}
	return changeBlocks(req, "unblock", wanted, func(l *lists) error {
		l.unblock(over)
		return nil
	})
}

// changeBlocks carries out a command whole or not at all.
func changeBlocks(req *Request, name string, wanted []string, change func(*lists) error) (Reply, error) {
	before, after, receipt, err := changeLists(req.Account, change)
	if err != nil {
		return Reply{}, err
	}
	own := req.Account.Bare()
	reply := Reply{After: receipt, Blocks: &BlockChange{Before: before.compile(own), After: after.compile(own)}}
	reply.Pushes = append(reply.Pushes, Push{To: BlockList, Payload: blockingElement(name, wanted)})
	if receipt != nil {
		reply.Pushes = append(reply.Pushes, listPush(after.standing()))
	}
	return reply, nil
}

// changeLists changes lists under the account's lock.
func changeLists(a Account, change func(*lists) error) (before, after *lists, receipt *eventlog.Receipt, err error) {
	receipt, err = a.Change(schemas.Cause_CLIENT, func(f Facts) ([]eventlog.Fact, error) {
		if before, err = readLists(f); err != nil {
			return nil, err
		}
		after = before.clone()
		if err := change(after); err != nil {
			return nil, err
		}
		return after.facts(before), nil
	})
	return before, after, receipt, err
}

// parseBlocking returns the addresses of a command in canonical form, each once. One bad address refuses all.
func parseBlocking(payload []byte) (addresses []string, reports []Report, err error) {
	var p blockingPayload
	if err := xml.Unmarshal(payload, &p); err != nil {
		return nil, nil, BadRequest("")
	}
	if len(p.Items) > MaxBlocked {
		return nil, nil, LimitReached()
	}
	seen := NewBlocks()
	for _, item := range p.Items {
		if item.JID == "" {
			return nil, nil, BadRequest("item without an address")
		}
		address, err := jid.Parse(item.JID)
		if err != nil {
			return nil, nil, JIDMalformed()
		}
		seen.addresses[address.String()] = true
		if len(item.Reports) > 0 && len(reports) < maxReports {
			reports = append(reports, item.Reports[0].about(address.String()))
		}
	}
	return seen.Addresses(), reports, nil
}

func blockingElement(name string, addresses []string) []byte {
	b := append(append([]byte{'<'}, name...), " xmlns='"+NSBlocking+"'>"...)
	for _, a := range addresses {
		b = append(appendAttr(append(b, "<item"...), "jid", a), "/>"...)
	}
	return append(append(append(b, "</"...), name...), '>')
}
