// Package soak looks for what a server keeps of sessions that are gone.
//
// It does: run a whole server inside the test process and the load in another one, so that only the server's goroutines,
// files and memory are counted. The load is some hundred or thousand people whose lives are random: they sign in, write,
// subscribe, lose connections, resume or not, replace each other, mistype passwords and send garbage. After a first round,
// which fills pools and maps to what the load needs, and after the soak, each time with everybody gone and all windows over,
// the server is measured; the second measure must be the first again.
//
//	go test -count=1 ./test/soak                                        200 people, 6 s
//	go test -run '^$' -bench Soak -soak 5m -timeout 30m ./test/soak     2,000 people, 5 min
//
// It does not: check that what clients see is right, beyond that nothing fails that must work. test/conversations and
// test/faults do that.
package soak
