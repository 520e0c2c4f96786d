package stream

import (
	"bytes"

	"mellium.im/xmpp/jid"

	"protokoll/xmpp/frame"
)

const (
	clientSpace  = "jabber:client"
	streamsSpace = "http://etherx.jabber.org/streams"
	// maxLang is the longest language tag that is kept. BCP 47 asks for room for 35 bytes.
	maxLang = 64
)

// header answers the peer's stream header with ours and the features, or with ours and a stream error. RFC 6120 §4.7.
func (s *Stream) header(h *frame.Header, t *Turn) error {
	domain := prepareDomain(h.To)
	known := domain != "" && s.server.cfg.Domains(domain)
	if known && s.localpart == "" {
		s.domain = domain
	}
	if s.localpart == "" && len(h.Lang) <= maxLang {
		s.lang = string(h.Lang)
	}
	from := bareFrom(h.From)
	if s.localpart == "" {
		s.claimed = string(from)
	}
	b := s.appendHeader(nil, from)
	if err := t.Send(s, b); err != nil {
		return nil //nolint:nilerror // the stream is ending already
	}
	switch {
	case !known:
		return &Error{Condition: HostUnknown} // RFC 6120 §4.9.3.6
	case domain != s.domain:
		return &Error{Condition: ImproperAddressing} // another domain than the one signed in to
	case !versionKnown(h.Version):
		return &Error{Condition: UnsupportedVersion} // RFC 6120 §4.7.5
	}
	return s.sendFeatures(t)
}

// appendHeader appends our stream header and notes that it was sent. to is the bare JID the peer claims, or nil.
func (s *Stream) appendHeader(dst, to []byte) []byte {
	s.began = true
	dst = append(dst, "<?xml version='1.0'?><stream:stream"...)
	if s.domain != "" {
		dst = append(dst, " from='"...)
		dst = append(frame.AppendEscaped(dst, s.domain), '\'')
	}
	if len(to) > 0 {
		dst = append(dst, " to='"...)
		dst = append(frame.AppendEscaped(dst, to), '\'')
	}
	dst = append(dst, " id='"...)
	dst = append(dst, randomID()...) // a new one for each stream, RFC 6120 §4.7.3
	dst = append(dst, "' version='1.0' xml:lang='"...)
	if s.lang != "" {
		dst = frame.AppendEscaped(dst, s.lang)
	} else {
		dst = append(dst, "en"...)
	}
	return append(dst, "' xmlns='"+clientSpace+"' xmlns:stream='"+streamsSpace+"'>"...)
}

// prepareDomain returns the domain in its one form, empty where it is none. RFC 7622 §3.2.
func prepareDomain(to []byte) string {
	if len(to) == 0 || bytes.ContainsAny(to, "@/") {
		return ""
	}
	j, err := jid.New("", string(to), "")
	if err != nil {
		return ""
	}
	return j.Domainpart()
}

// bareFrom returns the address that our header is sent to: a hint of the peer, nothing else. RFC 6120 §4.7.2.
func bareFrom(from []byte) []byte {
	if len(from) == 0 {
		return nil
	}
	j, err := jid.Parse(string(from))
	if err != nil {
		return nil
	}
	return []byte(j.Bare().String())
}

// versionKnown accepts every version from 1.0 on; ours is 1.0. RFC 6120 §4.7.5.
func versionKnown(v []byte) bool {
	major, minor, ok := bytes.Cut(v, []byte{'.'})
	return ok && number(major) && number(minor) && string(bytes.TrimLeft(major, "0")) != ""
}

func number(b []byte) bool {
	for _, c := range b {
		if c < '0' || c > '9' {
			return false
		}
	}
	return len(b) > 0 && len(b) < 10
}
