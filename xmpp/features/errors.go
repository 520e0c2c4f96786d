package features

import (
	"errors"

	"protokoll/eventlog"
	"protokoll/xmpp/frame"
	"protokoll/xmpp/roster"
)

// NSStanzas is the namespace of stanza error conditions. RFC 6120 §8.3.2
const NSStanzas = "urn:ietf:params:xml:ns:xmpp-stanzas"

// Error is a stanza error. Its text goes to the peer: it is general and holds nothing of the request.
type Error struct {
	Type      string // auth, cancel, continue, modify or wait. RFC 6120 §8.3.2
	Condition string // RFC 6120 §8.3.3
	Text      string // English; may be empty
	App       []byte // an application-specific condition; may be nil
	Code      string // of before RFC 3920, for clients that still look at it; may be empty. XEP-0086 §3
	Echo      bool   // the error repeats what was asked. RFC 6120 §8.3.1
	Beside    []byte // payload that stands before the <error/>, such as a form to fill in. XEP-0077 §3.2
}

// Error implements error.
func (e *Error) Error() string { return "stanza error: " + e.Condition }

// Append appends the <error/> element.
func (e *Error) Append(dst []byte) []byte {
	dst = append(append(append(dst, "<error type='"...), e.Type...), '\'')
	if e.Code != "" {
		dst = appendAttr(dst, "code", e.Code)
	}
	dst = append(dst, "><"...)
	dst = append(append(dst, e.Condition...), " xmlns='"+NSStanzas+"'/>"...)
	if e.Text != "" {
		dst = append(dst, "<text xmlns='"+NSStanzas+"' xml:lang='en'>"...)
		dst = append(frame.AppendEscaped(dst, e.Text), "</text>"...)
	}
	return append(append(dst, e.App...), "</error>"...)
}

// ErrorIn reads the error that a stanza of type error holds. RFC 6120 §8.3.2
func ErrorIn(f *frame.Frame) *Error {
	e := &Error{Type: "cancel", Condition: "undefined-condition"}
	c := f.Child(frame.NSClient, "error")
	if c == nil {
		return e
	}
	if t := c.Attr("type"); t != nil {
		e.Type = string(t)
	}
	inner, err := standalone(c.Raw)
	if err != nil {
		return e
	}
	for i := range inner.Children {
		if d := &inner.Children[i]; string(d.Space) == NSStanzas && string(d.Local) != "text" {
			e.Condition = string(d.Local)
		}
	}
	return e
}

// The errors that handlers return. RFC 6120 §8.3.3

// BadRequest says that the payload does not follow its schema. RFC 6120 §8.3.3.1
func BadRequest(text string) *Error {
	return &Error{Type: "modify", Condition: "bad-request", Text: text}
}

// Conflict says that somebody else uses what is to be changed. RFC 6120 §8.3.3.2
func Conflict() *Error { return &Error{Type: "cancel", Condition: "conflict"} }

// FeatureNotImplemented says that the request is understood, but not supported. RFC 6120 §8.3.3.3
func FeatureNotImplemented() *Error {
	return &Error{Type: "cancel", Condition: "feature-not-implemented"}
}

// Forbidden says that the sender may not do this. RFC 6120 §8.3.3.4
func Forbidden() *Error { return &Error{Type: "auth", Condition: "forbidden"} }

// InternalServerError says that the server failed. RFC 6120 §8.3.3.6
func InternalServerError() *Error { return &Error{Type: "cancel", Condition: "internal-server-error"} }

// ItemNotFound says that there is nothing of that name. RFC 6120 §8.3.3.7
func ItemNotFound() *Error { return &Error{Type: "cancel", Condition: "item-not-found"} }

// JIDMalformed says that an address is none. RFC 6120 §8.3.3.8
func JIDMalformed() *Error { return &Error{Type: "modify", Condition: "jid-malformed"} }

// NotAcceptable says that the request breaks a rule of the server. RFC 6120 §8.3.3.9
func NotAcceptable(text string) *Error {
	return &Error{Type: "modify", Condition: "not-acceptable", Text: text}
}

// NotAllowed says that nobody may do this. RFC 6120 §8.3.3.10
func NotAllowed() *Error { return &Error{Type: "cancel", Condition: "not-allowed"} }

// ResourceConstraint says that the server is busy or its disk full. RFC 6120 §8.3.3.18
func ResourceConstraint() *Error { return &Error{Type: "wait", Condition: "resource-constraint"} }

// ServiceUnavailable says that the server does not offer this, or does not say. RFC 6120 §8.3.3.19
func ServiceUnavailable() *Error { return &Error{Type: "cancel", Condition: "service-unavailable"} }

// TooBig says that something is larger than the server stores. XEP-0205 §4.5
func TooBig() *Error {
	return &Error{Type: "modify", Condition: "not-allowed", App: []byte("<stanza-too-big xmlns='urn:xmpp:errors'/>")}
}

// LimitReached says that the account holds as many things of this kind as it may. RFC 6120 §8.3.3.12
func LimitReached() *Error {
	return &Error{Type: "modify", Condition: "policy-violation", Text: "the limit of your account is reached"}
}

// mappings say which condition an error of another package becomes.
var mappings = []struct {
	is    error
	reply func() *Error
}{
	{roster.ErrBadRequest, func() *Error { return BadRequest("") }},
	{roster.ErrNotAcceptable, func() *Error { return NotAcceptable("") }},
	{roster.ErrMalformedJID, JIDMalformed},
	{roster.ErrNotFound, ItemNotFound},
	{eventlog.ErrNoSpace, ResourceConstraint},
	{eventlog.ErrStopped, ResourceConstraint},
	{eventlog.ErrUncertain, ResourceConstraint},
	{eventlog.ErrTooLarge, TooBig},
}

// StanzaError returns what a peer is told about err. RFC 6120 §8.3.3
func StanzaError(err error) *Error {
	if stanza, ok := errors.AsType[*Error](err); ok {
		return stanza
	}
	for _, m := range mappings {
		if errors.Is(err, m.is) {
			return m.reply()
		}
	}
	return InternalServerError()
}
