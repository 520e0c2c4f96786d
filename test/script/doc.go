// Package script runs conversations that are written down as text: who connects, who sends what, who must receive what.
//
//	# Blocking Command, XEP-0191 §3.3
//	# differs: prosody: says bad-request where we say jid-malformed
//
//	[client] romeo: user1/orchard
//	[client] juliet: user2/balcony (ignores presence)
//	[contacts] romeo juliet
//
//	romeo connects
//	romeo sends:
//		<iq type='get' id='1'><blocklist xmlns='urn:xmpp:blocking'/></iq>
//	romeo receives:
//		<iq type='result' id='1'><blocklist xmlns='urn:xmpp:blocking'/></iq>
//
// # Header
//
// The first line is the title and names the specification. "differs: NAME: why" says that a foreign server NAME fails
// this script and is right or known to be different; nothing is skipped against our own server. A client is a name, the
// label of an account and a resource; clients with one label share the account. Every script gets accounts of its own.
// Options: "ignores presence", "ignores messages" (not seen by the script), "sm" (stream management with resumption is
// enabled at once, requests for acknowledgement are answered), "sm by hand" (they are not), "scram", "direct tls".
// "sees questions": what the server itself asks of the client is the script's to answer.
// [contacts] makes two people subscribe to each other before the conversation starts.
//
// # Statements
//
//	NAME connects                    TCP, TLS, SASL, bind
//	NAME signs in                    the same without bind
//	NAME opens a stream              TCP, TLS and the header only: the script signs in by SASL2
//	NAME comes online                connects, asks for the roster, sends presence, waits until that has come back
//	NAME sends:                      the indented bytes below, as they are
//	NAME receives:                   the elements below come next, in this order
//	NAME receives in any order:      the same without the order
//	NAME receives nothing            proved by a ping: it is answered, and nothing came before the answer
//	NAME receives the end of the stream
//	NAME is offered:                 the elements below are among the features after sign-in
//	NAME disconnects                 closes the stream, and the server closes its own
//	NAME drops                       the TCP connection is reset
//	NAME resumes                     a new connection, signed in, that resumes the old session (XEP-0198 §5)
//	NAME is acknowledged             <r/> is answered by an <a/> that covers all it has sent
//	NAME is refused:                 signs in with the right password and gets the element below instead
//	operator runs:                   the commands below, one a line, with --data put behind; each must succeed
//	everyone settles                 every client's ping is answered
//
// At the end every client that is still connected must have received nothing more, and disconnects.
//
// A question of the server itself (an IQ get from the domain) is answered as by a client that knows nothing of it, and not
// seen by the script.
//
// # Comparison
//
// Elements are compared as XML: namespaces resolved, order of attributes and of children free (script:order='exact' asks
// for the order of children), whitespace between elements ignored. Inside values {any} stands for anything, {some} for
// anything but nothing, {capture NAME} keeps it for ${NAME}. The value {optional} lets an attribute be absent. On an
// element script:optional='yes' lets it be absent (a whole stanza too, last in its block, and nothing but a ping's answer
// proves then that it did not come) and script:ignore='attributes children' passes over what is not listed.
// Text that varies is written {any} as well.
//
// Where the RFCs leave a server free, an attribute or child that the script does not list may be there: "to" with the
// client's own JID (RFC 6120 §8.1.1.1), "from" with its own bare JID (§8.1.2.1), "xml:lang" (§8.1.5), in stanzas of type
// error the stanza's own payload (§8.3.1), "by" and <text/> (§8.3.2), in messages one stanza-id by the client's own
// account (XEP-0359 §3), in available presence the hash of an avatar (XEP-0153 §4.3) and a delay (RFC 6121 §4.3.2).
// Unavailable presence from a bare JID is not seen at all: it may answer a probe (RFC 6121 §4.3.2). Everything else that is not listed fails.
//
// Variables: ${NAME full}, ${NAME bare}, ${NAME resource}, ${domain}, ${nobody} (an account that does not exist) and
// what was captured; and what a client computes to sign in, see proof.
package script
