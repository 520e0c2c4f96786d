package verify_test

import (
	"fmt"
	"testing"

	"protokoll/eventlog"
	"protokoll/eventlog/ledger/verify"
	"protokoll/schemas"
)

// How long a verification takes for one event.
func BenchmarkVerify(b *testing.B) {
	const events, command = 50_000, 500
	s := newStore(b)
	for n := 0; n < events; n += command {
		var facts []eventlog.Fact
		for i := range command {
			facts = append(facts, eventlog.Set(fmt.Sprint(n+i), &schemas.OfflineMessage{Stanza: make([]byte, 400)}))
		}
		s.append(s.owner, facts...)
	}
	s.close()
	b.ReportAllocs()
	for b.Loop() {
		mustBeTrue(b, run(b, verify.Options{Data: s.dir}))
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/events, "ns/event")
}
