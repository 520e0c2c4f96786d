package state

import (
	"context"
	"encoding/binary"
	"log/slog"
	"syscall"
	"testing"

	"protokoll/eventlog"
	"protokoll/schemas"
)

// people is how many owners share the facts of a benchmark, as at the university of DESIGN.
const people = 40_000

// filled is a log with n roster items, of sealed size 150.
func filled(n int) *memLog {
	log := newMemLog()
	sealed := noise(150)
	all := make([]eventlog.Record, n)
	for i := range all {
		all[i] = eventlog.Record{Envelope: set(uint64(i%people), uint64(i/people), roster), Sealed: sealed}
	}
	log.putAll(eventlog.Lasting, all)
	return log
}

func BenchmarkRebuild1000000(b *testing.B) {
	log := filled(1_000_000)
	for b.Loop() {
		if _, err := Rebuild(context.Background(), b.TempDir(), log, nil, nil); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkOpen1000000 opens, and so verifies, a state of 1,000,000 facts.
func BenchmarkOpen1000000(b *testing.B) {
	log, dir := filled(1_000_000), b.TempDir()
	if _, err := Rebuild(context.Background(), dir, log, nil, nil); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		s, err := Open(dir, log, slog.New(slog.DiscardHandler))
		if err != nil {
			b.Fatal(err)
		}
		if err := s.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDigest1000000(b *testing.B) {
	log, dir := filled(1_000_000), b.TempDir()
	if _, err := Rebuild(context.Background(), dir, log, nil, nil); err != nil {
		b.Fatal(err)
	}
	s, _ := running(b, dir, log)
	for b.Loop() {
		if _, err := s.Digest(context.Background()); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkFacts30 reads rosters of 30 items of 40,000 people from the file.
func BenchmarkFacts30(b *testing.B) {
	log, dir := filled(30*people), b.TempDir()
	if _, err := Rebuild(context.Background(), dir, log, nil, nil); err != nil {
		b.Fatal(err)
	}
	s, _ := running(b, dir, log)
	b.ReportAllocs()
	n := uint64(0)
	for b.Loop() {
		n++
		if facts, err := s.Facts(schemas.OwnerID(id(n*7919%people)), roster); err != nil || len(facts) != 30 {
			b.Fatal(len(facts), err)
		}
	}
}

// BenchmarkApply folds one event after the other into a state of 1,000,000 facts, commits included.
func BenchmarkApply(b *testing.B) {
	log, dir := filled(1_000_000), b.TempDir()
	if _, err := Rebuild(context.Background(), dir, log, nil, nil); err != nil {
		b.Fatal(err)
	}
	s, _ := running(b, dir, log)
	sealed := noise(150)
	b.ReportAllocs()
	before, n := cpu(b), uint64(0)
	var last eventlog.Position
	for b.Loop() {
		n++
		last = log.put(eventlog.Lasting, set(n*7919%people, binary.BigEndian.Uint64(id(n))%25, roster), sealed)
		if n%64 == 0 {
			wait(b, s, last)
		}
	}
	wait(b, s, last)
	b.ReportMetric(float64(cpu(b)-before)/1e3/float64(n), "cpu-µs/op")
}

// cpu is the processor time this process has used, in nanoseconds.
func cpu(b *testing.B) int64 {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return u.Utime.Nano() + u.Stime.Nano()
}

// BenchmarkOpenNow starts with 1,000,000 presence events of 40,000 people behind it: after a clean stop, and after a kill.
func BenchmarkOpenNow(b *testing.B) {
	log := newMemLog()
	all := make([]eventlog.Record, 1_000_000)
	for i := range all {
		all[i] = eventlog.Record{Envelope: set(uint64(i%people), uint64(i/people)%2, presence), Sealed: noise(150)}
	}
	log.putAll(eventlog.Now, all)
	b.Run("clean", func(b *testing.B) {
		dir := b.TempDir()
		for b.Loop() {
			b.StopTimer()
			_, stop := running(b, dir, log)
			stop()
			b.StartTimer()
			_, stop = running(b, dir, log)
			b.StopTimer()
			stop()
			b.StartTimer()
		}
	})
	b.Run("killed", func(b *testing.B) {
		for b.Loop() {
			_, stop := running(b, b.TempDir(), log)
			b.StopTimer()
			stop()
			b.StartTimer()
		}
	})
}
