package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"strings"
	"testing"

	"protokoll/test/ldap"
	"protokoll/test/wire"
)

const (
	phone = "<user-agent id='d4565fa7-4d72-4749-b3d3-740edbf87770'><software>Monal IM</software><device>Annas Telefon</device></user-agent>"
	binds = "<bind xmlns='urn:xmpp:bind:0'><tag>Test</tag></bind>"
)

// authenticate signs in by SASL2 and returns what comes back.
func authenticate(t *testing.T, target wire.Target, mechanism, message, wishes string) *wire.Node {
	t.Helper()
	c, err := wire.DialTLS(target)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Drop()
	if _, err := c.Open(); err != nil {
		t.Fatal(err)
	}
	if err := c.Write("<authenticate xmlns='" + wire.NSSASL2 + "' mechanism='" + mechanism + "'><initial-response>" +
		base64.StdEncoding.EncodeToString([]byte(message)) + "</initial-response>" + phone + wishes + "</authenticate>"); err != nil {
		t.Fatal(err)
	}
	n, err := c.Next()
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func withToken(t *testing.T, target wire.Target, user, token string) *wire.Node {
	t.Helper()
	m := hmac.New(sha256.New, []byte(token))
	m.Write([]byte("Initiator"))
	return authenticate(t, target, "HT-SHA-256-NONE", user+"\x00"+string(m.Sum(nil)), "<fast xmlns='urn:xmpp:fast:0'/>"+binds)
}

// TestTokenWithoutDirectory is F30 and F54: who has a token signs in while the directory is away, also after a start.
func TestTokenWithoutDirectory(t *testing.T) {
	t.Parallel()
	slapd := startDirectory(t)
	s := newSite(t, slapd, "")
	server := s.serve()
	got := authenticate(t, server.target, "PLAIN", "\x00"+anna+"\x00"+ldap.Password, binds+"<request-token xmlns='urn:xmpp:fast:0' mechanism='HT-SHA-256-NONE'/>")
	token := got.Find("urn:xmpp:fast:0", "token")
	if token == nil {
		t.Fatalf("no token:\n%v", got)
	}
	slapd.Stop()
	for range 3 {
		if got := withToken(t, server.target, anna, token.Get("token")); !got.Is(wire.NSSASL2, "success") || got.Find("urn:xmpp:bind:0", "bound") == nil {
			t.Errorf("with a token:\n%v", got)
		}
	}
	refused(t, server.target, anna, ldap.Password, "temporary-auth-failure")
	server.stop()
	server = s.serve()
	if got := withToken(t, server.target, anna, token.Get("token")); !got.Is(wire.NSSASL2, "success") {
		t.Errorf("with a token after a start:\n%v", got)
	}
	s.wants(0, "Monal IM", "", "account", "devices", anna+"@"+siteDomain, "--reason", "test")
	out, _ := s.run("", "account", "devices", anna+"@"+siteDomain)
	id := strings.Fields(out)[0]
	s.wants(0, "only another password keeps it out", "", "account", "devices", anna+"@"+siteDomain, "--revoke", id)
	if got := withToken(t, server.target, anna, token.Get("token")); got.Find(wire.NSSASL, "not-authorized") == nil {
		t.Errorf("with a token that was revoked:\n%v", got)
	}
	for _, secret := range []string{token.Get("token"), strings.TrimPrefix(token.Get("token"), "secret-token:"), ldap.Password} {
		if strings.Contains(server.output(), secret) {
			t.Error("a secret is in the output")
		}
	}
	server.stop()
}

// TestDevicePasswords: they work by SCRAM and by PLAIN, the directory's password by PLAIN only, and a revoked one by nothing.
func TestDevicePasswords(t *testing.T) {
	t.Parallel()
	slapd := startDirectory(t)
	s := newSite(t, slapd, "")
	s.edit("protokoll.toml", "[domain.directory]\n", "[domain.directory]\ndevice_passwords = true\n")
	server := s.serve()
	works := func(mechanism, password string) bool {
		t.Helper()
		c, err := wire.DialTLS(server.target)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Drop()
		_, err = c.SignIn(mechanism, anna, password)
		return err == nil
	}
	if works("SCRAM-SHA-256", ldap.Password) || !works("PLAIN", ldap.Password) {
		t.Error("the directory's password")
	}
	out, code := s.run("", "account", "device-password", anna+"@"+siteDomain, "Monal on the iPhone")
	password, _, _ := strings.Cut(out, "\n")
	if code != 0 || len(password) != 29 {
		t.Fatalf("exit code %d: %s", code, out)
	}
	_, rest, _ := strings.Cut(out, "--revoke ")
	id := strings.TrimSpace(rest)
	s.wants(1, "a local account needs no device password", "", "account", "device-password", s.local("robot"), "x")
	if !works("SCRAM-SHA-256", password) || !works("PLAIN", password) || works("SCRAM-SHA-256", ldap.Password) {
		t.Error("the device password")
	}
	s.wants(0, "device password", "", "account", "devices", anna+"@"+siteDomain)
	s.wants(0, "revoked", "", "account", "devices", anna+"@"+siteDomain, "--revoke", id)
	if works("SCRAM-SHA-256", password) || works("PLAIN", password) || !works("PLAIN", ldap.Password) {
		t.Error("a device password that was revoked")
	}
	server.stop()
	// It never reached the directory, where it would have counted as a guess: it answers even while that is away.
	server = s.serve()
	slapd.Stop()
	refused(t, server.target, anna, password, "not-authorized")
	server.stop()
}

// local makes a local account.
func (s *site) local(name string) string {
	s.t.Helper()
	s.wants(0, "added", "open sesame", "account", "add", name+"@"+siteDomain)
	return name + "@" + siteDomain
}
