package script

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"strings"

	"protokoll/test/wire"
)

// open connects and reads the first features; the script signs in by itself.
func (c *client) open() error {
	var err error
	if c.conn, err = wire.DialTLS(c.target); err != nil {
		return err
	}
	c.inbox, c.counts = nil, false
	c.offer, err = c.conn.Open()
	return err
}

// proof is what a client computes, by the name of the variable: "NAME plain" is the message of PLAIN (RFC 4616), "NAME plain with
// WORD" the same with a captured password, "NAME token WORD" that of HT-SHA-256-NONE with a captured token, "NAME bound token WORD"
// that of HT-SHA-256-EXPR, "NAME answer WORD" and "NAME bound answer WORD" what the server must say to it. XEP-0484 §3.1
func (r *run) proof(name string) (value string, ok bool) {
	who, what, _ := strings.Cut(name, " ")
	c := r.clients[who]
	if c == nil {
		return "", false
	}
	if what == "plain" {
		return encode("\x00" + c.user + "\x00" + c.password), true
	}
	if word, ok := strings.CutPrefix(what, "plain with "); ok && r.vars[word] != "" {
		return encode("\x00" + c.user + "\x00" + r.vars[word]), true
	}
	what, bound := strings.CutPrefix(what, "bound ")
	var data string
	if bound {
		if c.conn == nil {
			return "", false
		}
		d, err := exporter(c.conn.TLS())
		if err != nil {
			return "", false
		}
		data = d
	}
	if word, ok := strings.CutPrefix(what, "token "); ok && r.vars[word] != "" {
		return encode(c.user + "\x00" + hashed(r.vars[word], "Initiator"+data)), true
	}
	if word, ok := strings.CutPrefix(what, "answer "); ok && r.vars[word] != "" {
		return encode(hashed(r.vars[word], "Responder"+data)), true
	}
	return "", false
}

func encode(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }

func hashed(token, text string) string {
	m := hmac.New(sha256.New, []byte(token))
	m.Write([]byte(text))
	return string(m.Sum(nil))
}

// exporter is the tls-exporter of a connection. RFC 9266 §2
func exporter(state tls.ConnectionState) (string, error) {
	data, err := state.ExportKeyingMaterial("EXPORTER-Channel-Binding", nil, 32)
	if err != nil {
		return "", fmt.Errorf("export from TLS: %w", err)
	}
	return string(data), nil
}
