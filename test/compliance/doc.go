// Package compliance asks a running server for what others measure it by, and writes the answers down.
//
// Three tables: the compliance suites of XEP-0479, the checks of the Conversations compliance tester, and the rows of the
// server information that Gajim and Conversations show. Each row says what disco or the stream must announce and which test
// shows that the server does it. docs/compliance.md is made from them; a test fails when it says anything else than the
// server does, also when a row that waits for a later part is fulfilled already.
//
//	go test ./test/compliance -run TestPage -write      # writes docs/compliance.md anew
package compliance
