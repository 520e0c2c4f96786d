// Package clients signs real clients in to the server and has them do what people do: add each other, chat, read what
// came while they were away, resume a connection that was lost (slixmpp, @xmpp/client). Smack, the library inside Spark and
// Jitsi, does what Spark does in its dialogues. Against the demo and against `serve` with a real OpenLDAP. The drivers are
// scripts that run alone as well, against any server.
//
// Clients with windows are in package desktop, for `make clients`. A missing client fails the test.
package clients
