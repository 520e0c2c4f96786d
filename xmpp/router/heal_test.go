package router

import (
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"protokoll/eventlog"
	"protokoll/schemas"
)

// believe writes what one side of a subscription holds, as a kill between the two facts leaves it.
func (f *fixture) believe(owner, contact string, s schemas.Subscription) {
	owners, err := keybook()
	if err != nil {
		f.t.Fatalf("keys: %v", err)
	}
	contact += "@example.org"
	f.log.mu.Lock()
	defer f.log.mu.Unlock()
	f.log.store(eventlog.Command{Owner: owners[owner], Facts: []eventlog.Fact{
		eventlog.Set(contact, &schemas.RosterItem{Contact: contact, Subscription: s, Listed: true})}})
}

const rosterQuery = "<iq type='get' id='roster'><query xmlns='jabber:iq:roster'/></iq>"

// TestHeal is F43: the sides of a subscription that a kill left apart agree again when both are here.
func TestHeal(t *testing.T) {
	t.Parallel()
	for name, s := range map[string]schemas.Subscription{"believes to be seen": schemas.Subscription_FROM, "believes to see": schemas.Subscription_TO} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			defer f.Close()
			f.believe("anna", "bert", s)
			bert := f.bind("bert", "phone", false)
			bert.send(rosterQuery)
			bert.send("<presence/>")
			anna := f.bind("anna", "desk", false)
			anna.send(rosterQuery)
			anna.send("<presence><status>hello</status></presence>")
			f.await(anna, "<item jid='bert@example.org' subscription='none'/>")
			f.settleLater()
			if all := strings.Join(bert.all, "\n"); strings.Contains(all, "hello") {
				t.Errorf("shown to who did not ask: %s", all)
			}
		})
	}
}

// TestLookAgain is F43: a contact whose roster was in use or had just changed when somebody came online is looked at again.
func TestLookAgain(t *testing.T) {
	t.Parallel()
	var ahead atomic.Int64
	f := newFixture(t, func(c *Config) {
		c.Clock = func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
	})
	defer f.Close()
	f.believe("anna", "bert", schemas.Subscription_FROM)
	bert := f.bind("bert", "phone", false)
	bert.send(rosterQuery)
	bert.send("<presence/>")
	bert.send("<iq type='set' id='s'><query xmlns='jabber:iq:roster'><item jid='cleo@example.org'/></query></iq>")
	f.settleLater()
	anna := f.bind("anna", "desk", false)
	anna.send(rosterQuery)
	anna.send("<presence/>")
	f.settleLater()
	f.lookAgain()
	f.settleLater()
	if strings.Contains(strings.Join(anna.all, ""), "subscription='none'") {
		t.Fatal("healed while the roster may be changing")
	}
	ahead.Store(int64(2 * healAfter))
	f.lookAgain()
	f.await(anna, "<item jid='bert@example.org' subscription='none'/>")
}

// TestNotHealedTooSoon: a subscription that is just being made is not taken for broken.
func TestNotHealedTooSoon(t *testing.T) {
	t.Parallel()
	now := time.Now()
	f := newFixture(t, func(c *Config) { c.Clock = func() time.Time { return now } })
	defer f.Close()
	anna, bert := f.bind("anna", "desk", false), f.bind("bert", "phone", false)
	for _, p := range []*phone{anna, bert} {
		p.send(rosterQuery)
		p.send("<presence/>")
	}
	bert.send("<presence type='subscribe' to='anna@example.org'/>")
	f.settleLater()
	anna.send("<presence type='subscribed' to='bert@example.org'/>")
	a := anna.res.Account
	b := bert.res.Account
	b.mu.Lock() // as if the second side were not decided yet
	item := b.roster["anna@example.org"]
	item.Subscription, item.Ask = schemas.Subscription_NONE, true
	b.roster["anna@example.org"] = item
	b.mu.Unlock()
	anna.send("<presence><show>away</show></presence>")
	f.settleLater()
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.roster["bert@example.org"].SubscribedFrom() {
		t.Error("a subscription in the making was taken back")
	}
}

// TestPresenceBudget is H72: one client cannot make the server write without end, and its last word counts.
func TestPresenceBudget(t *testing.T) {
	t.Parallel()
	var b budget
	for n := range 100 {
		if ok := b.take(1_500, 0); ok != (n < presenceBurst/1_500) {
			t.Fatalf("update %d: %v", n, ok)
		}
	}
	if !b.take(1_500, 1_000) {
		t.Error("a second pays nothing back")
	}
	var empty budget
	if !empty.take(10*presenceBurst, 0) {
		t.Error("one update never fits")
	}
}

// TestHeldPresence: what is held back goes out later, the newest only.
func TestHeldPresence(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	defer f.Close()
	anna := f.bind("anna", "desk", false)
	anna.send("<presence/>")
	anna.res.Account.mu.Lock()
	anna.res.budget.spent, anna.res.budget.at = presenceBurst, f.now()
	anna.res.Account.mu.Unlock()
	anna.send("<presence><status>first</status></presence>")
	anna.send("<presence><status>second</status></presence>")
	f.await(anna, "second")
	if strings.Contains(strings.Join(anna.all, ""), "first") {
		t.Error("an outdated presence went out")
	}
}
