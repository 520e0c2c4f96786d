package config

import (
	"strings"
	"testing"
	"time"
)

// TestDirectoryShown: the tables for vCards and groups are off unless they are there, have defaults, and every fault in them has its
// line and its key.
func TestDirectoryShown(t *testing.T) {
	t.Parallel()
	const head = "data = \"d\"\n[[domain]]\nname = \"a.example\"\ncertificate = \"c\"\nkey = \"k\"\n[domain.directory]\nurls = [\"ldaps://l\"]\n" +
		"bind_dn = \"cn=x\"\npassword_file = \"p\"\nbase_dn = \"dc=x\"\n[[domain.directory.rule]]\nmail_domain = \"x.example\"\n"
	c, err := Parse("f.toml", []byte(head))
	if err != nil {
		t.Fatal(err)
	}
	if d := c.Domain[0].Directory; d.VCard != nil || d.Group != nil {
		t.Error("shown without being asked for")
	}
	c, err = Parse("f.toml", []byte(head+"[domain.directory.vcard]\nphone = \"\"\n[[domain.directory.group]]\nbase = \"ou=g\"\n"))
	if err != nil {
		t.Fatal(err)
	}
	if v := c.Domain[0].Directory.VCard; v.Photo != "jpegPhoto" || v.Phone != "" || v.Refresh != time.Hour {
		t.Errorf("%+v", v)
	}
	if g := c.Domain[0].Directory.Group[0]; g.Member != "member" || g.Name != "cn" || g.Refresh != 15*time.Minute || g.Filter == "" {
		t.Errorf("%+v", g)
	}
	_, err = Parse("f.toml", []byte(head+"[domain.directory.vcard]\nphoto = \"jpeg(photo\"\nrefresh = \"999ms\"\nfax = \"x\"\n"+
		"[[domain.directory.group]]\nfilter = \"cn=x\"\nmember = \"\"\nmember_key = \"a b\"\ntitle = \""+strings.Repeat("x", maxGroupTitle+1)+"\"\n"+
		"[[domain.directory.group]]\nbase = \"groups\"\nname = \"cn)\"\nrefresh = \"0s\"\n"))
	if err == nil {
		t.Fatal("no fault")
	}
	for _, want := range []string{
		"f.toml:14: domain[1].directory.vcard.photo: is no name", "f.toml:15: domain[1].directory.vcard.refresh: must be at least 1s", "f.toml:16: domain[1].directory.vcard.fax",
		"domain[1].directory.group[1].base: is missing", "f.toml:18: domain[1].directory.group[1].filter: must be a filter", "f.toml:19: domain[1].directory.group[1].member: is no name",
		"f.toml:20: domain[1].directory.group[1].member_key", "f.toml:21: domain[1].directory.group[1].title: must not be longer than 1023 bytes",
		"f.toml:23: domain[1].directory.group[2].base: must be a DN", "f.toml:24: domain[1].directory.group[2].name", "f.toml:25: domain[1].directory.group[2].refresh",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("missing: %s", want)
		}
	}
	if t.Failed() {
		t.Log(err)
	}
}
