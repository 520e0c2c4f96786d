package main

import (
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestMain lets the test binary be the program: `protokoll` in scripts, and for every test that starts a process.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"protokoll": main,
		"future":    appendFutureEvent,
		"tamper":    tamperWithState,
	})
}
