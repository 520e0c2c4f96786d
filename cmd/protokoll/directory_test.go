package main

import (
	"crypto/tls"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	goldap "github.com/go-ldap/ldap/v3"

	"protokoll/test/ldap"
	"protokoll/test/wire"
)

// The first ordinary people of the made-up directory: the first is staff, the others are students.
const (
	anna  = "anna.mueller"
	ben   = "ben.mueller.stud"
	clara = "clara.mueller.stud"
)

func startDirectory(t *testing.T) *ldap.Server {
	t.Helper()
	slapd := ldap.Start(t, filepath.Join(t.TempDir(), "ldap"), 40)
	t.Cleanup(slapd.Stop)
	return slapd
}

func TestDirectoryPeopleSignIn(t *testing.T) {
	t.Parallel()
	slapd := startDirectory(t)
	s := newSite(t, slapd, "")
	server := s.serve()
	onlyPlain(t, server.target)
	first := signIn(t, server.target, anna, ldap.Password)
	s.wants(0, "directory", "", "account", "show", anna+"@"+siteDomain)
	s.wants(1, "no such account", "", "account", "show", ben+"@"+siteDomain)
	for user, password := range map[string]string{
		anna: "wrong", ben: "wrong", "nobody": ldap.Password,
		"doppelt": ldap.Password, "max.muster.stud": ldap.Password, // two entries for one address
		"olga.ohne": ldap.Password, "stern*": "wrong", "anna.muelle*": ldap.Password,
	} {
		refused(t, server.target, user, password, "not-authorized")
	}
	refused(t, server.target, anna, "", "malformed-request") // RFC 4616 §2: passwd = 1*SAFE
	s.wants(1, "no such account", "", "account", "show", "doppelt@"+siteDomain)

	// Local accounts live beside it, but take nobody's address; the directory's passwords are not ours to change.
	s.wants(1, "the address is a directory person's", "open sesame", "account", "add", clara+"@"+siteDomain)
	s.wants(1, "the address is a directory person's", "open sesame", "account", "add", "doppelt@"+siteDomain)
	s.wants(1, "the password of this account is the directory's", "open sesame", "account", "passwd", anna+"@"+siteDomain)
	s.wants(0, "added robot@", "open sesame", "account", "add", "robot@"+siteDomain)
	signIn(t, server.target, "robot", "open sesame")
	refused(t, server.target, "robot", ldap.Password, "not-authorized")
	settles(t, first, "p")
	server.stop()
	for _, secret := range []string{ldap.Password, "open sesame", anna, "127.0.0.1"} {
		if strings.Contains(server.output(), secret) {
			t.Errorf("%q is in the log:\n%s", secret, server.output())
		}
	}
}

// A domain with a directory offers nothing but PLAIN: clients choose before anybody knows whether the account is local.
func onlyPlain(t *testing.T, target wire.Target) {
	t.Helper()
	c, err := wire.DialTLS(target)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Drop()
	features, err := c.Open()
	if err != nil {
		t.Fatal(err)
	}
	offered := features.Child(wire.NSSASL, "mechanisms")
	if offered == nil || len(offered.Elements()) != 1 || offered.Elements()[0].Content() != "PLAIN" {
		t.Errorf("offered:\n%v", features)
	}
}

// Nobody has to have signed in to be written to.
func TestMessageBeforeFirstSignIn(t *testing.T) {
	t.Parallel()
	s := newSite(t, startDirectory(t), "")
	server := s.serve()
	c := signIn(t, server.target, anna, ldap.Password)
	to := fmt.Sprintf("<message type='chat' id='m1' to='%s@%s'><body>Welcome</body></message>", ben, siteDomain)
	stored(t, c, to)
	absent := sendAndAwait(t, c, strings.Replace(strings.Replace(to, ben, "nobody", 1), "m1", "m2", 1),
		func(n *wire.Node) bool { return n.Is(wire.NSClient, "message") })
	if absent.Get("id") != "m2" || absent.Find(wire.NSStanza, "service-unavailable") == nil {
		t.Errorf("to nobody:\n%v", absent)
	}
	s.wants(0, "offline messages  1", "", "account", "show", ben+"@"+siteDomain)
	server.kill()

	server = s.serve()
	c = signIn(t, server.target, ben, ldap.Password)
	got := sendAndAwait(t, c, "<presence/>", func(n *wire.Node) bool { return n.Is(wire.NSClient, "message") })
	if body := got.Child(wire.NSClient, "body"); body == nil || body.Content() != "Welcome" || got.Child("urn:xmpp:delay", "delay") == nil {
		t.Errorf("got\n%v", got)
	}
	server.stop()
}

// stored sends a message on a stream that has just been bound, and returns when the server has acknowledged it. XEP-0198 §4
func stored(t *testing.T, c *wire.Conn, message string) {
	t.Helper()
	if err := c.Write("<enable xmlns='urn:xmpp:sm:3'/>" + message); err != nil {
		t.Fatal(err)
	}
	acknowledged(t, c, 1)
}

// acknowledged asks until so many stanzas are acknowledged.
func acknowledged(t *testing.T, c *wire.Conn, stanzas int) {
	t.Helper()
	for h := 0; h < stanzas; {
		a := sendAndAwait(t, c, "<r xmlns='urn:xmpp:sm:3'/>", func(n *wire.Node) bool { return n.Is(wire.NSSM, "a") })
		var err error
		if h, err = strconv.Atoi(a.Get("h")); err != nil {
			t.Fatal(err)
		}
	}
}

// F26: who is signed in stays, who wants to sign in is told to come again, and the log says it once.
func TestDirectoryDown(t *testing.T) {
	t.Parallel()
	slapd := startDirectory(t)
	s := newSite(t, slapd, "")
	server := s.serve()
	c := signIn(t, server.target, anna, ldap.Password)
	slapd.Stop()
	for range 3 {
		refused(t, server.target, ben, ldap.Password, "temporary-auth-failure")
		refused(t, server.target, anna, ldap.Password, "temporary-auth-failure")
	}
	settles(t, c, "p1")
	s.wants(1, "ask whether the address is a directory person's: directory unavailable", "open sesame", "account", "add", "robot@"+siteDomain)
	if strings.Count(server.output(), "directory unavailable") != 1 || strings.Count(server.output(), "level=ERROR") != 1 {
		t.Errorf("the log does not say it once:\n%s", server.output())
	}
	// A message for somebody who never signed in: nobody can tell now whether there is such a person.
	answer := sendAndAwait(t, c, fmt.Sprintf("<message type='chat' id='m1' to='%s@%s'><body>Hi</body></message>", ben, siteDomain),
		func(n *wire.Node) bool { return n.Is(wire.NSClient, "message") })
	if e := answer.Child(wire.NSClient, "error"); e == nil || e.Get("type") != "wait" {
		t.Errorf("message to a person unknown so far:\n%v", answer)
	}
	answer = sendAndAwait(t, c, fmt.Sprintf("<presence type='subscribe' id='s1' to='%s@%s'/>", clara, siteDomain),
		func(n *wire.Node) bool { return n.Is(wire.NSClient, "presence") })
	if e := answer.Child(wire.NSClient, "error"); e == nil || e.Get("type") != "wait" {
		t.Errorf("subscription to a person unknown so far:\n%v", answer)
	}
	server.stop()

	server = s.serve() // a start needs no directory
	refused(t, server.target, anna, ldap.Password, "temporary-auth-failure")
	slapd.Restart(t)
	signInSoon(t, server, anna)
	server.until("directory available again")
	server.stop()
}

// signInSoon tries until the directory is asked again; the server waits between its own tries.
func signInSoon(t *testing.T, server *served, user string) {
	t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		c, _, err := wire.SignIn(server.target, user, ldap.Password)
		if err == nil {
			c.Drop()
			return
		}
		if !strings.HasSuffix(err.Error(), "temporary-auth-failure") {
			t.Fatal(err)
		}
	}
	t.Fatal("the directory is back, but nobody can sign in")
}

// F55: a namesake who gets a freed address inherits nothing.
func TestNamesake(t *testing.T) {
	t.Parallel()
	slapd := startDirectory(t)
	s := newSite(t, slapd, "")
	server := s.serve()
	signIn(t, server.target, anna, ldap.Password)
	signIn(t, server.target, ben, ldap.Password)

	again(t, slapd, "uid=m000000,"+ldap.PeopleDN, map[string][]string{"mail": {"anna.mueller@uni-due.de"}})
	refused(t, server.target, anna, ldap.Password, "not-authorized")
	server.until(`sign-in refused: the address belongs to another directory entry's account" owner=[0-9a-f]{32}\n`)

	// The same entry under another address is not let in under either: an address change is not supported yet.
	change := goldap.NewModifyRequest("uid=s000001,"+ldap.PeopleDN, nil)
	change.Replace("mail", []string{"ben.maier@stud.uni-due.de"})
	if err := admin(t, slapd).Modify(change); err != nil {
		t.Fatal(err)
	}
	refused(t, server.target, "ben.maier.stud", ldap.Password, "not-authorized")
	server.until(`sign-in refused: the directory entry has another address than its account" owner=[0-9a-f]{32}\n`)
	server.stop()
	if strings.Contains(server.output(), "maier") || strings.Contains(server.output(), "mueller") {
		t.Errorf("a name is in the log:\n%s", server.output())
	}
}

func admin(t *testing.T, slapd *ldap.Server) *goldap.Conn {
	t.Helper()
	c, err := goldap.DialURL(slapd.SecureURL(), goldap.DialWithTLSConfig(&tls.Config{RootCAs: roots(t, slapd.CAFile()), ServerName: "ldap.test"}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	if err := c.Bind(ldap.AdminDN, ldap.AdminPassword); err != nil {
		t.Fatal(err)
	}
	return c
}

// again deletes a person and makes a new one with the same name, who gets another entryUUID.
func again(t *testing.T, slapd *ldap.Server, dn string, attributes map[string][]string) {
	t.Helper()
	c := admin(t, slapd)
	if err := c.Del(goldap.NewDelRequest(dn, nil)); err != nil {
		t.Fatal(err)
	}
	add := goldap.NewAddRequest(dn, nil)
	add.Attribute("objectClass", []string{"inetOrgPerson"})
	add.Attribute("cn", []string{"Namesake"})
	add.Attribute("sn", []string{"Namesake"})
	add.Attribute("userPassword", []string{ldap.Password})
	for name, values := range attributes {
		add.Attribute(name, values)
	}
	if err := c.Add(add); err != nil {
		t.Fatal(err)
	}
}
