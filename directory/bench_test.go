package directory

import (
	"context"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// cpu is the processor time of this process, without slapd’s.
func cpu(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func BenchmarkAuthenticate(b *testing.B) {
	l := open(b, config(b, slapd(b)))
	if err := anna(l); err != nil {
		b.Fatal(err)
	}
	before := cpu(b)
	b.ReportAllocs()
	for b.Loop() {
		if err := anna(l); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(cpu(b)-before)/float64(time.Microsecond)/float64(b.N), "cpu-µs/op")
}

func BenchmarkAuthenticateMany(b *testing.B) {
	l := open(b, config(b, slapd(b)))
	before := cpu(b)
	var failed atomic.Int64
	b.SetParallelism(16)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if anna(l) != nil {
				failed.Add(1)
			}
		}
	})
	if failed.Load() > 0 {
		b.Errorf("%d failed", failed.Load())
	}
	b.ReportMetric(float64(cpu(b)-before)/float64(time.Microsecond)/float64(b.N), "cpu-µs/op")
}

func BenchmarkLookup(b *testing.B) {
	l := open(b, config(b, slapd(b)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := l.Lookup(context.Background(), "anna.mueller"); err != nil {
			b.Fatal(err)
		}
	}
}
