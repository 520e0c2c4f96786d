// Package conversations holds the conversations of the server with its clients as text, one file or more for each
// specification, and runs them: every file is a test of its own, with accounts of its own, all against one server.
//
// PROTOKOLL_PEER runs them against a foreign server instead, so that a script is known to be right:
// name,address,address of direct TLS,domain,file of its CA,form of its localparts (u%04d); password "secret".
package conversations
