package stream

import (
	"errors"

	"protokoll/xmpp/frame"
)

// Condition is the name of a stream error condition. RFC 6120 §4.9.3.
type Condition string

// Conditions that a server uses. The XML conditions come from package frame under the same names.
const (
	BadFormat              Condition = "bad-format"
	Conflict               Condition = "conflict"
	ConnectionTimeout      Condition = "connection-timeout"
	HostUnknown            Condition = "host-unknown"
	ImproperAddressing     Condition = "improper-addressing"
	InternalServerError    Condition = "internal-server-error"
	InvalidFrom            Condition = "invalid-from"
	InvalidNamespace       Condition = "invalid-namespace"
	InvalidXML             Condition = "invalid-xml"
	NotAuthorized          Condition = "not-authorized"
	PolicyViolation        Condition = "policy-violation"
	Reset                  Condition = "reset"
	ResourceConstraint     Condition = "resource-constraint"
	SystemShutdown         Condition = "system-shutdown"
	UndefinedCondition     Condition = "undefined-condition"
	UnsupportedStanzaType  Condition = "unsupported-stanza-type"
	UnsupportedVersion     Condition = "unsupported-version"
	streamErrorSpace                 = "urn:ietf:params:xml:ns:xmpp-streams"
	applicationErrorsSpace           = "urn:xmpp:errors"
)

// Why a stream ended, for [Sessions.Closed]. An *Error means that we ended it with that stream error; nil that the peer
// closed it properly.
var (
	// ErrClosed is returned by Send when the stream has ended, and is the reason when we closed it without a stream error.
	ErrClosed = errors.New("stream: closed")
	// ErrSlow is the reason, and returned by Send, when the peer did not take its bytes and its queue overflowed.
	ErrSlow = errors.New("stream: peer too slow")
	// ErrDropped is the reason when the connection ended without the end of the stream.
	ErrDropped = errors.New("stream: connection lost")
	// ErrAborted is the reason after Abort.
	ErrAborted = errors.New("stream: aborted")
)

// Error is a stream error. RFC 6120 §4.9. Its text goes to the peer: fixed words, nothing of what anybody sent.
type Error struct {
	Condition Condition
	Text      string // English, may be empty
	Extra     string // an application-specific condition as XML, may be empty. RFC 6120 §4.9.4
}

// Error implements error.
func (e *Error) Error() string { return "stream error: " + string(e.Condition) }

// AppendTo appends the element.
func (e *Error) AppendTo(dst []byte) []byte {
	dst = append(dst, "<stream:error><"...)
	dst = append(dst, e.Condition...)
	dst = append(dst, " xmlns='"+streamErrorSpace+"'/>"...)
	if e.Text != "" {
		dst = append(dst, "<text xmlns='"+streamErrorSpace+"' xml:lang='en'>"...)
		dst = frame.AppendEscaped(dst, e.Text)
		dst = append(dst, "</text>"...)
	}
	dst = append(dst, e.Extra...)
	return append(dst, "</stream:error>"...)
}

// fromFrame turns what the framer found into the stream error.
func fromFrame(err error) *Error {
	var fe *frame.Error
	if !errors.As(err, &fe) {
		return &Error{Condition: BadFormat}
	}
	e := &Error{Condition: Condition(fe.Condition)}
	if fe.TooBig {
		e.Extra = "<stanza-too-big xmlns='" + applicationErrorsSpace + "'/>" // XEP-0205 §4
	}
	return e
}

// asError turns any error of a handler into a stream error.
func asError(err error) *Error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return &Error{Condition: InternalServerError}
}
