package caps

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"protokoll/xmpp/frame"
)

// query is a disco#info answer.
func query(inner string) []byte {
	return []byte("<query xmlns='http://jabber.org/protocol/disco#info'>" + inner + "</query>")
}

// simple is the example of XEP-0115 §5.2, full that of §5.3.
const (
	simple = "<identity category='client' name='Exodus 0.9.1' type='pc'/>" +
		"<feature var='http://jabber.org/protocol/caps'/><feature var='http://jabber.org/protocol/disco#info'/>" +
		"<feature var='http://jabber.org/protocol/disco#items'/><feature var='http://jabber.org/protocol/muc'/>"
	simpleVer = "QgayPKawpkPSDYmwT/WM94uAlu0="
	full      = "<identity xml:lang='en' category='client' name='Psi 0.11' type='pc'/>" +
		"<identity xml:lang='el' category='client' name='Ψ 0.11' type='pc'/>" +
		"<feature var='http://jabber.org/protocol/caps'/><feature var='http://jabber.org/protocol/disco#info'/>" +
		"<feature var='http://jabber.org/protocol/disco#items'/><feature var='http://jabber.org/protocol/muc'/>" +
		"<x xmlns='jabber:x:data' type='result'><field var='FORM_TYPE' type='hidden'><value>urn:xmpp:dataforms:softwareinfo</value></field>" +
		"<field var='ip_version' type='text-multi'><value>ipv4</value><value>ipv6</value></field><field var='os'><value>Mac</value></field>" +
		"<field var='os_version'><value>10.5.1</value></field><field var='software'><value>Psi</value></field>" +
		"<field var='software_version'><value>0.11</value></field></x>"
	fullVer = "q07IKJEyjvHSyhy//CH0CxmKi8w="
)

func TestProves(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, inner, ver string
		want             bool
	}{
		{"XEP-0115 §5.2", simple, simpleVer, true},
		{"XEP-0115 §5.3", full, fullVer, true},
		{"another order", simple[strings.Index(simple, "<feature"):] + simple[:strings.Index(simple, "<feature")], simpleVer, true},
		{"one feature more", simple + "<feature var='x+notify'/>", simpleVer, false},
		{"XEP-0115 §5.4: a feature twice", simple + "<feature var='http://jabber.org/protocol/muc'/>", simpleVer, false},
		{"XEP-0115 §5.4: a form twice", full + full[strings.Index(full, "<x"):], fullVer, false},
		{"XEP-0115 §5.4: a form without a type does not count", full + "<x xmlns='jabber:x:data'><field var='a'/></x>", fullVer, true},
		{"another hash", simple, fullVer, false},
		// What is hashed is the same text as the simple example, with two features in one.
		{"XEP-0115 §10: a separator in a name", strings.Replace(simple,
			"<feature var='http://jabber.org/protocol/caps'/><feature var='http://jabber.org/protocol/disco#info'/>",
			"<feature var='http://jabber.org/protocol/caps&lt;http://jabber.org/protocol/disco#info'/>", 1), simpleVer, false},
	} {
		i, err := Read(query(c.inner))
		if err != nil || i.Proves(Claim{"sha-1", "n", c.ver}) != c.want {
			t.Error(c.name, err)
		}
	}
	i, _ := Read(query(simple))
	if i.Proves(Claim{"md5", "n", simpleVer}) || i.Proves(Claim{"", "n", simpleVer}) {
		t.Error("an unknown function proves something")
	}
}

func TestNotify(t *testing.T) {
	t.Parallel()
	i, err := Read(query(simple + "<feature var='a+notify'/><feature var='+notify'/><feature var='b+notify+x'/>"))
	if err != nil {
		t.Fatal(err)
	}
	if n := i.Notify(); !n.Wants("a") || n.Wants("") || n.Wants("b") || len(n.Nodes) != 1 {
		t.Error(n)
	}
	if i, _ := Read(query(simple)); i.Notify() != nil || i.Notify().Wants("a") {
		t.Error("asks for nothing, and gets something")
	}
}

// TestLimits: what is beyond them is not looked at. H71
func TestLimits(t *testing.T) {
	t.Parallel()
	many := func(n int, s string) string {
		var b strings.Builder
		for k := range n {
			fmt.Fprintf(&b, s, k)
		}
		return b.String()
	}
	form := "<x xmlns='jabber:x:data'><field var='FORM_TYPE'><value>f%d</value></field></x>"
	for _, c := range []struct {
		name, inner string
		want        error
	}{
		{"features", many(MaxFeatures, "<feature var='f%d'/>"), nil},
		{"one feature more", many(MaxFeatures+1, "<feature var='f%d'/>"), ErrTooLarge},
		{"identities", many(MaxIdentities, "<identity category='%d'/>"), nil},
		{"one identity more", many(MaxIdentities+1, "<identity category='%d'/>"), ErrTooLarge},
		{"forms", many(MaxForms, form), nil},
		{"one form more", many(MaxForms+1, form), ErrTooLarge},
		{"bytes", "<feature var='" + strings.Repeat("a", MaxInfoBytes-len(query("<feature var=''/>"))) + "'/>", nil},
		{"one byte more", "<feature var='" + strings.Repeat("a", MaxInfoBytes+1-len(query("<feature var=''/>"))) + "'/>", ErrTooLarge},
	} {
		if _, err := Read(query(c.inner)); !errors.Is(err, c.want) {
			t.Error(c.name, err)
		}
	}
	i, _ := Read(query(many(MaxNotify+1, "<feature var='f%d+notify'/>")))
	if n := len(i.Notify().Nodes); n != MaxNotify {
		t.Error(n, "nodes")
	}
	if _, err := Read([]byte("<query xmlns='x'/>")); !errors.Is(err, ErrMalformed) {
		t.Error(err)
	}
}

func TestOf(t *testing.T) {
	t.Parallel()
	for c, want := range map[string]bool{
		"<c xmlns='http://jabber.org/protocol/caps' hash='sha-1' node='n' ver='v'/>":                            true,
		"<c xmlns='http://jabber.org/protocol/caps' node='n' ver='v' ext='a b'/>":                               true, // the old format
		"<c xmlns='http://jabber.org/protocol/caps' hash='sha-1' node='n'/>":                                    false,
		"<c xmlns='http://jabber.org/protocol/caps' hash='sha-1' ver='v'/>":                                     false,
		"<c xmlns='x' hash='sha-1' node='n' ver='v'/>":                                                          false,
		"<c xmlns='http://jabber.org/protocol/caps' node='n' ver='" + strings.Repeat("v", maxAttribute) + "'/>": false,
	} {
		f, err := frame.Parse([]byte("<presence>"+c+"</presence>"), frame.NSClient, frame.AfterLogin())
		if err != nil {
			t.Fatal(err)
		}
		claim, ok := Of(&f)
		if ok != want || ok && claim.Query() != "n#v" {
			t.Error(c, claim)
		}
	}
}

// TestCache: a lie counts for nobody, and a million hashes take the room of a few thousand. What is asked for stays.
func TestCache(t *testing.T) {
	t.Parallel()
	c := NewCache(10)
	good, _ := Read(query(full + "<feature var='a+notify'/>"))
	if c.Put(Claim{"sha-1", "n", simpleVer}, good) || c.Len() != 0 {
		t.Error("a lie is remembered")
	}
	honest, _ := Read(query(simple))
	claim := Claim{"sha-1", "n", simpleVer}
	if !c.Put(claim, honest) {
		t.Fatal("the truth is not remembered")
	}
	for k := range 1_000_000 / 100 {
		c.put(key{"sha-1", fmt.Sprint(k)}, nil)
		if n, ok := c.Get(claim); !ok || n != nil {
			t.Fatal("forgotten after", k)
		}
	}
	if c.Len() > 20 {
		t.Error(c.Len(), "hashes")
	}
	if _, ok := c.Get(Claim{"sha-256", "n", simpleVer}); ok {
		t.Error("another function, the same hash")
	}
}

func FuzzRead(f *testing.F) {
	f.Add(simple, simpleVer)
	f.Add(full, fullVer)
	f.Add("<feature var='a+notify'/><x xmlns='jabber:x:data'><field var='FORM_TYPE'/></x>", "")
	f.Fuzz(func(t *testing.T, inner, ver string) {
		i, err := Read(query(inner))
		if err != nil {
			return
		}
		i.Proves(Claim{"sha-256", "n", ver})
		if n := i.Notify(); n != nil && len(n.Nodes) > MaxNotify {
			t.Fatal("too many nodes")
		}
	})
}
