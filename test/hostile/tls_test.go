package hostile

import (
	"crypto/tls"
	"testing"

	"protokoll/test/wire"
)

// tlsRows: before and during TLS.
var tlsRows = []row{
	{"H1", func(t *testing.T) {
		// RFC 6120 §5.4.3.3, CVE-2011-0411: what stands behind <starttls/> in one segment has no effect.
		s := plain(t)
		if _, err := s.Open(); err != nil {
			t.Fatal(err)
		}
		s.send(t, "<starttls xmlns='"+wire.NSTLS+"'/>"+wire.Header(target.Domain)+wire.Auth("PLAIN", "\x00"+pool.Account()+"\x00"+password))
		n, err := s.Next()
		if err != nil || !n.Is(wire.NSTLS, "proceed") {
			return // closed before the handshake
		}
		if err := s.Handshake(&tls.Config{}); err != nil {
			return
		}
		features, err := s.Open()
		if err != nil {
			t.Fatal(err)
		}
		if features.Child(wire.NSSASL, "mechanisms") == nil {
			t.Fatalf("what was sent in clear has signed somebody in:\n%v", features)
		}
	}},
	{"H2", func(t *testing.T) {
		s := plain(t)
		features, err := s.Open()
		if err != nil {
			t.Fatal(err)
		}
		if features.Child(wire.NSSASL, "mechanisms") != nil {
			t.Error("mechanisms are offered before TLS")
		}
		s.send(t, wire.Auth("PLAIN", "\x00"+pool.Account()+"\x00"+password))
		n, err := s.Next()
		if err != nil {
			t.Fatal(err)
		}
		if c := condition(n, wire.NSSASL) + condition(n, wire.NSError); c != "encryption-required" && c != "policy-violation" {
			t.Fatalf("answered with\n%v", n)
		}
	}},
	{"H3", func(t *testing.T) {
		s := opened(t)
		s.send(t, "<message to='"+pool.Account()+"@"+target.Domain+"'><body>"+needle+"</body></message>")
		s.streamError(t, "not-authorized")
		s = signedIn(t)
		s.send(t, "<message to='"+pool.Account()+"@"+target.Domain+"'><body>"+needle+"</body></message>")
		s.streamError(t, "not-authorized")
		s = signedIn(t)
		s.send(t, "<presence/>")
		s.streamError(t, "not-authorized")
	}},
	{"H10", func(t *testing.T) {
		for _, protocol := range []string{"h2", "xmpp-server"} {
			there := target
			there.Addr = target.TLSAddr
			s := dialled(t, there)
			if err := s.Handshake(&tls.Config{NextProtos: []string{protocol}}); err == nil {
				t.Errorf("direct TLS: ALPN %s was accepted", protocol)
			}
			s = plain(t)
			if _, err := s.Open(); err != nil {
				t.Fatal(err)
			}
			s.send(t, "<starttls xmlns='"+wire.NSTLS+"'/>")
			if _, err := s.Next(); err != nil {
				t.Fatal(err)
			}
			if err := s.Handshake(&tls.Config{NextProtos: []string{protocol}}); err == nil && s.TLS().NegotiatedProtocol != "" {
				t.Errorf("STARTTLS: ALPN %s was negotiated", protocol)
			}
		}
	}},
}
