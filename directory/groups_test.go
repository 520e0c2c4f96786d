package directory

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"

	ber "github.com/go-asn1-ber/asn1-ber"
	"github.com/go-ldap/ldap/v3"

	ldaptest "protokoll/test/ldap"
)

const groupsDN = "ou=groups," + ldaptest.BaseDN

// addGroup makes a group in a directory.
func addGroup(t testing.TB, s *ldaptest.Server, name, class, attribute string, members ...string) {
	t.Helper()
	c, err := ldap.DialURL(s.SecureURL(), ldap.DialWithTLSConfig(&tls.Config{InsecureSkipVerify: true}))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.Bind(ldaptest.AdminDN, ldaptest.AdminPassword); err != nil {
		t.Fatal(err)
	}
	add := ldap.NewAddRequest("cn="+name+","+groupsDN, nil)
	add.Attribute("objectClass", []string{class})
	add.Attribute("cn", []string{name})
	add.Attribute(attribute, members)
	if err := c.Add(add); err != nil {
		t.Fatal(err)
	}
}

func uid(n int) string {
	letter := "s"
	if n%5 == 0 {
		letter = "m"
	}
	return fmt.Sprintf("%s%06d", letter, n)
}

func personDN(n int) string { return "uid=" + uid(n) + "," + ldaptest.PeopleDN }

// TestGroups: members are found one by one and by reading everybody, spelt in any way; who has no clear address, is locked, is no
// person or is not there is left out.
func TestGroups(t *testing.T) {
	t.Parallel()
	s := ldaptest.Start(t, t.TempDir(), 250)
	t.Cleanup(s.Stop)
	nobody := []string{"uid=gone," + ldaptest.PeopleDN, "cn=xmpp,ou=services," + ldaptest.BaseDN, "uid=n011," + ldaptest.PeopleDN,
		"uid=n013," + ldaptest.PeopleDN, "uid=n014," + ldaptest.PeopleDN, "uid=n010," + ldaptest.PeopleDN, "cn=few," + groupsDN}
	addGroup(t, s, "few", "groupOfNames", "member", append(nobody, personDN(0), strings.ToUpper(personDN(1)), strings.ReplaceAll(personDN(2), ",", ", "))...)
	many := nobody
	for n := range 250 {
		many = append(many, personDN(n))
	}
	addGroup(t, s, "many", "groupOfNames", "member", many...)
	l := open(t, config(t, s))
	groups, err := l.Groups(context.Background(), GroupSearch{BaseDN: "cn=few," + groupsDN})
	if err != nil || len(groups) != 1 || groups[0].Name != "few" || len(groups[0].Members) != 3 {
		t.Fatalf("few: %d groups, %v", len(groups), err)
	}
	for _, m := range groups[0].Members {
		if m.Localpart == "" || m.ID == "" || m.Name == "" {
			t.Error("a member says too little")
		}
	}
	groups, err = l.Groups(context.Background(), GroupSearch{BaseDN: groupsDN})
	if err != nil || len(groups) != 2 {
		t.Fatalf("all: %d groups, %v", len(groups), err)
	}
	for _, g := range groups {
		if want := map[string]int{"few": 3, "many": 250}[g.Name]; len(g.Members) != want {
			t.Errorf("%s has %d members, want %d", g.Name, len(g.Members), want)
		}
	}
	if _, err := l.Groups(context.Background(), GroupSearch{BaseDN: "ou=nowhere," + ldaptest.BaseDN}); !errors.Is(err, ErrUnavailable) {
		t.Error("a base that is not there:", err)
	}
	groups, err = l.Groups(context.Background(), GroupSearch{BaseDN: groupsDN, Filter: "(cn=none)"})
	if err != nil || len(groups) != 0 {
		t.Error("no group:", len(groups), err)
	}
	// By a value instead of a DN, as posixGroup has it. Any attribute will do for that.
	groups, err = l.Groups(context.Background(), GroupSearch{BaseDN: ldaptest.PeopleDN, Filter: "(uid=m000000)", MemberAttribute: "uid", MemberKey: "uid",
		NameAttribute: "displayName"})
	if err != nil || len(groups) != 1 || len(groups[0].Members) != 1 || groups[0].Members[0].Localpart != "anna.mueller" {
		t.Error("by value:", len(groups), err)
	}
}

// TestRangedMembers: a server that gives members in pieces is asked for the rest, and one that never ends is not.
func TestRangedMembers(t *testing.T) {
	t.Parallel()
	const all, piece = 3500, 1500
	from, asked := 0, 0
	answers := func(total int) hostile {
		return hostile{search: func(id int64) []byte {
			asked++
			if asked == 1 {
				from = 0
			}
			last := from + piece - 1
			bounds := fmt.Sprintf("member;range=%d-%d", from, last)
			if last >= total-1 {
				last, bounds = total-1, fmt.Sprintf("member;range=%d-*", from)
			}
			values := ber.Encode(ber.ClassUniversal, ber.TypeConstructed, ber.TagSet, nil, "")
			for n := from; n <= last; n++ {
				values.AppendChild(text("uid=x" + strconv.Itoa(n) + ",dc=example"))
			}
			from = last + 1
			return append(foundSet(id, "cn=g,dc=example", map[string]*ber.Packet{"cn": set("g"), bounds: values}), done(id)...)
		}}
	}
	l := open(t, answers(all).serve(t))
	c, _, err := l.search.fresh(context.Background())
	if err != nil || c == nil {
		t.Fatal(err)
	}
	defer c.close()
	g := GroupSearch{BaseDN: "dc=example"}
	g.setDefaults()
	found, err := l.groupEntries(context.Background(), c, g)
	if err != nil || len(found) != 1 || len(found[0].members) != all || asked != 3 {
		t.Fatalf("%d groups, %d questions, %v", len(found), asked, err)
	}
	seen := map[string]bool{}
	for _, m := range found[0].members {
		seen[m] = true
	}
	if len(seen) != all || !seen["uid=x3499,dc=example"] {
		t.Errorf("%d members", len(seen))
	}
	asked = 0
	if _, err := l.groupEntries(context.Background(), c, GroupSearch{BaseDN: "dc=example", Filter: "(a=b)", MemberAttribute: "other", NameAttribute: "cn"}); err != nil {
		t.Error(err)
	}
	endless := open(t, answers(1<<30).serve(t))
	c, _, err = endless.search.fresh(context.Background())
	if err != nil || c == nil {
		t.Fatal(err)
	}
	defer c.close()
	asked = 0
	if _, err := endless.groupEntries(context.Background(), c, g); !errors.Is(err, ErrGroupTooLarge) && !errors.Is(err, ErrUnavailable) {
		t.Error("without an end:", err)
	}
}

func set(values ...string) *ber.Packet {
	s := ber.Encode(ber.ClassUniversal, ber.TypeConstructed, ber.TagSet, nil, "")
	for _, v := range values {
		s.AppendChild(text(v))
	}
	return s
}

// foundSet is an entry whose attributes have any number of values.
func foundSet(id int64, dn string, attributes map[string]*ber.Packet) []byte {
	op := ber.Encode(ber.ClassApplication, ber.TypeConstructed, ldap.ApplicationSearchResultEntry, nil, "")
	op.AppendChild(text(dn))
	list := ber.Encode(ber.ClassUniversal, ber.TypeConstructed, ber.TagSequence, nil, "")
	for name, values := range attributes {
		one := ber.Encode(ber.ClassUniversal, ber.TypeConstructed, ber.TagSequence, nil, "")
		one.AppendChild(text(name))
		one.AppendChild(values)
		list.AppendChild(one)
	}
	op.AppendChild(list)
	return message(id, op)
}
