package soak

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"testing"
	"time"
)

var (
	soakFor  = flag.Duration("soak", 5*time.Minute, "how long BenchmarkSoak loads the server")
	seedFlag = flag.Uint64("soak.seed", 0, "of the people's choices; 0: a new one")
	profiles = flag.String("soak.profiles", "", "folder for a heap and a goroutine profile of each measure")
)

// TestMain is also the load, in a process of its own.
func TestMain(m *testing.M) {
	if plan := os.Getenv(planVariable); plan != "" {
		if err := loadRound(plan, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	runtime.MemProfileRate = profileRate
	os.Exit(m.Run())
}
