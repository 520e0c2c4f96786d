package rights_test

import (
	"fmt"
	"slices"
	"testing"

	"protokoll/accounts"
	"protokoll/schemas"
)

func TestRestrict(t *testing.T) {
	t.Parallel()
	w := found(t)
	w.add(accounts.NewAccount{Localpart: "anna"})
	for _, want := range []bool{true, false} {
		got, err := w.rights.Restrict(t.Context(), staff, domain, "anna")
		w.check(err)
		if got.Changed != want || got.Since.IsZero() {
			t.Errorf("restrict: %+v", got)
		}
	}
	if w.find("anna").Restricted.IsZero() {
		t.Error("not restricted")
	}
	w.again()
	if w.find("anna").Restricted.IsZero() {
		t.Error("not restricted after a start")
	}
	listed := 0
	w.check(w.accounts.List(func(a accounts.Account) error {
		if !a.Restricted.IsZero() {
			listed++
		}
		return nil
	}))
	if listed != 1 {
		t.Errorf("%d restricted accounts are listed", listed)
	}
	for _, want := range []bool{true, false} {
		got, err := w.rights.Unrestrict(t.Context(), staff, domain, "anna")
		w.check(err)
		if got.Changed != want {
			t.Errorf("unrestrict: %+v", got)
		}
	}
	if !w.find("anna").Restricted.IsZero() {
		t.Error("still restricted")
	}
	w.ordered("RESTRICTION", "RESTRICTION_LIFTED")
	if want := []string{"root restrict asked for  1", "root restrict asked for it was restricted already 1",
		"root unrestrict asked for  1", "root unrestrict asked for it was not restricted 1"}; !slices.Equal(w.audited, want) {
		t.Errorf("audited %q", w.audited)
	}
}

func TestObject(t *testing.T) {
	t.Parallel()
	w := found(t)
	w.add(accounts.NewAccount{Localpart: "anna"})
	object := func(kind schemas.ObjectionKind, withdraw, want bool) {
		t.Helper()
		got, err := w.rights.Object(t.Context(), staff, domain, "anna", kind, withdraw)
		w.check(err)
		if got.Changed != want {
			t.Errorf("%s, withdrawn %v: %+v", kind, withdraw, got)
		}
	}
	search, photo := schemas.ObjectionKind_SEARCH, schemas.ObjectionKind_DIRECTORY_PHOTO
	object(search, true, false)
	object(search, false, true)
	object(search, false, false)
	object(photo, false, true)
	w.again()
	if all, err := w.rights.Objections(w.find("anna")); err != nil || len(all) != 2 {
		t.Errorf("%v, %v", all, err)
	}
	object(search, true, true)
	object(search, true, false)
	if all, err := w.rights.Objections(w.find("anna")); err != nil || len(all) != 1 || all[0].Kind != photo {
		t.Errorf("%v, %v", all, err)
	}
	w.ordered("OBJECTION SEARCH", "OBJECTION DIRECTORY_PHOTO", "OBJECTION_WITHDRAWN SEARCH")
}

func (w *town) ordered(want ...string) {
	w.t.Helper()
	var got []string
	for _, o := range w.orders() {
		text := o.GetKind().String()
		if o.GetObjection() != 0 {
			text += " " + o.GetObjection().String()
		}
		got = append(got, text)
	}
	if !slices.Equal(got, want) {
		w.t.Errorf("ordered %q, want %q", got, want)
	}
}

func TestRectify(t *testing.T) {
	t.Parallel()
	w := withAnna(t)
	all, err := w.rights.Rectify(t.Context(), staff, domain, "anna")
	w.check(err)
	if len(all) != 5 || len(w.audited) != 1 {
		t.Errorf("%d kinds, audited %q", len(all), w.audited)
	}
	for _, v := range all {
		if v.Facts == 0 || len(v.Origins) == 0 || v.Newest.IsZero() || v.Where == "" {
			t.Errorf("%+v", v)
		}
	}
	if got := fmt.Sprint(all[0].Origins); got != "[staff]" {
		t.Errorf("the account comes from %s", got)
	}
}
