//go:build !race

package main

// underRace is how many times as much memory and time a test takes as without the race detector.
const underRace = 1
