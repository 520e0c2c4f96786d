package session_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"strconv"
	"strings"
	"testing"
)

// tokenSignIn is a sign-in with a token that is bound to nothing, and a resource with it. XEP-0484 §3.4
func tokenSignIn(name, token string, count int) string {
	m := hmac.New(sha256.New, []byte(token))
	m.Write([]byte("Initiator"))
	return "<authenticate xmlns='urn:xmpp:sasl:2' mechanism='HT-SHA-256-NONE'><initial-response>" +
		base64.StdEncoding.EncodeToString(append([]byte(name+"\x00"), m.Sum(nil)...)) + "</initial-response>" + agent +
		"<fast xmlns='urn:xmpp:fast:0' count='" + strconv.Itoa(count) + "'/><bind xmlns='urn:xmpp:bind:0'/></authenticate>"
}

// BenchmarkSignInToken is a sign-in with a token up to a bound session, and the end of the stream; client, TLS and log included.
func BenchmarkSignInToken(b *testing.B) {
	for _, counted := range []bool{false, true} {
		b.Run("counted="+strconv.FormatBool(counted), func(b *testing.B) {
			s := newServer(b)
			c, success := s.welcome("anna", agent+"<request-token xmlns='urn:xmpp:fast:0' mechanism='HT-SHA-256-NONE'/>")
			c.drop()
			token := between(b, success, " token='", "'")
			b.ReportAllocs()
			n := 0
			for b.Loop() {
				n++
				text := tokenSignIn("anna", token, n)
				if !counted {
					text = strings.Replace(text, " count='"+strconv.Itoa(n)+"'", "", 1)
				}
				c := s.dial("anna")
				c.send(header + text)
				c.until("</success>")
				c.until("</stream:features>")
				c.leave()
			}
		})
	}
}

// BenchmarkSignInAlone is the same with the profile of RFC 6120 and a password, one after the other.
func BenchmarkSignInAlone(b *testing.B) {
	s := newServer(b)
	b.ReportAllocs()
	for b.Loop() {
		s.bind("anna", "desk").leave()
	}
}
