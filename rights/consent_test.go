package rights_test

import (
	"testing"
	"time"

	"protokoll/accounts"
	"protokoll/schemas"
)

// TestBeFound: who said yes is found, who said no is not, whatever is usual; who said nothing as is usual. The newest word counts,
// also after a start, and a no is an objection that a restored backup obeys.
func TestBeFound(t *testing.T) {
	t.Parallel()
	w := found(t)
	w.add(accounts.NewAccount{Localpart: "anna"})
	is := func(optIn, optOut bool) {
		t.Helper()
		for usual, want := range map[bool]bool{false: optIn, true: optOut} {
			if got, err := w.rights.MayBeFound(w.find("anna"), usual); err != nil || got != want {
				t.Errorf("usual %v: found %v, want %v, %v", usual, got, want, err)
			}
		}
	}
	says := func(yes bool) {
		t.Helper()
		w.check(w.rights.BeFound(t.Context(), staff, domain, "anna", yes))
	}
	is(false, true)
	says(true)
	is(true, true)
	since, err := w.rights.Allowed(w.find("anna"), schemas.ConsentKind_FOUND)
	if err != nil || !since.Equal(w.now.Truncate(time.Millisecond)) {
		t.Errorf("allowed since %v, want %v, %v", since, w.now, err)
	}
	w.again()
	is(true, true)
	says(false)
	is(false, false)
	says(false)
	is(false, false)
	w.again()
	is(false, false)
	says(true)
	is(true, true)
	w.ordered("OBJECTION SEARCH", "OBJECTION_WITHDRAWN SEARCH")

	// An objection counts whatever was allowed.
	_, err = w.rights.Object(t.Context(), staff, domain, "anna", schemas.ObjectionKind_SEARCH, false)
	w.check(err)
	is(false, false)
	says(true)
	_, err = w.rights.Restrict(t.Context(), staff, domain, "anna")
	w.check(err)
	is(false, false)
}
