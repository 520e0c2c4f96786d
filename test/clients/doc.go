// Package clients signs real clients in to the server and has them do what people do: add each other, chat, read what
// came while they were away, and (slixmpp) resume a connection that was lost. Smack (the library inside Spark and Jitsi) does what
// Spark does in its dialogues, @xmpp/client signs in with SASL2 and a token. Against the demo and against `serve` with a real OpenLDAP. The drivers are scripts that run alone as well, against any server.
//
// gajim.sh and dino.sh need a screen and are run by hand; each writes a screenshot. A missing client fails the test.
package clients
