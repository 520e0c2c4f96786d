package web

import (
	"bytes"
	"log/slog"
)

// errorLog is where net/http writes what it cannot return. Its texts hold whatever the peer did; only the kind is passed on.
type errorLog struct{ logger *slog.Logger }

// kinds are how net/http's lines begin, and what is said instead.
var kinds = []struct {
	begins string
	says   string
}{
	{"http: TLS handshake error", "TLS handshake failed"},
	{"http: Accept error", "accept failed; it is tried again"},
	{"http2:", "HTTP/2 connection failed"},
	{"http: panic", "a web handler failed inside"},
}

// Write implements io.Writer.
func (e errorLog) Write(line []byte) (int, error) {
	says := "HTTP connection failed"
	for _, k := range kinds {
		if bytes.HasPrefix(line, []byte(k.begins)) {
			says = k.says
			break
		}
	}
	e.logger.Debug(says)
	return len(line), nil
}
