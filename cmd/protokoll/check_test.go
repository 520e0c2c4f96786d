package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"protokoll/test/ldap"
)

// onlyOrdinary leaves the difficult people out.
const onlyOrdinary = "[domain.directory]\nfilter = \"(&(objectClass=inetOrgPerson)(|(uid=s*)(uid=m*)))\"\n"

func TestCheck(t *testing.T) {
	t.Parallel()
	slapd := startDirectory(t)
	s := newSite(t, slapd, "")
	whole := fileText(t, s.config)
	s.wants(1, siteDomain+": certificate: ok, until 20", "", "check")
	out, _ := s.run("", "check")
	for _, want := range []string{
		"configuration: ok\n", siteDomain + ": directory: reachable\n", "70 people: ",
		"Collisions, nobody of these can sign in: ", "max.muster.stud: max.muster.stud@uni-due.de [", " against max.muster@stud.uni-due.de [",
		"Addresses that give no valid localpart: ", "… and ", "protokoll: the check found faults\n", "reading the directory",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("missing %q", want)
		}
	}
	if lines := strings.Count(out, "\n"); lines > 40 {
		t.Errorf("%d lines are more than one screen", lines)
	}
	if t.Failed() {
		t.Log(out)
	}
	full, _ := s.run("", "check", "--all")
	if strings.Contains(full, "… and ") || len(full) <= len(out) {
		t.Errorf("--all does not show whole lists:\n%s", full)
	}

	s.edit("protokoll.toml", "[domain.directory]\n", onlyOrdinary)
	s.wants(0, "40 people: 40 can sign in, 0 locked", "", "check")
	s.certify(time.Now().AddDate(0, 0, 10-180))
	s.wants(1, "certificate: WRONG: "+s.path("tls", "cert.pem")+" ends on ", "", "check")
	s.wants(1, "40 can sign in", "", "check") // one fault does not hide the rest
	s.certify(time.Now())

	for name, c := range map[string]struct{ old, new, want string }{
		"service account":   {`bind_dn       = "cn=xmpp`, `bind_dn       = "cn=other`, "directory unavailable: service account refused"},
		"base":              {`base_dn       = "ou=people`, `base_dn       = "ou=nobody`, "directory: WRONG: "},
		"password file":     {"ldap-password", "missing", "no such file"},
		"authority":         {slapd.CAFile(), s.path("ca.pem"), "certificate not accepted"},
		"authority missing": {slapd.CAFile(), "missing.pem", "reading the CA file"},
		"plain port":        {slapd.URL(), strings.Replace(slapd.URL(), "ldap:", "ldaps:", 1), "directory: WRONG: directory unavailable"},
	} {
		s.write("protokoll.toml", whole)
		s.edit("protokoll.toml", c.old, c.new)
		out, code := s.run("", "check")
		if code != 1 || !strings.Contains(out, c.want) || strings.Contains(out, ldap.ServicePassword) {
			t.Errorf("%s: exit code %d, want 1 with %q:\n%s", name, code, c.want, out)
		}
	}
	slapd.Stop()
	s.write("protokoll.toml", whole)
	s.wants(1, "directory: WRONG: directory unavailable: no connection", "", "check")
	if _, err := os.Stat(s.path("data")); err == nil {
		t.Error("check made a data folder")
	}
}

// The real size, once: how long it takes is in docs/performance.md.
func TestCheckFortyThousand(t *testing.T) {
	if testing.Short() {
		return // the directory takes some seconds to fill
	}
	t.Parallel()
	slapd := ldap.Start(t, filepath.Join(t.TempDir(), "ldap"), 40_000)
	t.Cleanup(slapd.Stop)
	s := newSite(t, slapd, "")
	began := time.Now()
	out, code := s.run("", "check")
	t.Logf("%v:\n%s", time.Since(began), out)
	if code != 1 || !strings.Contains(out, "40030 people: ") || !strings.Contains(out, "reading the directory") {
		t.Errorf("exit code %d", code)
	}
	if lines := strings.Count(out, "\n"); lines > 40 {
		t.Errorf("%d lines are more than one screen", lines)
	}
}
