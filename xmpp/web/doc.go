// Package web is the one place where this server speaks HTTP: HTTPS with the certificates of the domains, HTTP/1.1 and HTTP/2, one
// listener, and below it whatever other packages hang into it by path.
//
// It does: accept connections without addresses (internal/peer), bound headers, times and the number of connections, refuse hosts
// that are not ours, keep what net/http writes to its error log from going anywhere, answer a handler's panic with 500. It does not:
// know what the handlers do, keep an access log, speak plain HTTP, compress, redirect.
//
// Invariants:
//   - http.Request.RemoteAddr is "[peer]", and nothing that this package logs holds an address, a path, a header or a host.
//   - A handler sees requests to hosts of ours only.
//   - Handlers are registered before Serve.
package web
