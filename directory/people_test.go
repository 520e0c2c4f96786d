package directory

import (
	"context"
	"errors"
	"strings"
	"testing"
)

// TestFind: what is searched is taken literally, people without an address here are left out, and the number is bounded.
func TestFind(t *testing.T) {
	t.Parallel()
	l, err := Open(config(t, slapd(t)))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	var some Entry
	for _, c := range []struct {
		words []string
		mail  string
		none  bool
	}{
		{mail: "a"}, {words: []string{"*"}, none: true}, {words: []string{")(uid=*"}, none: true}, {mail: "*", none: true}, {words: []string{"zzzz-nobody"}, none: true},
	} {
		found, err := l.Find(context.Background(), c.words, c.mail)
		if err != nil || (len(found) == 0) != c.none || len(found) > maxSearched {
			t.Errorf("%q %q: %d people, %v", c.words, c.mail, len(found), err)
		}
		if len(found) > 0 {
			some = found[0]
		}
	}
	if some.Name == "" {
		t.Fatal("nobody was found")
	}
	found, err := l.Find(context.Background(), strings.Fields(some.Name), some.Mail)
	if err != nil || len(found) != 1 || found[0].ID != some.ID {
		t.Errorf("by the whole name: %d people, %v", len(found), err)
	}
	p, err := l.Profile(context.Background(), some.Localpart, Attributes{Name: "displayName", Given: "givenName", Family: "sn"})
	if err != nil || p.Given == "" || p.Family == "" || p.Name != some.Name || p.ID != some.ID || p.Phone != "" {
		t.Errorf("profile: %v", err)
	}
	if _, err := l.Profile(context.Background(), "nobody.at.all", Attributes{}); !errors.Is(err, ErrNoSuchEntry) {
		t.Error(err)
	}
}
