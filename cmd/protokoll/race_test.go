//go:build race

package main

// underRace is how many times as much memory and time the race detector takes.
const underRace = 10
