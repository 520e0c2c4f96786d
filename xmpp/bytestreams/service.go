package bytestreams

import (
	"crypto/sha1" //nolint:gosec // the name of a stream, not a secret: XEP-0065 §5.3.2
	"encoding/hex"
	"errors"
	"log/slog"
	"strconv"

	"mellium.im/xmpp/jid"

	"protokoll/xmpp/features"
	"protokoll/xmpp/frame"
)

// NS is the namespace of SOCKS5 Bytestreams. XEP-0065 §11
const NS = "http://jabber.org/protocol/bytestreams"

// MaxSession is how long the id of a stream may be, in bytes.
const MaxSession = 256

// Registry returns what the service answers at its host.
func (p *Proxy) Registry(logger *slog.Logger) *features.Registry {
	g := features.NewRegistry(logger)
	g.Identity(features.Server, features.Identity{Category: "proxy", Type: "bytestreams", Name: "SOCKS5 Bytestreams"}) // XEP-0065 §4
	g.Handle(features.Get, features.Server, NS, "query", p.where)
	g.Handle(features.Set, features.Server, NS, "query", p.asked)
	return g
}

// where says where to connect to. XEP-0065 §6.2.1
func (p *Proxy) where(req *features.Request) (features.Reply, error) {
	tag := frame.AppendEscaped([]byte("<query xmlns='"+NS+"'><streamhost jid='"), p.JID)
	tag = frame.AppendEscaped(append(tag, "' host='"...), p.Host)
	tag = strconv.AppendInt(append(tag, "' port='"...), int64(p.Port), 10)
	return features.Reply{Payload: append(tag, "'/></query>"...)}, nil
}

// asked activates a stream. XEP-0065 §6.3.5
func (p *Proxy) asked(req *features.Request) (features.Reply, error) {
	f, err := frame.Parse(req.Payload.Raw, frame.NSClient, frame.AfterLogin())
	if err != nil {
		return features.Reply{}, features.BadRequest("a prefix is declared outside the payload")
	}
	session := req.Payload.Attr("sid")
	target, err := jid.Parse(string(f.ChildText(NS, "activate")))
	switch {
	case err != nil:
		return features.Reply{}, features.JIDMalformed()
	case len(session) == 0 || len(session) > MaxSession:
		return features.Reply{}, features.BadRequest("the id of the stream is missing or too long")
	case !p.Ours(target.Domainpart()):
		return features.Reply{}, features.NotAllowed()
	}
	requester, err := jid.Parse(req.From)
	if err != nil {
		return features.Reply{}, features.JIDMalformed()
	}
	switch err := p.activate(nameOf(string(session), req.From, target.String()), requester.Bare().String()); {
	case errors.Is(err, errMany):
		return features.Reply{}, features.ResourceConstraint()
	case err != nil:
		return features.Reply{}, features.ItemNotFound()
	}
	return features.Reply{}, nil
}

// nameOf names the stream of a session between two. XEP-0065 §5.3.2
func nameOf(session, requester, target string) (n name) {
	sum := sha1.Sum([]byte(session + requester + target)) //nolint:gosec // see above
	hex.Encode(n[:], sum[:])
	return n
}
