package rights_test

import (
	"fmt"
	"testing"

	"protokoll/accounts"
	"protokoll/eventlog"
	"protokoll/schemas"
)

// BenchmarkErase erases one account of 40,000, with 30 contacts and 30 other facts, until nothing of it can be read.
func BenchmarkErase(b *testing.B) {
	const people, contacts = 40_000, 30
	w := found(b)
	batch := make([]accounts.NewAccount, people)
	for i := range batch {
		batch[i] = accounts.NewAccount{Localpart: fmt.Sprintf("user%d", i), DirectoryID: fmt.Sprintf("entry-%d", i)}
	}
	w.add(batch...)
	next := 0
	fill := func() string {
		name := fmt.Sprintf("user%d", next)
		var facts []eventlog.Fact
		for i := range contacts {
			contact := fmt.Sprintf("user%d", people-1-(next*contacts+i)%(people/2))
			facts = append(facts, item(contact+"@"+domain, schemas.Subscription_BOTH),
				eventlog.Set(fmt.Sprint("letter", i), &schemas.OfflineMessage{Stanza: make([]byte, 400)}))
			w.states(contact, item(name+"@"+domain, schemas.Subscription_BOTH))
		}
		w.states(name, facts...)
		next++
		return name
	}
	b.ReportAllocs()
	for b.Loop() {
		b.StopTimer()
		name := fill()
		b.StartTimer()
		if _, err := w.rights.Erase(b.Context(), staff, domain, name); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkFinish looks for interrupted erasures among 40,000 accounts, as every start does.
func BenchmarkFinish(b *testing.B) {
	w := found(b)
	batch := make([]accounts.NewAccount, 40_000)
	for i := range batch {
		batch[i] = accounts.NewAccount{Localpart: fmt.Sprintf("user%d", i), DirectoryID: fmt.Sprintf("entry-%d", i)}
	}
	w.add(batch...)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := w.rights.Finish(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}
