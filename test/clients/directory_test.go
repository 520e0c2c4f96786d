package clients

import (
	"crypto/x509"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"protokoll/test/ldap"
	"protokoll/test/pki"
	"protokoll/test/script"
	"protokoll/test/server"
	"protokoll/test/wire"
)

// chatDomain is the XMPP domain whose people are in the directory.
const chatDomain = "jabber.example"

const settings = `data = %q
[listen]
client     = [%q]
client_tls = [%q]
proxy      = [%q]
[[domain]]
name        = %q
certificate = %q
key         = %q
[domain.directory]
urls          = [%q]
ca            = %q
bind_dn       = %q
password_file = %q
base_dn       = %q
[[domain.directory.rule]]
mail_domain = "stud.uni-due.de"
suffix      = ".stud"
[[domain.directory.rule]]
mail_domain = "uni-due.de"
suffix      = ""
[proxy]
address = "127.0.0.1"
[contact]
data_protection = ["mailto:officer@example.org"]
admin           = ["mailto:admin@example.org"]
abuse           = ["mailto:abuse@example.org"]
support         = ["mailto:support@example.org"]
`

// TestDirectory lets the clients use `serve`, with people who are in a real OpenLDAP.
func TestDirectory(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	slapd := ldap.Start(t, filepath.Join(dir, "ldap"), 40)
	t.Cleanup(slapd.Stop)
	certificates := filepath.Join(dir, "pki")
	pki.Make(t, certificates, chatDomain)
	ports, err := server.FreePorts("127.0.0.1", 3)
	if err != nil {
		t.Fatal(err)
	}
	config, secret := filepath.Join(dir, "protokoll.toml"), filepath.Join(dir, "ldap-password")
	data := filepath.Join(dir, "data")
	text := fmt.Sprintf(settings, data, ports[0], ports[1], ports[2], chatDomain,
		filepath.Join(certificates, chatDomain+".chain.crt"), filepath.Join(certificates, chatDomain+".key"),
		slapd.URL(), slapd.CAFile(), ldap.ServiceDN, secret, ldap.PeopleDN)
	for path, content := range map[string]string{config: text, secret: ldap.ServicePassword + "\n"} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s, err := server.StartAt(server.Options{Binary: binary, Data: data, Domain: chatDomain, Args: []string{"serve", "--config", config}}, ports)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Remove)
	people := ordinary(t, slapd)
	var n atomic.Int64
	useAll(t, place{addr: s.Addr, tlsAddr: s.TLSAddr, ca: filepath.Join(certificates, "ca.crt"), next: func() person {
		return person{jid: people[n.Add(1)-1], password: ldap.Password}
	}})
	t.Run("contact_addresses", func(t *testing.T) {
		script.RunFile(t, script.Server{Target: trusting(t, s, filepath.Join(certificates, "ca.crt")), Password: ldap.Password, Account: func() string {
			name, _, _ := strings.Cut(people[n.Add(1)-1], "@")
			return name
		}}, "contact_addresses.txt")
	})
	if err := s.Stop(); err != nil {
		t.Error(err)
	}
	if strings.Contains(s.Output(), ldap.Password) {
		t.Error("a password is in the server's output")
	}
}

func trusting(t *testing.T, s *server.Server, ca string) wire.Target {
	t.Helper()
	pem, err := os.ReadFile(ca)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		t.Fatal("no certificate authority")
	}
	return wire.Target{Addr: s.Addr, TLSAddr: s.TLSAddr, Domain: s.Domain, Roots: roots}
}

// ordinary are the JIDs of the people without peculiarities, by the rules of the settings.
func ordinary(t *testing.T, slapd *ldap.Server) []string {
	t.Helper()
	tree, err := os.ReadFile(filepath.Join(slapd.Dir, "tree.ldif"))
	if err != nil {
		t.Fatal(err)
	}
	var jids []string
	for line := range strings.SplitSeq(string(tree), "\n") {
		mail, ok := strings.CutPrefix(line, "mail: ")
		if !ok || len(jids) == 40 {
			continue
		}
		name, domain, _ := strings.Cut(mail, "@")
		if domain == "stud.uni-due.de" {
			name += ".stud"
		}
		jids = append(jids, name+"@"+chatDomain)
	}
	return jids
}
