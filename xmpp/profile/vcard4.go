package profile

import (
	"net/url"
	"slices"
	"strings"

	"protokoll/xmpp/features"
	"protokoll/xmpp/pubsub"
)

// vCard4 over XMPP, XEP-0292 version 0.12: the node, which any PEP service has, kept in step with vcard-temp. What one form has
// and the other does not know stays where it is: a photo in vcard-temp, genders and keys in vCard4.
const (
	// NSVCard4 is the node, and what clients look for in disco. XEP-0292 §4.1
	NSVCard4 = "urn:xmpp:vcard4"
	// nsVCardXML is the namespace of the payload. RFC 6351 §2
	nsVCardXML = "urn:ietf:params:xml:ns:vcard-4.0"
	// vCard4Item is the id under which the server publishes.
	vCard4Item = "current"
)

// property is one that both forms have. old is its name in vcard-temp, new in vCard4.
type property struct {
	old, new string
	// parts are children: in vcard-temp, in vCard4. Without parts the property is one value: in kind, in vCard4.
	parts [][2]string
	kind  string
	// value is where vcard-temp has the value of a property that also has types (HOME, WORK …).
	value string
}

// properties are those that both forms have. XEP-0054 §3, RFC 6350 §6
var properties = []property{
	{old: "FN", new: "fn", kind: "text"},
	{old: "N", new: "n", parts: [][2]string{{"FAMILY", "surname"}, {"GIVEN", "given"}, {"MIDDLE", "additional"}, {"PREFIX", "prefix"}, {"SUFFIX", "suffix"}}},
	{old: "NICKNAME", new: "nickname", kind: "text"},
	{old: "BDAY", new: "bday", kind: "date"},
	{old: "ADR", new: "adr", value: "-", parts: [][2]string{{"POBOX", "pobox"}, {"EXTADD", "ext"}, {"STREET", "street"}, {"LOCALITY", "locality"},
		{"REGION", "region"}, {"PCODE", "code"}, {"CTRY", "country"}}},
	{old: "TEL", new: "tel", kind: "text", value: "NUMBER"},
	{old: "EMAIL", new: "email", kind: "text", value: "USERID"},
	{old: "JABBERID", new: "impp", kind: "uri"},
	{old: "TITLE", new: "title", kind: "text"},
	{old: "ROLE", new: "role", kind: "text"},
	{old: "ORG", new: "org", kind: "text", value: "ORGNAME"},
	{old: "URL", new: "url", kind: "uri"},
	{old: "DESC", new: "note", kind: "text"},
}

// types that both forms know, as vcard-temp names them.
var types = []string{"HOME", "WORK", "VOICE", "FAX", "PAGER", "CELL", "VIDEO"}

// fromOld makes the vCard4 property of one of vcard-temp, nil if there is nothing in it.
func (p property) fromOld(o *element) *element {
	n := &element{space: nsVCardXML, local: p.new}
	if p.value != "" {
		n.kids = typesOf(o)
	}
	had := len(n.kids)
	switch {
	case len(p.parts) > 0:
		for _, part := range p.parts {
			n.add(part[1], o.content(part[0]))
		}
		if !slices.ContainsFunc(n.kids[had:], func(k *element) bool { return k.text != "" }) {
			return nil
		}
		return n
	case p.old == "ORG":
		for _, k := range o.kids {
			if text := strings.TrimSpace(k.text); text != "" && (k.local == "ORGNAME" || k.local == "ORGUNIT") {
				n.add("text", text)
			}
		}
	case p.value != "":
		n.addIf(p.kind, o.content(p.value))
	case p.old == "JABBERID":
		if text := strings.TrimSpace(o.text); text != "" {
			n.add("uri", "xmpp:"+strings.TrimPrefix(text, "xmpp:"))
		}
	default:
		n.addIf(p.kind, strings.TrimSpace(o.text))
	}
	if len(n.kids) == had {
		return nil
	}
	return n
}

// fromNew makes the vcard-temp property of one of vCard4, nil if there is nothing in it.
func (p property) fromNew(n *element) *element {
	o := &element{space: features.NSVCard, local: p.old}
	if p.value != "" {
		for _, t := range n.child("parameters").kidsOf("type") {
			for _, text := range t.kids {
				if name := strings.ToUpper(strings.TrimSpace(text.text)); slices.Contains(types, name) {
					o.add(name, "")
				}
			}
		}
	}
	had := len(o.kids)
	value := n.value()
	switch {
	case len(p.parts) > 0:
		for _, part := range p.parts {
			o.addIf(part[0], n.content(part[1]))
		}
	case p.old == "ORG":
		for i, k := range n.kidsOf("text") {
			if i == 0 {
				o.addIf("ORGNAME", strings.TrimSpace(k.text))
			} else {
				o.addIf("ORGUNIT", strings.TrimSpace(k.text))
			}
		}
	case p.value != "":
		if p.new == "tel" {
			value = strings.TrimPrefix(value, "tel:")
		}
		o.addIf(p.value, value)
	case p.old == "JABBERID":
		u, err := url.Parse(value)
		if err != nil || u.Scheme != "xmpp" {
			return nil
		}
		o.text = u.Opaque
	default:
		o.text = value
	}
	if len(o.kids) == had && o.text == "" {
		return nil
	}
	return o
}

// typesOf are the types of a vcard-temp property as parameters of vCard4. RFC 6350 §5.6
func typesOf(o *element) []*element {
	kind := &element{space: nsVCardXML, local: "type"}
	for _, k := range o.kids {
		if slices.Contains(types, k.local) {
			kind.add("text", strings.ToLower(k.local))
		}
	}
	if len(kind.kids) == 0 {
		return nil
	}
	return []*element{{space: nsVCardXML, local: "parameters", kids: []*element{kind}}}
}

// value is the text of the first value of a vCard4 property, of whatever kind.
func (e *element) value() string {
	for _, k := range e.kids {
		if k.local != "parameters" {
			return strings.TrimSpace(k.text)
		}
	}
	return ""
}

func (e *element) kidsOf(local string) (all []*element) {
	if e == nil {
		return nil
	}
	for _, k := range e.kids {
		if k.space == e.space && k.local == local {
			all = append(all, k)
		}
	}
	return all
}

func (e *element) addIf(local, text string) {
	if text != "" {
		e.add(local, text)
	}
}

// toVCard4 returns what a vCard4 becomes by the properties of a vcard-temp; others of it stay.
func toVCard4(old, before *element) *element {
	after := &element{space: nsVCardXML, local: "vcard"}
	for _, p := range properties {
		for _, o := range old.kidsOf(p.old) {
			if n := p.fromOld(o); n != nil {
				after.kids = append(after.kids, n)
			}
		}
	}
	if before != nil {
		for _, k := range before.kids {
			if !slices.ContainsFunc(properties, func(p property) bool { return k.is(nsVCardXML, p.new) }) {
				after.kids = append(after.kids, k)
			}
		}
	}
	return after
}

// toVCardTemp returns what a vcard-temp becomes by the properties of a vCard4; others of it stay.
func toVCardTemp(vcard4, before *element) *element {
	after := &element{space: features.NSVCard, local: "vCard"}
	for _, p := range properties {
		for _, n := range vcard4.kidsOf(p.new) {
			if o := p.fromNew(n); o != nil {
				after.kids = append(after.kids, o)
			}
		}
	}
	for _, k := range before.kids {
		if !slices.ContainsFunc(properties, func(p property) bool { return k.is(features.NSVCard, p.old) }) {
			after.kids = append(after.kids, k)
		}
	}
	return after
}

// vCard4Published brings a vCard4 into vcard-temp. A node for fewer people than see the owner's presence is left alone.
func vCard4Published(d *pubsub.Draft, _ pubsub.Change) error {
	if n := d.Node(vCard4Node); n != nil && !shared(n) {
		return nil
	}
	vcard4 := &element{space: nsVCardXML, local: "vcard"}
	item, err := d.Newest(vCard4Node)
	if err != nil {
		return err
	}
	if item != nil {
		if vcard4, err = parseTree(item.GetPayload()); err != nil || !vcard4.is(nsVCardXML, "vcard") {
			return nil // not what the node is for: it is theirs to keep
		}
	}
	before, err := vCardOf(d)
	if err != nil {
		return err
	}
	card, err := treeOf(before)
	if err != nil {
		return err
	}
	return keepVCard(d, before, toVCardTemp(vcard4, card))
}

// publishVCard4 brings a vcard-temp into the node, if there is something to say, or something said before.
func publishVCard4(d *pubsub.Draft, card *element) error {
	n := d.Node(vCard4Node)
	if n != nil && !shared(n) {
		return nil
	}
	item, err := d.Newest(vCard4Node)
	if err != nil {
		return err
	}
	var before *element
	id := vCard4Item
	if item != nil {
		id = item.GetItemId()
		if before, err = parseTree(item.GetPayload()); err != nil || !before.is(nsVCardXML, "vcard") {
			before = nil
		}
	}
	after := toVCard4(card, before)
	payload := after.append(nil, "")
	switch {
	case item == nil && len(after.kids) == 0, string(item.GetPayload()) == string(payload), len(payload) > pubsub.MaxItemBytes:
		return nil
	}
	_, err = d.Publish(pubsub.Publication{Ref: vCard4Node, ID: id, Payload: payload})
	return err
}
