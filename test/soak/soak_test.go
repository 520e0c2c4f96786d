package soak

import (
	"runtime"
	"strings"
	"testing"
	"time"

	"protokoll/cmd/protokoll/node"
)

// outcome is a soak's result.
type outcome struct {
	before, after measure
	load          tally
	took          time.Duration
	peak          peak
}

// soak loads a server twice, and fails where the second time left something.
func soak(tb testing.TB, people int, warm, length, pace time.Duration) outcome {
	tb.Helper()
	running := runtime.NumGoroutine()
	n, p := startServer(tb, people)
	defer stopServer(tb, n, running)
	p.Pace, p.Seed = pace, *seedFlag
	if p.Seed == 0 {
		p.Seed = uint64(time.Now().UnixNano())
	}
	tb.Logf("-soak.seed %d", p.Seed)
	var o outcome
	loaded(tb, p, warm)
	o.before = take(tb, n, nil)
	profile(tb, "before")
	p.Seed++
	began := time.Now()
	o.peak = watch(n, func() { o.load = loaded(tb, p, length) })
	o.took = time.Since(began)
	all := o.comesBack(tb, n)
	profile(tb, "after")
	tb.Logf("before: %+v", o.before)
	tb.Logf("after:  %+v", o.after)
	tb.Logf("peak:   %+v, in %v", o.peak, o.took)
	for _, d := range all {
		tb.Error(d)
	}
	if len(all) > 0 {
		tb.Logf("goroutines now:\n%s", stacks())
	}
	rebuilt(tb, n)
	return o
}

// comesBack measures until the server is back where it was, or patience ends: what is kept for a while, such as accounts that
// came online to have their rosters compared, may take its time. It returns what stayed.
func (o *outcome) comesBack(tb testing.TB, n *node.Node) (stayed []string) {
	until(patience/2, func() bool {
		o.after = take(tb, n, &o.before)
		stayed = differences(o.before, o.after)
		return len(stayed) == 0
	})
	return stayed
}

// loaded runs one round and fails where it did not come to pass.
func loaded(tb testing.TB, p plan, length time.Duration) tally {
	tb.Helper()
	p.Length = length
	t, err := p.run(tb.Context())
	if err != nil {
		tb.Fatal(err)
	}
	tb.Log(t)
	for _, wrong := range t.Wrong {
		tb.Error(wrong)
	}
	for _, what := range happens {
		if t.Happened[what] == 0 {
			tb.Errorf("%q did not happen", what)
		}
	}
	return t
}

// happens is what is in every round, else it would show less than it says.
var happens = []string{
	"sign-ins", "sessions", "stanzas", "logouts", "resets", "resumed", "resume refused", "replaced", "broken XML", "half-closed",
	"wrong passwords", "garbage", "given up", "impatient",
}

// TestSoak is the soak in small: some seconds.
func TestSoak(t *testing.T) {
	soak(t, 200, 3*time.Second, 6*time.Second, 200*time.Millisecond)
}

// BenchmarkSoak is the soak: 2,000 people, as long as -soak says.
func BenchmarkSoak(b *testing.B) {
	for b.Loop() {
		o := soak(b, 2000, max(*soakFor/10, 30*time.Second), *soakFor, 1500*time.Millisecond)
		o.report(b)
	}
}

func (o outcome) report(b *testing.B) {
	const mib = 1 << 20
	for name, pair := range map[string][2]float64{
		"goroutines":    {float64(o.before.goroutines), float64(o.after.goroutines)},
		"files":         {float64(o.before.files), float64(o.after.files)},
		"tail-MiB":      {float64(o.before.tail) / mib, float64(o.after.tail) / mib},
		"blocks-MiB":    {float64(o.before.blocks) / mib, float64(o.after.blocks) / mib},
		"live-MiB":      {float64(o.before.live) / mib, float64(o.after.live) / mib},
		"heap-MiB":      {float64(o.before.heap) / mib, float64(o.after.heap) / mib},
		"anonymous-MiB": {float64(o.before.anonymous) / mib, float64(o.after.anonymous) / mib},
		"RSS-MiB":       {float64(o.before.resident) / mib, float64(o.after.resident) / mib},
		"events":        {float64(o.before.events), float64(o.after.events)},
	} {
		b.ReportMetric(pair[0], name+"-before")
		b.ReportMetric(pair[1], name+"-after")
	}
	for what, n := range o.load.Happened {
		b.ReportMetric(float64(n), strings.ReplaceAll(what, " ", "-"))
	}
	b.ReportMetric(float64(o.peak.sessions), "sessions-peak")
	b.ReportMetric(float64(o.peak.connections), "connections-peak")
	b.ReportMetric(float64(o.peak.goroutines), "goroutines-peak")
	b.ReportMetric(float64(o.peak.resident)/mib, "RSS-MiB-peak")
	b.ReportMetric(float64(o.load.Happened["sign-ins"])/o.took.Seconds(), "sign-ins/s")
}

// TestDifferences: what is one leak is found, and what is none is not.
func TestDifferences(t *testing.T) {
	t.Parallel()
	before := measure{goroutines: 50, files: 40, live: 10 << 20}
	for name, row := range map[string]struct {
		change func(*measure)
		found  bool
	}{
		"nothing":               {func(*measure) {}, false},
		"a timer is running":    {func(m *measure) { m.goroutines += spareGoroutines }, false},
		"goroutines stay":       {func(m *measure) { m.goroutines += spareGoroutines + 1 }, true},
		"goroutines are gone":   {func(m *measure) { m.goroutines -= spareGoroutines + 1 }, true},
		"a file stays":          {func(m *measure) { m.files++ }, true},
		"a file is gone":        {func(m *measure) { m.files-- }, true},
		"a tenth more memory":   {func(m *measure) { m.live += m.live/10 + spareBytes }, false},
		"too many pollers":      {func(m *measure) { m.pollers = maxPollers + 1 }, true},
		"more memory than that": {func(m *measure) { m.live += m.live/10 + spareBytes + 1 }, true},
		"less memory":           {func(m *measure) { m.live /= 2 }, false},
		"a stream stays":        {func(m *measure) { m.tables.streams++ }, true},
		"an account stays":      {func(m *measure) { m.tables.accounts++ }, true},
		"a timer stays":         {func(m *measure) { m.tables.timers++ }, true},
		"a session stays":       {func(m *measure) { m.tables.sessions.Bound++ }, true},
		"a resume id stays":     {func(m *measure) { m.tables.sessions.Resumable++ }, true},
		"one waits for ever":    {func(m *measure) { m.tables.sessions.Hibernating++ }, true},
		"a cell stays":          {func(m *measure) { m.tables.sessions.Cells++ }, true},
	} {
		after := before
		row.change(&after)
		if found := differences(before, after); (len(found) > 0) != row.found {
			t.Errorf("%s: found %q", name, found)
		}
	}
}
