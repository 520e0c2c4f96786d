package features

import (
	"context"
	"errors"
	"log/slog"

	"protokoll/eventlog"
	"protokoll/xmpp/frame"
)

// Kind is the type of an IQ request.
type Kind uint8

// The kinds of request. RFC 6120 §8.2.3
const (
	Get Kind = iota
	Set
)

// Target says at whom a request is directed.
type Target uint8

// The targets.
const (
	Self    Target = iota // no 'to', or the sender's own bare JID
	Server                // a domain of ours
	Contact               // the bare JID of another account of ours, whether it exists or not
)

// Request is one IQ get or set. It is valid during the call of its handler only.
type Request struct {
	Kind    Kind
	Target  Target
	From    string // full JID of the sender, canonical
	To      string // whom it is directed at, canonical: a bare JID or a domain; the own bare JID for Self
	Lang    string
	Frame   *frame.Frame
	Payload *frame.Child // set by Serve
	Account Account      // the own account for Self; for Contact the other one, nil if there is none; nil for Server
	Session Session      // the sender's
}

// Push is an IQ set that the server sends to resources of the sender's account, each with its own id. The sender's own
// resource gets it too.
type Push struct {
	To      Interest
	Payload []byte
}

// Interest selects resources of one account.
type Interest uint8

// BlockList selects resources that asked for the block list. XEP-0191 §3.3
const BlockList Interest = 1

// PrivacyLists selects resources that used privacy lists. XEP-0016 §2.2
const PrivacyLists Interest = 2

// Reply is what an IQ is answered with, and what else follows. All of it waits for After.
type Reply struct {
	Payload []byte            // child of the result; nil for an empty one
	Before  [][]byte          // whole stanzas for the asking client that go before the result. XEP-0313 §4
	After   *eventlog.Receipt // nil if nothing was stored; its error is answered with wait and resource-constraint
	Pushes  []Push
	Blocks  *BlockChange // set if the block list or a privacy list changed
	Then    func()       // what else follows, on a goroutine of its own; may be nil
	// Later, where it is set, finds the reply on a goroutine of its own, because it must wait for something outside the log: a
	// directory, a file. It keeps nothing of the Request. What stands beside it in this Reply is not looked at.
	Later func(ctx context.Context) (Reply, error)
	// Photo is set if the photo of the vCard changed: the presence of the available resources goes out again, with the new
	// hash (PhotoUpdate). XEP-0153 §4.1
	Photo bool
	// Notices go out in their order. XEP-0060 §7.1.2
	Notices []*Notice
}

// Handler answers a request. Its error is an *Error, or one that StanzaError knows; any other is answered with
// internal-server-error and logged.
type Handler func(r *Request) (Reply, error)

type route struct {
	kind             Kind
	target           Target
	namespace, local string
}

// Registry holds the handlers and what disco says about the server and its accounts.
type Registry struct {
	logger   *slog.Logger
	handlers map[route]Handler
	about    [3]description // by Target
	sealed   [3]sealedInfo  // filled by Seal
	reports  func(Report)   // nil: nobody reads reports
	nodes    [3]NodeSource  // by Target; nil: there are none
}

// NewRegistry returns a registry that answers disco and nothing else yet.
func NewRegistry(logger *slog.Logger) *Registry {
	r := &Registry{logger: logger, handlers: map[route]Handler{}}
	r.registerDisco()
	return r
}

// Handle registers h and advertises the namespace at the target.
func (r *Registry) Handle(k Kind, t Target, namespace, local string, h Handler) {
	r.handlers[route{k, t, namespace, local}] = h
	r.Feature(t, namespace)
}

// Serve answers one request. The error is always an *Error, ready to be sent.
func (r *Registry) Serve(req *Request) (Reply, error) {
	payload := onlyChild(req.Frame)
	if payload == nil {
		return Reply{}, BadRequest("exactly one payload is needed") // RFC 6120 §8.2.3
	}
	req.Payload = payload
	h, ok := r.handlers[route{req.Kind, req.Target, string(payload.Space), string(payload.Local)}]
	if !ok {
		return Reply{}, ServiceUnavailable() // RFC 6120 §8.4, RFC 6121 §8.5.1
	}
	return r.checked(h(req))
}

// checked makes the error of a handler, now or later, one that can be sent.
func (r *Registry) checked(reply Reply, err error) (Reply, error) {
	if err != nil {
		return Reply{}, r.asStanzaError(err)
	}
	if later := reply.Later; later != nil {
		reply.Later = func(ctx context.Context) (Reply, error) { return r.checked(later(ctx)) }
	}
	return reply, nil
}

func (r *Registry) asStanzaError(err error) *Error {
	stanza := StanzaError(err)
	if stanza.Condition == "internal-server-error" {
		r.logger.Error("request failed inside", slog.Any("error", err))
	}
	return stanza
}

// onlyChild returns the payload of an IQ request, nil unless there is exactly one.
func onlyChild(f *frame.Frame) *frame.Child {
	var only *frame.Child
	for n := range f.Children {
		switch c := &f.Children[n]; {
		case c.Dropped:
		case only != nil:
			return nil
		default:
			only = c
		}
	}
	return only
}

// visible returns the account that the request is about if the sender may know of it: the own one, or one whose presence
// the sender may see. Otherwise nil, as for an account that does not exist. RFC 6121 §8.5.1, XEP-0012 §3
func (req *Request) visible() Account {
	if req.Account == nil || req.Target == Contact && !req.Account.Subscribed(bareOf(req.From)) {
		return nil
	}
	return req.Account
}

// Visible is visible, for packages that answer beside this one.
func (req *Request) Visible() Account { return req.visible() }

// errSession is returned when a switch of a session is asked for without one.
var errSession = errors.New("request without a session")
