package features

import (
	"bytes"
	"time"

	"mellium.im/xmpp/jid"

	"protokoll/eventlog"
	"protokoll/schemas"
	"protokoll/xmpp/form"
	"protokoll/xmpp/frame"
)

// Push Notifications, XEP-0357 version 0.4.1: a client says which service may wake it, and through which target of it. What is
// published there says nothing: neither content, nor sender, nor a number. The form of a summary (XEP-0357 §7) is never sent.
// Sending, and giving up on services that refuse, is the router's. Not here: services that end a registration by a message of
// their own (XEP-0357 §8).
const (
	NSPush         = "urn:xmpp:push:0"
	nsPubSub       = "http://jabber.org/protocol/pubsub"
	publishOptions = nsPubSub + "#publish-options"
)

// What one account may register.
const (
	MaxPushTargets      = 10      // H93
	MaxPushNodeBytes    = 1 << 10 // of the name of a target
	MaxPushOptionsBytes = 8 << 10 // of the form of publish options
)

func (r *Registry) registerPush(clock func() time.Time) {
	r.Handle(Set, Self, NSPush, "enable", func(req *Request) (Reply, error) { return enablePush(req, clock()) })
	r.Handle(Set, Self, NSPush, "disable", disablePush)
	r.Feature(Server, NSPush) // clients of the years before asked there
}

// PushEntity names the fact of a registration.
func PushEntity(service, node string) string { return service + " " + node }

// pushTarget reads what both requests name. XEP-0357 §5, §6
func pushTarget(req *Request) (service, node string, err error) {
	j, err := jid.Parse(string(req.Payload.Attr("jid")))
	if err != nil {
		return "", "", JIDMalformed()
	}
	node = string(req.Payload.Attr("node"))
	if len(node) > MaxPushNodeBytes {
		return "", "", TooBig()
	}
	return j.String(), node, nil
}

func enablePush(req *Request, now time.Time) (Reply, error) {
	service, node, err := pushTarget(req)
	if err != nil {
		return Reply{}, err
	}
	if req.Session == nil {
		return Reply{}, errSession
	}
	options, err := pushOptions(req.Payload)
	if err != nil {
		return Reply{}, err
	}
	wanted := &schemas.PushEnabled{Service: service, Node: node, Options: options, SessionId: req.Session.ID(), Enabled: now.UnixMilli()}
	after, err := req.Account.Change(schemas.Cause_CLIENT, func(f Facts) ([]eventlog.Fact, error) { return enabled(f, wanted) })
	return Reply{After: after}, err
}

// enabled states a registration; the last request for a target counts. XEP-0357 §5
func enabled(f Facts, wanted *schemas.PushEnabled) ([]eventlog.Fact, error) {
	all, err := f.All(schemas.Family_PUSH_FACTS)
	if err != nil {
		return nil, err
	}
	entity, known := PushEntity(wanted.GetService(), wanted.GetNode()), false
	for _, m := range all {
		old := m.(*schemas.PushEnabled)
		if PushEntity(old.GetService(), old.GetNode()) != entity {
			continue
		}
		known = true
		if bytes.Equal(old.GetOptions(), wanted.GetOptions()) && bytes.Equal(old.GetSessionId(), wanted.GetSessionId()) {
			return nil, nil
		}
	}
	if !known && len(all) >= MaxPushTargets {
		return nil, LimitReached()
	}
	return []eventlog.Fact{eventlog.Set(entity, wanted)}, nil
}

// pushOptions returns the form that goes out with every notification, as it was sent. XEP-0357 §5
func pushOptions(payload *frame.Child) ([]byte, error) {
	f, err := standalone(payload.Raw)
	if err != nil {
		return nil, err
	}
	x := f.Child(form.NS, "x")
	if x == nil {
		return nil, nil
	}
	if len(x.Raw) > MaxPushOptionsBytes {
		return nil, TooBig()
	}
	if _, err := standalone(x.Raw); err != nil {
		return nil, err
	}
	answers, err := form.Parse(x.Raw)
	if err != nil || answers.Type != publishOptions {
		return nil, BadRequest("a form of publish options is needed")
	}
	return bytes.Clone(x.Raw), nil
}

// disablePush ends one registration, or all with a service. What is not there needs no ending. XEP-0357 §6
func disablePush(req *Request) (Reply, error) {
	service, node, err := pushTarget(req)
	if err != nil {
		return Reply{}, err
	}
	all := req.Payload.Attr("node") == nil
	after, err := req.Account.Change(schemas.Cause_CLIENT, func(f Facts) ([]eventlog.Fact, error) {
		var ended []eventlog.Fact
		registered, err := f.All(schemas.Family_PUSH_FACTS)
		for _, m := range registered {
			p := m.(*schemas.PushEnabled)
			if p.GetService() == service && (all || p.GetNode() == node) {
				ended = append(ended, eventlog.End(schemas.Family_PUSH_FACTS, PushEntity(service, p.GetNode())))
			}
		}
		return ended, err
	})
	return Reply{After: after}, err
}

// Notification returns what is published to a push service. XEP-0357 §7
func Notification(p *schemas.PushEnabled) []byte {
	b := append([]byte(nil), "<pubsub xmlns='"+nsPubSub+"'><publish"...)
	if p.GetNode() != "" {
		b = appendAttr(b, "node", p.GetNode())
	}
	b = append(b, "><item><notification xmlns='"+NSPush+"'/></item></publish>"...)
	if len(p.GetOptions()) > 0 {
		b = append(append(append(b, "<publish-options>"...), p.GetOptions()...), "</publish-options>"...)
	}
	return append(b, "</pubsub>"...)
}
