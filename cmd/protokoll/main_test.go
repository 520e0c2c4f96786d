package main

import (
	"os"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestMain lets the test binary be the program: `protokoll` in scripts, and for every test that starts a process.
func TestMain(m *testing.M) {
	// A process under the race detector sleeps for a second before it ends, and there are hundreds.
	if err := os.Setenv("GORACE", os.Getenv("GORACE")+" atexit_sleep_ms=0"); err != nil {
		panic(err)
	}
	testscript.Main(m, map[string]func(){
		"protokoll": main,
		"future":    appendFutureEvent,
		"tamper":    tamperWithState,
	})
}
