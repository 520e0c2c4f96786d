package node

import (
	"slices"
	"strings"
	"testing"

	"protokoll/directory"
	"protokoll/xmpp/sasl"
)

// Clients choose a mechanism before the server knows who they are, and do not fall back. These are the ways in which Conversations,
// Monal and Gajim choose, as their sources have them, against what each kind of domain announces. docs/decisions/0016

// announced is what a client sees. Both profiles announce the same mechanisms.
type announced struct {
	mechanisms []string
	tokens     []string
	bindings   []string
}

// choice is what a client makes of it.
type choice struct {
	profile   string // "SASL2" or "SASL"; empty: it does not sign in
	mechanism string
	why       string // it does not sign in
}

// scrams are the mechanisms in the order in which all of them prefer them.
var scrams = []string{sasl.ScramSHA512Plus, sasl.ScramSHA256Plus, sasl.ScramSHA1Plus, sasl.ScramSHA512, sasl.ScramSHA256, sasl.ScramSHA1}

func firstOf(order, offered []string) string {
	for _, m := range order {
		if slices.Contains(offered, m) {
			return m
		}
	}
	return ""
}

// conversations prefers SASL2, a token it has, then SCRAM with binding, SCRAM, PLAIN. What it used once is pinned by its priority:
// anything below is taken for an attack.
type conversations struct {
	token  string // the mechanism of the token that it has
	pinned string
}

var priorities = map[string]int{sasl.Plain: 10, sasl.ScramSHA1: 20, sasl.ScramSHA256: 25, sasl.ScramSHA512: 30,
	sasl.ScramSHA1Plus: 35, sasl.ScramSHA256Plus: 40, sasl.ScramSHA512Plus: 45}

func (c conversations) choose(a announced) choice {
	if slices.Contains(a.tokens, c.token) {
		return choice{profile: "SASL2", mechanism: c.token}
	}
	m := firstOf(append(slices.Clone(scrams), sasl.Plain), a.mechanisms)
	switch {
	case m == "":
		return choice{why: "incompatible server"}
	case priorities[m] < priorities[c.pinned]:
		return choice{why: "downgrade attack"}
	}
	return choice{profile: "SASL2", mechanism: m}
}

// monal uses SCRAM over SASL2 and nothing else, unless PLAIN was allowed when the account was made: then PLAIN over the old profile,
// until it sees SCRAM, which turns PLAIN off for good.
type monal struct {
	plain    bool
	signedIn bool // once before, with SCRAM
}

func (c *monal) choose(a announced) choice {
	m := firstOf(scrams, a.mechanisms)
	if m != "" {
		c.plain = false
		return choice{profile: "SASL2", mechanism: m}
	}
	switch {
	case c.plain && slices.Contains(a.mechanisms, sasl.Plain):
		return choice{profile: "SASL", mechanism: sasl.Plain}
	case c.signedIn:
		return choice{why: "attack: account disabled"}
	}
	return choice{why: "server lacks SCRAM: account disabled"}
}

// gajim uses SASL2 where it is announced, without channel binding, the strongest first.
type gajim struct{}

func (gajim) choose(a announced) choice {
	m := firstOf([]string{sasl.ScramSHA512, sasl.ScramSHA256, sasl.ScramSHA1, sasl.Plain}, a.mechanisms)
	if m == "" {
		return choice{why: "no mechanism"}
	}
	return choice{profile: "SASL2", mechanism: m}
}

// works tells which secret a person has to give the client.
func works(c choice, kind string) string {
	switch {
	case c.profile == "":
		return ""
	case sasl.IsToken(c.mechanism):
		return "token"
	case kind == "local":
		return "password"
	case strings.HasPrefix(c.mechanism, "SCRAM-"):
		return "device password"
	}
	return "directory password, device password"
}

// see is what a domain of a kind announces on a connection of TLS 1.3.
func see(t *testing.T, kind string) announced {
	t.Helper()
	who := &authenticator{directories: map[string]*directory.LDAP{"d": nil}, devices: map[string]bool{"d": kind == "device passwords"}}
	if kind != "local" {
		who.directories["d"] = &directory.LDAP{}
	}
	b := sasl.Binding{Exporter: []byte("e"), EndPoint: []byte("p")}
	once, again := who.Mechanisms("d"), who.Mechanisms("d")
	if !slices.Equal(once, again) {
		t.Errorf("%s: not stable", kind)
	}
	return announced{mechanisms: b.Offered(once), tokens: sasl.TokenMechanisms(b), bindings: b.Types()}
}

func TestChoosers(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		kind   string
		client interface{ choose(announced) choice }
		name   string
		want   choice
		secret string
	}{
		{"local", conversations{}, "Conversations", choice{profile: "SASL2", mechanism: sasl.ScramSHA512Plus}, "password"},
		{"local", conversations{pinned: sasl.ScramSHA512Plus}, "Conversations, pinned", choice{profile: "SASL2", mechanism: sasl.ScramSHA512Plus}, "password"},
		{"local", conversations{token: sasl.TokenExporter}, "Conversations with a token", choice{profile: "SASL2", mechanism: sasl.TokenExporter}, "token"},
		{"local", &monal{}, "Monal", choice{profile: "SASL2", mechanism: sasl.ScramSHA512Plus}, "password"},
		{"local", &monal{plain: true}, "Monal that may use PLAIN", choice{profile: "SASL2", mechanism: sasl.ScramSHA512Plus}, "password"},
		{"local", gajim{}, "Gajim", choice{profile: "SASL2", mechanism: sasl.ScramSHA512}, "password"},

		{"directory", conversations{}, "Conversations", choice{profile: "SASL2", mechanism: sasl.Plain}, "directory password, device password"},
		{"directory", conversations{pinned: sasl.Plain}, "Conversations, pinned", choice{profile: "SASL2", mechanism: sasl.Plain}, "directory password, device password"},
		{"directory", conversations{token: sasl.TokenExporter, pinned: sasl.Plain}, "Conversations with a token", choice{profile: "SASL2", mechanism: sasl.TokenExporter}, "token"},
		{"directory", &monal{}, "Monal", choice{why: "server lacks SCRAM: account disabled"}, ""},
		{"directory", &monal{plain: true}, "Monal that may use PLAIN", choice{profile: "SASL", mechanism: sasl.Plain}, "directory password, device password"},
		{"directory", gajim{}, "Gajim", choice{profile: "SASL2", mechanism: sasl.Plain}, "directory password, device password"},
		// What switching device passwords off again does to who has seen SCRAM: the set must not change.
		{"directory", conversations{pinned: sasl.ScramSHA512Plus}, "Conversations that saw SCRAM", choice{why: "downgrade attack"}, ""},
		{"directory", &monal{signedIn: true}, "Monal that saw SCRAM", choice{why: "attack: account disabled"}, ""},

		{"device passwords", conversations{}, "Conversations", choice{profile: "SASL2", mechanism: sasl.ScramSHA512Plus}, "device password"},
		{"device passwords", conversations{token: sasl.TokenExporter}, "Conversations with a token", choice{profile: "SASL2", mechanism: sasl.TokenExporter}, "token"},
		{"device passwords", &monal{}, "Monal", choice{profile: "SASL2", mechanism: sasl.ScramSHA512Plus}, "device password"},
		{"device passwords", gajim{}, "Gajim", choice{profile: "SASL2", mechanism: sasl.ScramSHA512}, "device password"},
		// What switching them on does to who signed in with the directory's password: it asks for another one.
		{"device passwords", conversations{pinned: sasl.Plain}, "Conversations that used PLAIN", choice{profile: "SASL2", mechanism: sasl.ScramSHA512Plus}, "device password"},
		{"device passwords", &monal{plain: true}, "Monal that may use PLAIN", choice{profile: "SASL2", mechanism: sasl.ScramSHA512Plus}, "device password"},
	} {
		if got := c.client.choose(see(t, c.kind)); got != c.want || works(got, c.kind) != c.secret {
			t.Errorf("%s, %s: %+v with %q, want %+v with %q", c.kind, c.name, got, works(got, c.kind), c.want, c.secret)
		}
	}
}
