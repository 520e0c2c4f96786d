// Package components tries, from outside, programs beside the server that answer for hosts of their own (XEP-0114): one made with
// slixmpp, and one written by hand that behaves badly.
package components
