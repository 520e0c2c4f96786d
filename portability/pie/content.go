package pie

import (
	"slices"
	"time"

	"mellium.im/xmpp/jid"

	"protokoll/schemas"
	"protokoll/xmpp/frame"
	"protokoll/xmpp/pubsub"
)

// userReader gathers one account.
type userReader struct {
	*User
	reader   *reader
	owner    string // bare JID, empty if the account has no usable name
	requests map[string]*schemas.RosterItem

	archiveIDs map[string]bool // of archived messages

	nodes   nodeReader
	granted map[string][]*schemas.NodeAffiliation // by node
}

// content reads one element inside a user.
func (p *userReader) content(s *scanner, n *Node) error {
	each := func(take func(*Node)) error {
		return s.each(func(c *Node) error {
			err := s.fill(c)
			if err == nil {
				take(c)
			}
			return err
		})
	}
	switch {
	case n.Is(nsRoster, "query"):
		return each(p.rosterItem)
	case n.Is(nsPrivate, "query"):
		return each(p.private)
	case n.Is(NS, "offline-messages"):
		return each(p.message)
	case n.Is(nsMAM, "archive"):
		return each(p.archived)
	case n.Is(pubsub.NSOwner, "pubsub"):
		return each(p.configured)
	case n.Is(pubsub.NS, "pubsub"):
		return each(p.published)
	case n.Is(NSInclude, "include"):
		return p.include(s, n)
	}
	whole := p.whole(n)
	if whole == nil {
		p.ignore(n)
		return s.pass()
	}
	if err := s.fill(n); err != nil {
		return err
	}
	whole(n)
	return nil
}

// whole returns what reads an element that is taken as a whole, nil for one that is not understood.
func (p *userReader) whole(n *Node) func(*Node) {
	switch {
	case n.Is(nsVCard, "vCard"):
		return p.vCard
	case n.Is(NSScram, "scram-credentials"):
		return p.scram
	case n.Is(nsClient, "presence"):
		return p.request
	case n.Is(nsPrivacy, "query"):
		return p.privacy
	case n.Is(nsBlocking, "blocklist"):
		return p.blockList
	case n.Is(nsLast, "query"):
		return p.lastActivity
	case n.Is(NSOwn, "archiving"):
		return p.archiving
	case n.Is(NSOwn, "published"):
		return p.since
	case n.Space == NSOwn:
		return p.own
	}
	return nil
}

// include reads what a child of the user includes. XEP-0227 §5
func (p *userReader) include(s *scanner, n *Node) error {
	name, err := p.reader.included(s, n)
	if err != nil {
		return err
	}
	if err := s.pass(); err != nil {
		return err
	}
	return p.reader.open(name, func(s *scanner, n *Node) error {
		if n.Is(NSInclude, "include") {
			return s.fault(n.Place, "an include of an include is not accepted")
		}
		s.allow(MaxUserBytes)
		return p.content(s, n)
	})
}

// keep writes an element in canonical form and has the framer look at it. It returns nil, with a fault, if that refuses.
func (p *userReader) keep(n *Node, around string, most int) []byte {
	b := n.AppendTo(nil, around)
	if len(b) > most {
		p.fault(n.Place, "an element that is longer than this server keeps")
		return nil
	}
	if !p.framed(b, around) {
		p.fault(n.Place, "an element that this server could not send: names beyond ASCII, or nested too deeply")
		return nil
	}
	return b
}

// MaxElementBytes is the longest element that is kept in one piece: as much as a client may send at once.
const MaxElementBytes = frame.ClientStanzaBytes

func (p *userReader) framed(b []byte, around string) bool {
	_, err := frame.Parse(b, around, frame.AfterLogin())
	return err == nil
}

func (p *userReader) vCard(n *Node) {
	switch {
	case len(n.Elements()) == 0:
	case p.VCard != nil:
		p.fault(n.Place, "a second vCard")
	default:
		p.VCard = p.keep(n, nsClient, MaxElementBytes)
	}
}

func (p *userReader) private(n *Node) {
	same := func(e *schemas.PrivateElement) bool { return e.GetSpace() == n.Space && e.GetLocal() == n.Local }
	switch {
	case n.Space == "" || n.Space == nsPrivate:
		p.fault(n.Place, "a private element without a namespace of its own")
	case slices.ContainsFunc(p.Private, same):
		p.fault(n.Place, "a private element twice")
	default:
		if b := p.keep(n, nsPrivate, MaxElementBytes); b != nil {
			p.Private = append(p.Private, &schemas.PrivateElement{Space: n.Space, Local: n.Local, Element: b})
		}
	}
}

// lastActivity reads XEP-0012 §3: seconds before the document was written.
func (p *userReader) lastActivity(n *Node) {
	seconds, err := time.ParseDuration(n.Attr("seconds") + "s")
	if err != nil || seconds < 0 {
		p.fault(n.Place, "a last activity without seconds")
		return
	}
	at := p.reader.written.Add(-seconds).UnixMilli()
	if p.LastLogin == nil {
		p.LastLogin = &schemas.LastLogin{SignedIn: at, SignedOut: at}
	}
}

// finish brings the facts together.
func (p *userReader) finish() {
	for _, request := range p.requests {
		p.addRequest(request)
	}
	p.gatherNodes()
	p.Sort()
	p.thin()
}

// bare returns the bare JID in canonical form, empty if there is none.
func bare(address string) string {
	j, err := jid.Parse(address)
	if err != nil {
		return ""
	}
	return j.Bare().String()
}

// appendInner appends the content of a stanza: its elements, without the text between them.
func appendInner(dst []byte, n *Node, drop func(*Node) bool) []byte {
	for _, c := range n.Elements() {
		if !drop(c) {
			dst = c.AppendTo(dst, nsClient)
		}
	}
	return dst
}

func never(*Node) bool { return false }
