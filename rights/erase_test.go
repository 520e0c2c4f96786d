package rights_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"protokoll/accounts"
	"protokoll/eventlog"
	"protokoll/eventlog/seal"
	"protokoll/rights"
	"protokoll/schemas"
)

// errKilled is what ends an erasure in the middle.
var errKilled = errors.New("killed")

// anna has contacts of every kind, here and elsewhere, and facts in every lane that state keeps.
func withAnna(t testing.TB, change ...func(*rights.Config)) *town {
	w := found(t, change...)
	w.add(accounts.NewAccount{Localpart: "anna", DirectoryID: "entry-1"}, accounts.NewAccount{Localpart: "bert", DirectoryID: "entry-2"},
		accounts.NewAccount{Localpart: "cleo"}, accounts.NewAccount{Localpart: "dora"}, accounts.NewAccount{Localpart: "emil"})
	request := func(from, to string) []byte {
		return []byte("<presence from='" + from + "@" + domain + "' to='" + to + "@" + domain + "' type='subscribe'/>")
	}
	w.states("anna",
		item("bert@"+domain, schemas.Subscription_BOTH),
		item("cleo@"+domain, schemas.Subscription_NONE, func(m *schemas.RosterItem) { m.Ask = true }),
		item("dora@"+domain, schemas.Subscription_NONE, func(m *schemas.RosterItem) { m.Request, m.Listed = request("dora", "anna"), false }),
		item("emil@"+domain, schemas.Subscription_FROM),
		item("zoe@elsewhere.example", schemas.Subscription_BOTH),
		item("yann@elsewhere.example", schemas.Subscription_TO),
		item("nobody@"+domain, schemas.Subscription_BOTH),
		eventlog.Set("vcard", &schemas.VCard{Vcard: []byte("<vCard xmlns='vcard-temp'><FN>needleword</FN></vCard>")}),
		eventlog.Set("last", &schemas.LastLogin{SignedIn: 1, SignedOut: 2}),
		eventlog.Set("letter", &schemas.OfflineMessage{Stanza: []byte("<message/>")}),
	)
	w.states("bert", item("anna@"+domain, schemas.Subscription_BOTH))
	w.states("cleo", item("anna@"+domain, schemas.Subscription_NONE, func(m *schemas.RosterItem) { m.Request, m.Listed = request("anna", "cleo"), false }))
	w.states("dora", item("anna@"+domain, schemas.Subscription_NONE, func(m *schemas.RosterItem) { m.Ask = true }))
	w.states("emil", item("anna@"+domain, schemas.Subscription_TO), eventlog.Set("anna@"+domain, &schemas.BlockedAddress{Address: "anna@" + domain}))
	return w
}

var staff = rights.By{Actor: "root", Reason: "asked for"}

func (w *town) eraseAnna() (rights.Receipt, error) {
	return w.rights.Erase(w.t.Context(), staff, domain, "anna")
}

// gone checks what has to be so after anna was erased, however that came about.
func (w *town) gone(anna accounts.Account) {
	w.t.Helper()
	t, id := w.t, anna.Owner.ID()
	if _, err := w.accounts.Find(domain, "anna"); !errors.Is(err, accounts.ErrNoAccount) {
		t.Errorf("find: %v", err)
	}
	if _, err := w.keys.Owner(id); !errors.Is(err, seal.ErrForgotten) {
		t.Errorf("key: %v", err)
	}
	for n := range schemas.Family_name {
		if facts, err := w.state.Facts(id, schemas.Family(n)); err == nil && len(facts) > 0 {
			t.Errorf("%d facts of %s are left", len(facts), schemas.Family(n))
		}
	}
	for _, lane := range []eventlog.Lane{eventlog.Now, eventlog.Inbox, eventlog.Lasting, eventlog.Archive} {
		all := w.events(lane, id)
		if len(all) == 0 || all[len(all)-1].Envelope.GetOp() != schemas.Op_CLOSE {
			t.Errorf("lane %s does not end with a close", lane)
		}
	}
	w.contactsTold()
	orders := w.orders()
	if len(orders) != 1 || orders[0].GetKind() != schemas.OrderKind_ERASURE || string(orders[0].GetOwner()) != string(id[:]) {
		t.Fatalf("orders: %v", orders)
	}
	counts := map[schemas.Family]uint64{}
	for _, e := range orders[0].GetErased() {
		counts[e.GetFamily()] = e.GetFacts()
	}
	want := map[schemas.Family]uint64{schemas.Family_ACCOUNT_FACTS: 1, schemas.Family_SESSION_FACTS: 1, schemas.Family_ROSTER_FACTS: 7,
		schemas.Family_OFFLINE_FACTS: 1, schemas.Family_PROFILE_FACTS: 1}
	if fmt.Sprint(counts) != fmt.Sprint(want) {
		t.Errorf("erased %v, want %v", counts, want)
	}
}

func (w *town) contactsTold() {
	w.t.Helper()
	for name, want := range map[string]string{
		"bert": "NONE ask=false listed=true request=false",
		"cleo": "",
		"dora": "NONE ask=false listed=true request=false",
		"emil": "NONE ask=false listed=true request=false",
	} {
		got := ""
		if i := w.rosterOf(name)["anna@"+domain]; i != nil {
			got = fmt.Sprintf("%v ask=%v listed=%v request=%v", i.GetSubscription(), i.GetAsk(), i.GetListed(), len(i.GetRequest()) > 0)
		}
		if got != want {
			w.t.Errorf("%s's roster says %q, want %q", name, got, want)
		}
	}
	blocked, err := w.state.Facts(w.find("emil").Owner.ID(), schemas.Family_BLOCK_FACTS)
	if err != nil || len(blocked) != 1 {
		w.t.Errorf("emil's block list: %d, %v", len(blocked), err)
	}
	from := "elsewhere.example <presence from='anna@" + domain + "' to='"
	want := []string{
		from + "yann@elsewhere.example' type='unsubscribe'/>",
		from + "zoe@elsewhere.example' type='unsubscribe'/>",
		from + "zoe@elsewhere.example' type='unsubscribed'/>",
		from + "zoe@elsewhere.example' type='unavailable'/>",
	}
	if got := w.outbox(); !slices.Equal(got, want) {
		w.t.Errorf("outbox:\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestErase(t *testing.T) {
	t.Parallel()
	w := withAnna(t)
	anna := w.find("anna")
	sealed := w.events(eventlog.Lasting, anna.Owner.ID())
	plan, err := w.rights.Plan(domain, "anna")
	w.check(err)
	if plan.Here != 5 || plan.Elsewhere != 2 || plan.Begun || plan.Local {
		t.Errorf("plan: %+v", plan)
	}
	r, err := w.eraseAnna()
	w.check(err)
	w.gone(anna)
	if w.nudged != 1 || len(w.audited) != 1 || w.audited[0] != "root erase asked for  1" {
		t.Errorf("nudged %d times, audited %q", w.nudged, w.audited)
	}
	for _, name := range []string{"anna", domain, "bert", "entry-1"} {
		if strings.Contains(r.Text, name) {
			t.Errorf("the receipt holds %q:\n%s", name, r.Text)
		}
	}
	if !strings.Contains(r.Text, "erased in all: 11\n") || r.Here != 5 || r.Elsewhere != 2 {
		t.Errorf("receipt: %s", r.Text)
	}
	// Nothing on disk opens what is still in the log.
	w.again()
	w.gone(anna)
	if len(sealed) == 0 {
		t.Error("nothing was sealed")
	}

	// Asking twice is said and does no harm.
	if _, err := w.eraseAnna(); !errors.Is(err, rights.ErrErased) {
		t.Errorf("again: %v", err)
	}
	if _, err := w.rights.Erase(t.Context(), staff, domain, "nobody"); !errors.Is(err, accounts.ErrNoAccount) {
		t.Errorf("nobody: %v", err)
	}
	w.gone(anna)
}

// A kill before any step, and once more before the same step of the next start: the start after that finishes.
func TestEraseFinishedAfterAKill(t *testing.T) {
	t.Parallel()
	for step := range rights.Steps {
		t.Run(fmt.Sprintf("step %d", step), func(t *testing.T) {
			t.Parallel()
			kills := 0
			killing := func(c *rights.Config) {
				c.Before = func(s rights.Step) error {
					if s == step {
						kills++
						return errKilled
					}
					return nil
				}
			}
			w := withAnna(t, killing)
			anna := w.find("anna")
			if _, err := w.eraseAnna(); !errors.Is(err, errKilled) {
				t.Fatalf("got %v", err)
			}
			w.again(killing)
			if _, err := w.rights.Finish(t.Context()); step > rights.StepShut && step < rights.StepForget && !errors.Is(err, errKilled) {
				t.Fatalf("second start: %v", err)
			}
			w.again()
			finished, err := w.rights.Finish(t.Context())
			w.check(err)
			if step == rights.StepShut { // it never began
				if a := w.find("anna"); !a.Closing.IsZero() || finished != 0 {
					t.Fatalf("closing %v, finished %d", a.Closing, finished)
				}
				_, err := w.eraseAnna()
				w.check(err)
			}
			w.gone(anna)
			if finished, err := w.rights.Finish(t.Context()); err != nil || finished != 0 {
				t.Errorf("finished once more: %d, %v", finished, err)
			}
			w.released()
		})
	}
}

// released checks that nothing says any more who had the address.
func (w *town) released() {
	w.t.Helper()
	server := w.keys.Server()
	facts, err := w.state.Facts(server.ID(), schemas.Family_ACCOUNT_FACTS)
	w.check(err)
	if len(facts) != 1 {
		w.t.Fatalf("%d reservations", len(facts))
	}
	m, err := eventlog.Open(server, facts[0].About, facts[0].Sealed)
	w.check(err)
	if v := m.(*schemas.AddressReserved); len(v.GetErasing()) > 0 || len(v.GetDirectoryHandle()) == 0 || v.GetUntil() == 0 {
		w.t.Errorf("reservation: %v", v)
	}
}

// In the same process a repeated command goes on where the first one failed.
func TestEraseRepeatedAfterAFault(t *testing.T) {
	t.Parallel()
	for step := rights.StepTellHere; step <= rights.StepClose; step++ {
		t.Run(fmt.Sprintf("step %d", step), func(t *testing.T) {
			t.Parallel()
			failed := false
			w := withAnna(t, func(c *rights.Config) {
				c.Before = func(s rights.Step) error {
					if s == step && !failed {
						failed = true
						return errKilled
					}
					return nil
				}
			})
			anna := w.find("anna")
			if _, err := w.eraseAnna(); !errors.Is(err, errKilled) {
				t.Fatalf("got %v", err)
			}
			if _, err := w.rights.Restrict(t.Context(), staff, domain, "anna"); !errors.Is(err, rights.ErrClosing) {
				t.Errorf("restrict meanwhile: %v", err)
			}
			plan, err := w.rights.Plan(domain, "anna")
			if err != nil || !plan.Begun {
				t.Errorf("plan: %+v, %v", plan, err)
			}
			_, err = w.eraseAnna()
			w.check(err)
			w.gone(anna)
		})
	}
}

// F55: a namesake does not get the address while it is kept free; the same entry does, and starts from nothing.
func TestFreedAddress(t *testing.T) {
	t.Parallel()
	w := withAnna(t)
	old := w.find("anna")
	_, err := w.eraseAnna()
	w.check(err)
	for name, n := range map[string]accounts.NewAccount{
		"another entry": {Localpart: "anna", Domain: domain, DirectoryID: "entry-9"},
		"local":         {Localpart: "anna", Domain: domain},
	} {
		if err := w.accounts.Open(t.Context(), schemas.Cause_DIRECTORY, n); !errors.Is(err, accounts.ErrReserved) {
			t.Errorf("%s: %v", name, err)
		}
	}
	w.add(accounts.NewAccount{Localpart: "anna", DirectoryID: "entry-1"})
	if a := w.find("anna"); a.Owner.ID() == old.Owner.ID() || len(w.rosterOf("anna")) != 0 {
		t.Error("the account did not start from nothing")
	}
	// Erased again, and the time is over: the address is free.
	_, err = w.eraseAnna()
	w.check(err)
	w.now = w.now.Add(24*time.Hour - time.Millisecond)
	if err := w.accounts.Open(t.Context(), schemas.Cause_STAFF, accounts.NewAccount{Localpart: "anna", Domain: domain}); !errors.Is(err, accounts.ErrReserved) {
		t.Errorf("a moment too early: %v", err)
	}
	w.now = w.now.Add(time.Millisecond)
	if until, err := w.accounts.Reserved(domain, "anna"); err != nil || !until.IsZero() {
		t.Errorf("reserved until %v, %v", until, err)
	}
	ends, err := w.accounts.Lapsed()
	if err != nil || len(ends) != 1 {
		t.Errorf("%d reservations are over, %v", len(ends), err)
	}
	w.add(accounts.NewAccount{Localpart: "anna"})
	w.again()
	w.find("anna")
}

// Who has a subscription with the person that the person's roster does not know of is told as well: its item says afterwards that
// there is none. What they call the person stays theirs, and so does an item without a subscription.
func TestEraseTellsWhoListsThePerson(t *testing.T) {
	t.Parallel()
	w := found(t)
	w.add(accounts.NewAccount{Localpart: "anna"}, accounts.NewAccount{Localpart: "both"}, accounts.NewAccount{Localpart: "asks"},
		accounts.NewAccount{Localpart: "asked"}, accounts.NewAccount{Localpart: "listed"}, accounts.NewAccount{Localpart: "other"},
		accounts.NewAccount{Localpart: "half"})
	anna := "anna@" + domain
	w.states("anna", item("half@"+domain, schemas.Subscription_TO))
	w.states("half", item(anna, schemas.Subscription_BOTH)) // the person's roster knows of one direction only
	w.states("both", item(anna, schemas.Subscription_BOTH, func(m *schemas.RosterItem) { m.Name = "Annchen" }))
	w.states("asks", item(anna, schemas.Subscription_NONE, func(m *schemas.RosterItem) { m.Ask = true }))
	w.states("asked", item(anna, schemas.Subscription_NONE, func(m *schemas.RosterItem) {
		m.Listed, m.Request = false, []byte("<presence from='"+anna+"' to='asked@"+domain+"' type='subscribe'/>")
	}))
	w.states("listed", item(anna, schemas.Subscription_NONE))
	w.states("other", item("both@"+domain, schemas.Subscription_BOTH))
	r, err := w.eraseAnna()
	w.check(err)
	if r.Here != 4 {
		t.Errorf("%d were told, want 4", r.Here)
	}
	w.again()
	for name, items := range map[string]int{"half": 1, "both": 1, "asks": 1, "asked": 0, "listed": 1} {
		all := w.rosterOf(name)
		if len(all) != items {
			t.Errorf("%s has %d items, want %d", name, len(all), items)
		}
		for _, i := range all {
			if i.GetSubscription() != schemas.Subscription_NONE || i.GetAsk() || len(i.GetRequest()) > 0 {
				t.Errorf("%s still has %v", name, i)
			}
			if name == "both" && i.GetName() != "Annchen" {
				t.Errorf("%s calls the person %q", name, i.GetName())
			}
		}
	}
	if all := w.rosterOf("other"); len(all) != 1 || all["both@"+domain].GetSubscription() != schemas.Subscription_BOTH {
		t.Errorf("another subscription became %v", all)
	}
}

// Who comes to list the person at the moment at which the erasure begins is found too: the account is shut first, on disk, and only then
// anybody looks, at all that was appended until then. What comes later finds no such account.
func TestEraseTellsWhoListsThePersonMeanwhile(t *testing.T) {
	t.Parallel()
	var w *town
	late := func(c *rights.Config) {
		c.Before = func(s rights.Step) error {
			if s == rights.StepTellHere {
				w.states("late", item("anna@"+domain, schemas.Subscription_BOTH))
			}
			return nil
		}
	}
	w = withAnna(t, late)
	w.add(accounts.NewAccount{Localpart: "late"})
	_, err := w.eraseAnna()
	w.check(err)
	if i := w.rosterOf("late")["anna@"+domain]; i == nil || i.GetSubscription() != schemas.Subscription_NONE {
		t.Errorf("late still has %v", i)
	}
}
