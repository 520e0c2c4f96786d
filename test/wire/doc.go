// Package wire is the client of the tests: a TCP connection, TLS, SASL, and then XML as it comes. It is written against
// the RFCs only and shares nothing with the server, so that a fault in the server's parser cannot hide itself here.
//
// What it does: open a stream (STARTTLS or direct TLS), sign in (PLAIN or SCRAM-SHA-256), bind, send raw bytes, and read
// elements one at a time as trees. Every name is resolved strictly (Namespaces in XML 1.0 §5): an undeclared prefix, a
// wrong end tag or a doubled attribute is an error of the stream, because a recipient's parser would die of it too.
//
// What it does not: repair, reconnect, answer IQs or keep a roster. The tests say every byte.
package wire
