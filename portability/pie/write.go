package pie

import (
	"encoding/base64"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"protokoll/schemas"
	"protokoll/xmpp/features"
	"protokoll/xmpp/roster"
)

// WriteDocument writes a document with one account. Facts that are not in their order are written in the order they have.
func WriteDocument(w io.Writer, u *User) error {
	b := append([]byte(nil), "<?xml version='1.0' encoding='UTF-8'?>\n<server-data xmlns='"+NS+"'>\n"...)
	b = append(appendAttr(append(b, "<host"...), "jid", u.Domain), ">\n"...)
	b, err := AppendUser(b, u)
	if err != nil {
		return err
	}
	_, err = w.Write(append(b, "\n</host>\n</server-data>\n"...))
	return err
}

// AppendUser appends the user element, in the order in which XEP-0227 tells of its parts. It fails only for stored bytes
// that are no XML.
func AppendUser(b []byte, u *User) (_ []byte, err error) {
	b = append(appendAttr(append(b, "<user"...), "name", u.Localpart), '>')
	b = appendScram(b, u.Credentials)
	b = appendRoster(b, u.Roster)
	if b, err = appendOffline(b, u); err != nil {
		return nil, err
	}
	if b, err = appendArchive(b, u); err != nil {
		return nil, err
	}
	if b, err = appendStored(b, u); err != nil {
		return nil, err
	}
	b = appendPrivacy(b, u)
	if b, err = appendNodes(b, u); err != nil {
		return nil, err
	}
	if b, err = appendRequests(b, u); err != nil {
		return nil, err
	}
	return append(appendOwn(b, u), "\n</user>"...), nil
}

func appendScram(b []byte, c *schemas.AccountCredentials) []byte {
	for _, v := range c.GetVerifiers() {
		for mechanism, hash := range scramHashes {
			if hash == v.GetHash() {
				b = fmt.Appendf(b, "\n<scram-credentials xmlns='%s' mechanism='%s'><iter-count>%d</iter-count><salt>%s</salt><server-key>%s</server-key><stored-key>%s</stored-key></scram-credentials>",
					NSScram, mechanism, v.GetIterations(), encode(v.GetSalt()), encode(v.GetServerKey()), encode(v.GetStoredKey()))
			}
		}
	}
	return b
}

func encode(b []byte) string { return base64.StdEncoding.EncodeToString(b) }

func appendRoster(b []byte, items []*schemas.RosterItem) []byte {
	b = append(b, "\n<query xmlns='"+nsRoster+"'>"...)
	for _, item := range items {
		if item.GetListed() {
			b = roster.AppendItem(append(b, '\n'), roster.FromFact(item))
		}
	}
	return append(b, "</query>"...)
}

func appendOffline(b []byte, u *User) ([]byte, error) {
	if len(u.Offline) == 0 {
		return b, nil
	}
	b = append(b, "\n<offline-messages>"...)
	for _, m := range u.Offline {
		n, err := parse(m.GetStanza())
		if err != nil {
			return nil, fmt.Errorf("write a message: %w", err)
		}
		delay := &Node{Space: nsDelay, Local: "delay", Attrs: []Attr{{Local: "from", Value: u.Domain}, {Local: "stamp", Value: stamp(m.GetReceived())}}}
		n.Kids = append(n.Kids, Kid{Node: delay})
		b = n.AppendTo(append(b, '\n'), NS)
	}
	return append(b, "</offline-messages>"...), nil
}

func stamp(ms int64) string { return time.UnixMilli(ms).UTC().Format(stampFormat) }

// appendStored appends the vCard and private elements.
func appendStored(b []byte, u *User) ([]byte, error) {
	if len(u.VCard) > 0 {
		n, err := parse(u.VCard)
		if err != nil {
			return nil, fmt.Errorf("write a vCard: %w", err)
		}
		b = n.AppendTo(append(b, '\n'), NS)
	}
	if len(u.Private) == 0 {
		return b, nil
	}
	b = append(b, "\n<query xmlns='"+nsPrivate+"'>"...)
	for _, e := range u.Private {
		n, err := parse(e.GetElement())
		if err != nil {
			return nil, fmt.Errorf("write a private element: %w", err)
		}
		b = n.AppendTo(append(b, '\n'), nsPrivate)
	}
	return append(b, "</query>"...), nil
}

// listName is what the block list is called as a privacy list.
const listName = "blocked"

// appendPrivacy writes the block list as the privacy list in force. XEP-0227 §4.7, XEP-0191 §5
func appendPrivacy(b []byte, u *User) []byte {
	blocked := u.Blocked
	if len(u.Lists) > 0 || u.DefaultList != "" {
		l := features.Lists{Lists: u.Lists, Default: u.DefaultList}
		for _, a := range blocked {
			l.Blocked = append(l.Blocked, a.GetAddress())
		}
		return l.Append(append(b, '\n'))
	}
	if len(blocked) == 0 {
		return b
	}
	b = append(b, "\n<query xmlns='"+nsPrivacy+"'><default name='"+listName+"'/><list name='"+listName+"'>"...)
	for i, a := range blocked {
		b = appendAttr(append(b, "\n<item type='jid'"...), "value", a.GetAddress())
		b = fmt.Appendf(b, " action='deny' order='%d'/>", i+1)
	}
	return fmt.Appendf(b, "\n<item action='allow' order='%d'/></list></query>", len(blocked)+1)
}

func appendRequests(b []byte, u *User) ([]byte, error) {
	for _, item := range u.Roster {
		if len(item.GetRequest()) == 0 {
			continue
		}
		n, err := parse(item.GetRequest())
		if err != nil {
			return nil, fmt.Errorf("write a request: %w", err)
		}
		b = n.AppendTo(append(b, '\n'), NS)
	}
	return b, nil
}

func appendOwn(b []byte, u *User) []byte {
	element := func(name string, attrs ...Attr) {
		n := &Node{Space: NSOwn, Local: name}
		for _, a := range attrs {
			if a.Value != "" {
				n.Attrs = append(n.Attrs, a)
			}
		}
		b = n.AppendTo(append(b, '\n'), NS)
	}
	at := func(name string, ms int64) Attr {
		if ms == 0 {
			return Attr{}
		}
		return Attr{Local: name, Value: stamp(ms)}
	}
	if l := u.LastLogin; l != nil {
		element("last-login", at("signed-in", l.GetSignedIn()), at("signed-out", l.GetSignedOut()))
	}
	for _, p := range u.Presences {
		element("last-presence", Attr{Local: "resource", Value: p.GetResource()}, Attr{Local: "show", Value: p.GetShow()},
			Attr{Local: "status", Value: p.GetStatus()}, Attr{Local: "priority", Value: strconv.Itoa(int(p.GetPriority()))}, at("at", p.GetAt()))
	}
	if r := u.Restricted; r != nil {
		element("restricted", at("since", r.GetSince()), Attr{Local: "reason", Value: r.GetReason()})
	}
	for _, c := range u.Consents {
		element("consent", Attr{Local: "kind", Value: c.GetKind().String()}, at("since", c.GetSince()))
	}
	for _, o := range u.Objections {
		element("objection", Attr{Local: "kind", Value: o.GetKind().String()}, at("since", o.GetSince()), Attr{Local: "reason", Value: o.GetReason()})
	}
	return b
}

// parse reads stored bytes, which stand in jabber:client where they do not say otherwise. What a stanza has between its
// elements is left out, as reading would.
func parse(stored []byte) (*Node, error) {
	s := newScanner(strings.NewReader(string(stored)), "", nsClient, nil)
	s.allow(MaxUserBytes)
	t, err := s.next()
	if err != nil {
		return nil, err
	}
	if err := s.fill(t.start); err != nil {
		return nil, err
	}
	if t.start.Space == nsClient {
		t.start.Kids = slices.DeleteFunc(t.start.Kids, func(k Kid) bool { return k.Node == nil })
	}
	return t.start, nil
}
