package pubsub

import (
	"bytes"
	"encoding/xml"
	"strconv"

	"protokoll/xmpp/features"
	"protokoll/xmpp/frame"
)

// Namespaces of requests. XEP-0060 §16.7, XEP-0059 §2
const (
	NS      = "http://jabber.org/protocol/pubsub"
	NSOwner = "http://jabber.org/protocol/pubsub#owner"
	NSRSM   = "http://jabber.org/protocol/rsm"
)

// payload is what a request asks for, in either namespace: exactly one action, and what goes with it.
type payload struct {
	Actions []action  `xml:",any"`
	Page    *pageXML  `xml:"http://jabber.org/protocol/rsm set"`
	Options []optionX `xml:"publish-options"`
}

type action struct {
	XMLName       xml.Name
	Node          string   `xml:"node,attr"`
	JID           string   `xml:"jid,attr"`
	MaxItems      string   `xml:"max_items,attr"`
	Notify        string   `xml:"notify,attr"`
	Items         []itemX  `xml:"item"`
	Form          *form    `xml:"jabber:x:data x"`
	Affiliations  []grantX `xml:"affiliation"`
	Subscriptions []grantX `xml:"subscription"`
}

type itemX struct {
	ID    string `xml:"id,attr"`
	Inner []byte `xml:",innerxml"`
}

type optionX struct {
	Form *form `xml:"jabber:x:data x"`
}

type grantX struct {
	JID          string `xml:"jid,attr"`
	Affiliation  string `xml:"affiliation,attr"`
	Subscription string `xml:"subscription,attr"`
}

// parse reads a request. The error says bad-request.
func parse(raw []byte) (*payload, error) {
	var p payload
	if xml.Unmarshal(raw, &p) != nil {
		return nil, features.BadRequest("")
	}
	return &p, nil
}

// action returns the one action, with the configuration that may stand beside it. XEP-0060 §8.1.3
func (p *payload) action(ns string) (*action, error) {
	var main, configure *action
	for i := range p.Actions {
		a := &p.Actions[i]
		switch {
		case a.XMLName.Space != ns:
			return nil, features.BadRequest("")
		case len(p.Actions) == 2 && a.XMLName.Local == "configure" && configure == nil:
			configure = a
		case main != nil:
			return nil, features.BadRequest("one action at a time")
		default:
			main = a
		}
	}
	if main == nil || configure != nil && main.XMLName.Local != "create" {
		return nil, features.BadRequest("")
	}
	if configure != nil {
		main.Form = configure.Form
	}
	if len(main.Node) > MaxName {
		return nil, features.ItemNotFound()
	}
	return main, nil
}

// options returns the preconditions of a publication, nil if there are none. XEP-0060 §7.1.5
func (p *payload) options() (*form, error) {
	switch {
	case len(p.Options) == 0 || len(p.Options) == 1 && p.Options[0].Form == nil:
		return nil, nil
	case len(p.Options) > 1:
		return nil, features.BadRequest("")
	}
	f := p.Options[0].Form
	return f, f.check(FormOptions)
}

// element returns the one element that an item holds, nil if there is none. What its surroundings declare is lost where it is
// told, so it must declare all that it uses. XEP-0060 §7.1.3.6
func (i *itemX) element() ([]byte, error) {
	raw := bytes.TrimSpace(i.Inner)
	if len(raw) == 0 {
		return nil, nil
	}
	if len(raw) > MaxItemBytes {
		return nil, tooBig()
	}
	f, err := frame.Parse(raw, frame.NSClient, frame.AfterLogin())
	if err != nil || len(f.Raw) != len(raw) || string(f.Space) == frame.NSClient && f.Attr("xmlns") == nil {
		return nil, invalidPayload()
	}
	return raw, nil
}

// flagged reads an attribute that is a boolean.
func flagged(v string) bool { on, _ := boolean(v); return on }

// limit reads max_items: 0 if it is not there.
func (a *action) limit() (int, error) {
	if a.MaxItems == "" {
		return 0, nil
	}
	n, err := strconv.ParseUint(a.MaxItems, 10, 31)
	if err != nil || n == 0 {
		return 0, features.BadRequest("")
	}
	return int(n), nil
}
