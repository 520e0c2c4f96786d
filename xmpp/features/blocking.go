package features

import (
	"encoding/xml"

	"mellium.im/xmpp/jid"

	"protokoll/eventlog"
	"protokoll/schemas"
)

// Blocking Command, XEP-0191 version 1.3: the block list of an account, its changes and the pushes about them. The rules
// that follow from the list for stanzas and presence are the router's, by Blocks. Not here: privacy lists (XEP-0016).
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
		JID string `xml:"jid,attr"`
	} `xml:"urn:xmpp:blocking item"`
}

func (r *Registry) registerBlocking() {
	r.Handle(Get, Self, NSBlocking, "blocklist", blockList)
	r.Handle(Set, Self, NSBlocking, "block", block)
	r.Handle(Set, Self, NSBlocking, "unblock", unblock)
	r.Feature(Server, NSBlocking) // XEP-0191 §3.1: clients ask the server
}

// BlocksOf compiles the block list that the facts state.
func BlocksOf(f Facts) (*Blocks, error) {
	facts, err := f.All(schemas.Family_BLOCK_FACTS)
	if err != nil {
		return nil, err
	}
	addresses := make([]string, 0, len(facts))
	for _, m := range facts {
		if b, ok := m.(*schemas.BlockedAddress); ok {
			addresses = append(addresses, b.GetAddress())
		}
	}
	return NewBlocks(addresses...), nil
}

func blockList(req *Request) (Reply, error) {
	blocks, err := BlocksOf(req.Account)
	if err != nil {
		return Reply{}, err
	}
	if req.Session == nil {
		return Reply{}, errSession
	}
	after, err := req.Session.SetBlockInterest()
	return Reply{Payload: blockingElement("blocklist", blocks.Addresses()), After: after}, err
}

func block(req *Request) (Reply, error) {
	wanted, err := parseBlocking(req.Payload.Raw)
	if err != nil {
		return Reply{}, err
	}
	if len(wanted) == 0 {
		return Reply{}, BadRequest("nothing to block") // XEP-0191 §3.3
	}
	return changeBlocks(req, "block", wanted, func(before *Blocks) ([]string, []eventlog.Fact, error) {
		after, facts := before.Addresses(), []eventlog.Fact(nil)
		for _, a := range wanted {
			if !before.addresses[a] {
				after = append(after, a)
				facts = append(facts, eventlog.Set(a, &schemas.BlockedAddress{Address: a}))
			}
		}
		if len(after) > MaxBlocked {
			return nil, nil, LimitReached()
		}
		return after, facts, nil
	})
}

func unblock(req *Request) (Reply, error) {
	wanted, err := parseBlocking(req.Payload.Raw)
	if err != nil {
		return Reply{}, err
	}
	all := len(wanted) == 0 // XEP-0191 §3.5
	over := NewBlocks(wanted...)
	return changeBlocks(req, "unblock", wanted, func(before *Blocks) ([]string, []eventlog.Fact, error) {
		var after []string
		var facts []eventlog.Fact
		for _, a := range before.Addresses() {
			if all || over.addresses[a] {
				facts = append(facts, eventlog.End(schemas.Family_BLOCK_FACTS, a))
			} else {
				after = append(after, a)
			}
		}
		return after, facts, nil
	})
}

// changeBlocks carries out a command whole or not at all: decide returns the addresses afterwards and the facts.
func changeBlocks(req *Request, name string, wanted []string,
	decide func(before *Blocks) ([]string, []eventlog.Fact, error)) (Reply, error) {
	change := &BlockChange{}
	after, err := req.Account.Change(schemas.Cause_CLIENT, func(f Facts) ([]eventlog.Fact, error) {
		before, err := BlocksOf(f)
		if err != nil {
			return nil, err
		}
		addresses, facts, err := decide(before)
		change.Before, change.After = before, NewBlocks(addresses...)
		return facts, err
	})
	if err != nil {
		return Reply{}, err
	}
	push := Push{To: BlockList, Payload: blockingElement(name, wanted)}
	return Reply{After: after, Pushes: []Push{push}, Blocks: change}, nil
}

// parseBlocking returns the addresses of a command in canonical form, each once. One bad address refuses all.
func parseBlocking(payload []byte) ([]string, error) {
	var p blockingPayload
	if err := xml.Unmarshal(payload, &p); err != nil {
		return nil, BadRequest("")
	}
	if len(p.Items) > MaxBlocked {
		return nil, LimitReached()
	}
	seen := NewBlocks()
	for _, item := range p.Items {
		if item.JID == "" {
			return nil, BadRequest("item without an address")
		}
		address, err := jid.Parse(item.JID)
		if err != nil {
			return nil, JIDMalformed()
		}
		seen.addresses[address.String()] = true
	}
	return seen.Addresses(), nil
}

func blockingElement(name string, addresses []string) []byte {
	b := append(append([]byte{'<'}, name...), " xmlns='"+NSBlocking+"'>"...)
	for _, a := range addresses {
		b = append(appendAttr(append(b, "<item"...), "jid", a), "/>"...)
	}
	return append(append(append(b, "</"...), name...), '>')
}
