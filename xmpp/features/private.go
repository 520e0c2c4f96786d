package features

import (
	"bytes"
	"encoding/xml"
	"slices"

	"protokoll/eventlog"
	"protokoll/schemas"
	"protokoll/xmpp/frame"
)

// Private XML Storage, XEP-0049 version 1.2: elements that the owner's clients keep here, as the bytes they sent, one for
// each namespace and name. An element without content and attributes ends the fact. Others get no answer that tells anything.
const (
	NSPrivate = "jabber:iq:private"
	// MaxPrivateBytes is the largest element that is kept.
	MaxPrivateBytes = 64 << 10
	// MaxPrivateElements is the number of elements of one account.
	MaxPrivateElements = 100
)

func (r *Registry) registerPrivate() {
	r.Handle(Get, Self, NSPrivate, "query", getPrivate)
	r.Handle(Set, Self, NSPrivate, "query", setPrivate)
	r.Feature(Server, NSPrivate)
}

// privateEntity is unambiguous: a name holds no space.
func privateEntity(c *frame.Child) string { return string(c.Space) + " " + string(c.Local) }

func getPrivate(req *Request) (Reply, error) {
	q, err := standalone(req.Payload.Raw)
	if err != nil {
		return Reply{}, err
	}
	if len(q.Children) != 1 {
		return Reply{}, BadRequest("ask for one element") // XEP-0049 §2.3
	}
	asked := &q.Children[0]
	m, err := req.Account.Get(schemas.Family_PRIVATE_FACTS, privateEntity(asked))
	if err != nil {
		return Reply{}, err
	}
	b := []byte("<query xmlns='" + NSPrivate + "'>")
	if stored, ok := m.(*schemas.PrivateElement); ok {
		b = append(b, stored.GetElement()...)
	} else {
		b = append(appendAttr(append(append(b, '<'), asked.Local...), "xmlns", string(asked.Space)), "/>"...)
	}
	return Reply{Payload: append(b, "</query>"...)}, nil
}

// ParsePrivate returns what a client wants to keep.
func ParsePrivate(payload []byte) ([]*schemas.PrivateElement, error) {
	q, err := standalone(payload)
	if err != nil {
		return nil, err
	}
	return privateElements(&q)
}

func setPrivate(req *Request) (Reply, error) {
	wanted, err := ParsePrivate(req.Payload.Raw)
	if err != nil {
		return Reply{}, err
	}
	after, err := req.Account.Change(schemas.Cause_CLIENT, func(f Facts) ([]eventlog.Fact, error) {
		return PrivateFacts(f, wanted)
	})
	return Reply{After: after}, err
}

// privateElements checks what a client wants to keep. Two elements of one name would be one fact: refused.
func privateElements(q *frame.Frame) ([]*schemas.PrivateElement, error) {
	var wanted []*schemas.PrivateElement
	seen := map[string]bool{}
	for n := range q.Children {
		c := &q.Children[n]
		if string(c.Space) == NSPrivate || seen[privateEntity(c)] {
			return nil, NotAcceptable("each element needs a namespace of its own and comes once") // XEP-0049 §2.3
		}
		if len(c.Raw) > MaxPrivateBytes {
			return nil, TooBig()
		}
		if _, err := standalone(c.Raw); err != nil {
			return nil, err
		}
		seen[privateEntity(c)] = true
		wanted = append(wanted, &schemas.PrivateElement{
			Space: string(c.Space), Local: string(c.Local), Element: bytes.Clone(c.Raw),
		})
	}
	if len(wanted) == 0 {
		return nil, NotAcceptable("nothing to store") // XEP-0049 §2.3
	}
	return wanted, nil
}

// PrivateFacts returns what changes, in one command.
func PrivateFacts(f Facts, wanted []*schemas.PrivateElement) ([]eventlog.Fact, error) {
	all, err := f.All(schemas.Family_PRIVATE_FACTS)
	if err != nil {
		return nil, err
	}
	var facts []eventlog.Fact
	count := len(all)
	for _, e := range wanted {
		entity := e.GetSpace() + " " + e.GetLocal()
		m, err := f.Get(schemas.Family_PRIVATE_FACTS, entity)
		if err != nil {
			return nil, err
		}
		before, had := m.(*schemas.PrivateElement)
		switch empty := bare(e.GetElement()); {
		case had && bytes.Equal(before.GetElement(), e.GetElement()), !had && empty:
		case empty:
			facts, count = append(facts, eventlog.End(schemas.Family_PRIVATE_FACTS, entity)), count-1
		default:
			facts = append(facts, eventlog.Set(entity, e))
			if !had {
				count++
			}
		}
	}
	if count > MaxPrivateElements {
		return nil, LimitReached()
	}
	return facts, nil
}

// bare tells whether an element has neither content nor attributes: that is how one asks for what was never stored.
func bare(element []byte) bool {
	var e struct {
		Attrs []xml.Attr `xml:",any,attr"`
		Inner []byte     `xml:",innerxml"`
	}
	if xml.Unmarshal(element, &e) != nil || len(bytes.TrimSpace(e.Inner)) > 0 {
		return false
	}
	declaration := func(a xml.Attr) bool { return a.Name.Space == "xmlns" || a.Name.Local == "xmlns" }
	return !slices.ContainsFunc(e.Attrs, func(a xml.Attr) bool { return !declaration(a) })
}
