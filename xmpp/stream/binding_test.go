package stream

import (
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"protokoll/internal/peer"
)

// Clients that bind to tls-unique whatever the server says, and then claim that nothing can be bound to (slixmpp 1.8.3), try each
// SCRAM mechanism in vain, and must have a try left for PLAIN; not more than that.
func TestWrongBindingIsNoGuess(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	c := f.startTLS(t)
	c.send(clientHead)
	c.until("</stream:features>")
	first := base64.StdEncoding.EncodeToString([]byte("p=tls-unique,,n=user,r=nonce"))
	for _, mechanism := range []string{"SCRAM-SHA-512-PLUS", "SCRAM-SHA-256-PLUS", "SCRAM-SHA-1-PLUS"} {
		c.send("<auth xmlns='" + saslSpace + "' mechanism='" + mechanism + "'>" + first + "</auth>")
		c.until("<not-authorized/>")
	}
	claim := base64.StdEncoding.EncodeToString([]byte("y,,n=user,r=nonce"))
	for _, mechanism := range []string{"SCRAM-SHA-512", "SCRAM-SHA-256", "SCRAM-SHA-1"} {
		c.send("<auth xmlns='" + saslSpace + "' mechanism='" + mechanism + "'>" + claim + "</auth>")
		c.until("<not-authorized/>")
	}
	c.send(authWrong)
	c.until("<not-authorized/>")
	c.send(authUser)
	c.until("<success")

	c = f.startTLS(t)
	c.send(clientHead)
	c.until("</stream:features>")
	again := "<auth xmlns='" + saslSpace + "' mechanism='SCRAM-SHA-1-PLUS'>" + first + "</auth>"
	c.send(strings.Repeat(again, maxUnbound+3) + authUser)
	if got := c.rest(); !strings.Contains(got, "<policy-violation ") || strings.Contains(got, "<success") {
		t.Errorf("without end: %q", got)
	}
}

// Nor do they count against the place they come from, where others sign in too.
func TestWrongBindingDelaysNobody(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(c *Config) {
		c.Origins = peer.NewOrigins(peer.Limits{FreeFailures: 1, FreeOriginFailures: 1, MaxWait: time.Hour}, nil)
	})
	first := base64.StdEncoding.EncodeToString([]byte("p=tls-unique,,n=user,r=nonce"))
	for range 3 {
		c := f.startTLS(t)
		c.send(clientHead)
		c.until("</stream:features>")
		for range maxUnbound {
			c.send("<auth xmlns='" + saslSpace + "' mechanism='SCRAM-SHA-1-PLUS'>" + first + "</auth>")
			c.until("<not-authorized/>")
		}
	}
	f.login(t)
}
