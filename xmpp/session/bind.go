package session

import (
	"crypto/rand"
	"encoding/xml"
	"errors"

	"protokoll/xmpp/features"
	"protokoll/xmpp/frame"
	"protokoll/xmpp/router"
	"protokoll/xmpp/stream"
)

// Resource binding, RFC 6120 §7, and what is announced beside it.
const (
	nsBind          = "urn:ietf:params:xml:ns:xmpp-bind"
	bindFeature     = "<bind xmlns='" + nsBind + "'/>"
	versionFeature  = "<ver xmlns='urn:xmpp:features:rosterver'/>"    // RFC 6121 §2.6.1
	approvalFeature = "<sub xmlns='urn:xmpp:features:pre-approval'/>" // RFC 6121 §3.4
)

// resourceLimit is the answer to a client beyond the limit of an account. RFC 6120 §7.7.2.2, XEP-0205 §4
var resourceLimit = &features.Error{Type: "wait", Condition: "resource-constraint",
	App: []byte("<resource-limit-exceeded xmlns='urn:xmpp:errors'/>")}

type bindPayload struct {
	XMLName  xml.Name `xml:"urn:ietf:params:xml:ns:xmpp-bind bind"`
	Resource string   `xml:"resource"`
}

// first handles a stanza before bind: nothing but bind may come. RFC 6120 §7.1
func (s *Session) first(st *stream.Stream, f *frame.Frame, t *stream.Turn) error {
	payload := f.Child(nsBind, "bind")
	if f.Name != frame.IQ || string(f.Type) != "set" || payload == nil || len(f.ID) == 0 {
		return &stream.Error{Condition: stream.NotAuthorized}
	}
	var p bindPayload
	if err := xml.Unmarshal(payload.Raw, &p); err != nil {
		return s.refuseBind(st, f, features.BadRequest(""), t)
	}
	name, err := resourceName(st, p.Resource)
	if err != nil {
		return s.refuseBind(st, f, features.BadRequest(""), t) // RFC 6120 §7.7.2.1
	}
	return s.bind(st, f, name, t)
}

func (s *Session) bind(st *stream.Stream, f *frame.Frame, name string, t *stream.Turn) error {
	switch err := s.enter(st, name, t); {
	case errors.Is(err, stream.ErrClosed):
		return nil
	case errors.Is(err, router.ErrTooMany):
		return s.refuseBind(st, f, resourceLimit, t)
	case err != nil:
		return s.refuseBind(st, f, features.StanzaError(err), t)
	}
	full := append(frame.AppendEscaped([]byte("<bind xmlns='"+nsBind+"'><jid>"), s.res.Full()), "</jid></bind>"...)
	tag := frame.Tag{Name: "iq", ID: string(f.ID), Type: "result"}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.binding = false
	return sendError(t.Send(st, tag.AppendTo(nil, full)))
}

// begin makes the session a live one whose resource is about to be bound, unless its stream has ended.
func (s *Session) begin(st *stream.Stream) bool {
	s.res.Outlet, s.res.Lang, s.res.Device = s, st.Lang(), st.Device()
	rand.Read(s.res.ID[:]) // never fails: crypto/rand crashes the program instead
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.phase != unbound {
		return false
	}
	s.phase, s.binding = live, true
	return true
}

func (s *Session) refuseBind(st *stream.Stream, f *frame.Frame, e *features.Error, t *stream.Turn) error {
	tag := frame.Tag{Name: "iq", ID: string(f.ID), Type: "error"}
	return sendError(t.Send(st, tag.AppendTo(nil, e.Append(nil))))
}

// sendError drops the errors that say that the stream has ended: Closed tells.
func sendError(err error) error {
	if errors.Is(err, stream.ErrClosed) || errors.Is(err, stream.ErrSlow) {
		return nil
	}
	return err
}
