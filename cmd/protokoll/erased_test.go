package main

import (
	"fmt"
	"strings"
	"testing"

	"protokoll/test/ldap"
	"protokoll/test/wire"
)

// F55: an erased directory person is not brought back by somebody who writes to them, starts from nothing when they sign in
// again, and a namesake does not get their address.
func TestErasedDirectoryPerson(t *testing.T) {
	t.Parallel()
	slapd := startDirectory(t)
	s := newSite(t, slapd, "")
	server := s.serve()
	c := signIn(t, server.target, ben, ldap.Password)
	old := signIn(t, server.target, anna, ldap.Password)
	request(t, old, "v", "set", "<vCard xmlns='vcard-temp'><FN>Anna</FN></vCard>")
	address := anna + "@" + siteDomain
	s.wants(0, "erased in all: 5", "", "erase", address, "--yes", "--reason", "letter")
	s.wants(0, "nothing to do", "", "erase", address, "--yes")

	answer := sendAndAwait(t, c, fmt.Sprintf("<message type='chat' id='m1' to='%s'><body>Hi</body></message>", address),
		func(n *wire.Node) bool { return n.Is(wire.NSClient, "message") })
	if answer.Find(wire.NSStanza, "service-unavailable") == nil {
		t.Errorf("a message to who was erased:\n%v", answer)
	}
	s.wants(1, "no such account", "", "account", "show", address)

	fresh := signIn(t, server.target, anna, ldap.Password)
	if card := request(t, fresh, "v", "get", "<vCard xmlns='vcard-temp'/>"); strings.Contains(card.String(), "Anna") {
		t.Errorf("the account did not start from nothing:\n%v", card)
	}
	s.wants(0, "offline messages  0", "", "account", "show", address)

	s.wants(0, "unreadable since: ", "", "erase", address, "--yes")
	again(t, slapd, "uid=m000000,"+ldap.PeopleDN, map[string][]string{"mail": {"anna.mueller@uni-due.de"}})
	refused(t, server.target, anna, ldap.Password, "account-disabled")
	refused(t, server.target, anna, "wrong", "not-authorized")
	server.until(`sign-in refused: the address is kept free after an erasure, and this is another directory entry`)
	s.wants(1, "no such account", "", "account", "show", address)
	server.stop()
	if strings.Contains(server.output(), "mueller") {
		t.Errorf("a name is in the log:\n%s", server.output())
	}
}

// Who may not sign in learns why, strangers do not, whatever the mechanism.
func TestRestrictedPeople(t *testing.T) {
	t.Parallel()
	s := newSite(t, startDirectory(t), "")
	server := s.serve()
	signIn(t, server.target, ben, ldap.Password)
	s.wants(0, "added robot@", "open sesame", "account", "add", "robot@"+siteDomain)
	for user, password := range map[string]string{ben: ldap.Password, "robot": "open sesame"} {
		s.wants(0, "restricted", "", "restrict", user+"@"+siteDomain, "--yes", "--reason", "disputed")
		refused(t, server.target, user, password, "account-disabled")
		refused(t, server.target, user, "wrong", "not-authorized")
		s.wants(0, "lifted", "", "unrestrict", user+"@"+siteDomain, "--yes")
		signIn(t, server.target, user, password)
	}
	server.stop()

	site := newSite(t, nil, "")
	server = site.serve()
	site.wants(0, "added robot@", "open sesame", "account", "add", "robot@"+siteDomain)
	site.wants(0, "restricted", "", "restrict", "robot@"+siteDomain, "--yes")
	for password, condition := range map[string]string{"open sesame": "account-disabled", "wrong": "not-authorized"} {
		c, err := wire.DialTLS(server.target)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.SignIn("SCRAM-SHA-256", "robot", password); err == nil || !strings.HasSuffix(err.Error(), ": "+condition) {
			t.Errorf("SCRAM with %q: %v, want %s", password, err, condition)
		}
		c.Drop()
	}
	server.stop()
}
