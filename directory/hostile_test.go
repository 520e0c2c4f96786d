package directory

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	ber "github.com/go-asn1-ber/asn1-ber"
	"github.com/go-ldap/ldap/v3"
)

// hostile is a directory server that answers binds and searches as a test says.
// Every answer is the bytes of whole LDAP messages.
type hostile struct {
	bind   func(id int64, dn string) []byte
	search func(id int64) []byte
	hangUp bool // after the first search
}

// serve runs the server behind TLS with a good certificate.
func (h hostile) serve(t *testing.T) Config {
	t.Helper()
	certs := filepath.Dir(slapd(t).CAFile())
	pair, err := tls.LoadX509KeyPair(filepath.Join(certs, "ldap.test.crt"), filepath.Join(certs, "ldap.test.key"))
	if err != nil {
		t.Fatal(err)
	}
	address, _ := listener(t, func(c net.Conn) {
		h.talk(tls.Server(c, &tls.Config{Certificates: []tls.Certificate{pair}}))
	})
	c := config(t, slapd(t))
	c.URLs = []string{"ldaps://" + address}
	return c
}

func (h hostile) talk(c net.Conn) {
	defer func() { _ = c.Close() }()
	for {
		request, err := ber.ReadPacket(c)
		if err != nil || len(request.Children) < 2 {
			return
		}
		id, _ := request.Children[0].Value.(int64)
		op := request.Children[1]
		answer := []byte(nil)
		switch op.Tag {
		case ldap.ApplicationBindRequest:
			dn, _ := op.Children[1].Value.(string)
			answer = result(id, ldap.ApplicationBindResponse, ldap.LDAPResultSuccess)
			if h.bind != nil {
				answer = h.bind(id, dn)
			}
		case ldap.ApplicationSearchRequest:
			answer = h.search(id)
		}
		if _, err := c.Write(answer); err != nil || (h.hangUp && op.Tag == ldap.ApplicationSearchRequest) {
			return
		}
	}
}

func message(id int64, op *ber.Packet) []byte {
	p := ber.NewSequence("message")
	p.AppendChild(ber.NewInteger(ber.ClassUniversal, ber.TypePrimitive, ber.TagInteger, id, "id"))
	p.AppendChild(op)
	return p.Bytes()
}

func text(s string) *ber.Packet {
	return ber.NewString(ber.ClassUniversal, ber.TypePrimitive, ber.TagOctetString, s, "")
}

func result(id int64, tag ber.Tag, code int) []byte {
	op := ber.Encode(ber.ClassApplication, ber.TypeConstructed, tag, nil, "")
	op.AppendChild(ber.NewInteger(ber.ClassUniversal, ber.TypePrimitive, ber.TagEnumerated, code, ""))
	op.AppendChild(text("dc=needle"))
	op.AppendChild(text("needle at 127.0.0.1"))
	return message(id, op)
}

func done(id int64) []byte { return result(id, ldap.ApplicationSearchResultDone, 0) }

// found is one entry; attributes are pairs of name and value.
func found(id int64, dn string, attributes ...string) []byte {
	op := ber.Encode(ber.ClassApplication, ber.TypeConstructed, ldap.ApplicationSearchResultEntry, nil, "")
	op.AppendChild(text(dn))
	list := ber.NewSequence("")
	for i := 0; i+1 < len(attributes); i += 2 {
		a := ber.NewSequence("")
		a.AppendChild(text(attributes[i]))
		set := ber.Encode(ber.ClassUniversal, ber.TypeConstructed, ber.TagSet, nil, "")
		set.AppendChild(text(attributes[i+1]))
		a.AppendChild(set)
		list.AppendChild(a)
	}
	op.AppendChild(list)
	return message(id, op)
}

func annasEntry(id int64) []byte {
	return found(id, "cn=anna", "MAIL", "Anna.Mueller@uni-due.de", "entryuuid", "1")
}

func TestHostileAnswers(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		h   hostile
		err error
	}{
		"somebody nobody asked for": {hostile{search: func(id int64) []byte {
			return append(found(id, "cn=eve", "mail", "eve@uni-due.de", "entryUUID", "2"), done(id)...)
		}}, ErrWrongPassword},
		"somebody else as well": {hostile{search: func(id int64) []byte {
			return append(append(annasEntry(id), found(id, "cn=eve", "mail", "eve@uni-due.de", "entryUUID", "2")...), done(id)...)
		}}, nil},
		"no id": {hostile{search: func(id int64) []byte {
			return append(found(id, "cn=anna", "mail", "anna.mueller@uni-due.de"), done(id)...)
		}}, ErrNoID},
		"no DN, which would be an anonymous bind": {hostile{search: func(id int64) []byte {
			return append(found(id, "", "mail", "anna.mueller@uni-due.de", "entryUUID", "1"), done(id)...)
		}}, ErrWrongPassword},
		"more entries than asked for": {hostile{search: func(id int64) []byte {
			var b []byte
			for range maxFound + 1 {
				b = append(b, annasEntry(id)...)
			}
			return append(b, done(id)...)
		}}, ErrUnavailable},
		"as many as asked for and a cut": {hostile{search: func(id int64) []byte {
			return append(annasEntry(id), result(id, ldap.ApplicationSearchResultDone, ldap.LDAPResultSizeLimitExceeded)...)
		}}, ErrAmbiguous},
		"a megabyte of name": {hostile{search: func(id int64) []byte {
			return append(found(id, "cn=anna", "mail", "anna.mueller@uni-due.de", "displayName", strings.Repeat("x", 1<<20)), done(id)...)
		}}, ErrUnavailable},
		"a length of two gigabytes": {hostile{search: func(int64) []byte {
			return append([]byte("\x30\x84\x7f\xff\xff\xff\x04\x84\x7f\xff\xff\xf0"), make([]byte, signInBudget)...)
		}}, ErrUnavailable},
		"no LDAP at all": {hostile{hangUp: true, search: func(int64) []byte {
			return []byte("HTTP/1.1 400 Bad Request\r\n\r\n" + strings.Repeat("<p>go away</p>", 100))
		}}, ErrUnavailable},
		"a referral, found": {hostile{search: func(id int64) []byte {
			return result(id, ldap.ApplicationSearchResultDone, ldap.LDAPResultReferral)
		}}, ErrUnavailable},
		"a referral, bind": {hostile{search: func(id int64) []byte { return append(annasEntry(id), done(id)...) },
			bind: bindCode(ldap.LDAPResultReferral)}, ErrUnavailable},
		"busy": {hostile{search: func(id int64) []byte {
			return result(id, ldap.ApplicationSearchResultDone, ldap.LDAPResultBusy)
		}}, ErrUnavailable},
		"inactivated": {hostile{search: func(id int64) []byte { return append(annasEntry(id), done(id)...) },
			bind: bindCode(ldap.LDAPResultUnwillingToPerform)}, ErrLocked},
		"success as somebody who is marked as locked": {hostile{search: func(id int64) []byte {
			return append(found(id, "cn=anna", "mail", "anna.mueller@uni-due.de", "entryUUID", "1", "pwdAccountLockedTime", lockedForGood), done(id)...)
		}}, ErrLocked},
		"success for nobody": {hostile{search: done}, ErrWrongPassword},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var log logBuffer
			cfg := c.h.serve(t)
			cfg.Logger = log.logger()
			err := anna(open(t, cfg))
			if !errors.Is(err, c.err) {
				t.Errorf("got %v, want %v", err, c.err)
			}
			if err != nil && strings.Contains(err.Error()+log.String(), "needle") {
				t.Errorf("the server’s text gets out: %v\n%s", err, log.String())
			}
		})
	}
}

// bindCode lets the service account in and answers everybody else with a code.
func bindCode(code int) func(int64, string) []byte {
	return func(id int64, dn string) []byte {
		if dn == "cn=anna" {
			return result(id, ldap.ApplicationBindResponse, code)
		}
		return result(id, ldap.ApplicationBindResponse, 0)
	}
}

// A walk whose server hands out the same page for ever ends when its caller has enough.
func TestEndlessWalk(t *testing.T) {
	t.Parallel()
	pages := 0
	h := hostile{search: func(id int64) []byte {
		pages++
		op := ber.Encode(ber.ClassApplication, ber.TypeConstructed, ldap.ApplicationSearchResultDone, nil, "")
		op.AppendChild(ber.NewInteger(ber.ClassUniversal, ber.TypePrimitive, ber.TagEnumerated, 0, ""))
		op.AppendChild(text(""))
		op.AppendChild(text(""))
		p := ber.DecodePacket(message(id, op))
		controls := ber.Encode(ber.ClassContext, ber.TypeConstructed, 0, nil, "")
		paging := ldap.NewControlPaging(pageSize)
		paging.SetCookie([]byte(strconv.Itoa(pages)))
		controls.AppendChild(paging.Encode())
		p.AppendChild(controls)
		return append(annasEntry(id), p.Bytes()...)
	}}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	seen := 0
	err := open(t, h.serve(t)).Walk(ctx, nil, func(string, []string, string) error {
		if seen++; seen == 50 {
			cancel()
		}
		return nil
	})
	if !errors.Is(err, context.Canceled) || seen != 50 {
		t.Errorf("%v after %d", err, seen)
	}
}

// fuzzed is a connection whose server sends some bytes and hangs up.
func fuzzed(t *testing.T, answer []byte) *conn {
	client, peer := net.Pipe()
	t.Cleanup(func() { _ = peer.Close() })
	go func() {
		buf := make([]byte, 1<<16)
		_, _ = peer.Read(buf)
		_, _ = peer.Write(answer)
		_ = peer.Close()
	}()
	raw := &meteredConn{Conn: client}
	l := ldap.NewConn(raw, true)
	l.Start()
	return &conn{ldap: l, raw: raw, server: &server{}}
}

// Whatever a server sends: an error or an entry, no panic, no hanging.
func FuzzServer(f *testing.F) {
	f.Add(annasEntry(1))
	f.Add(append(annasEntry(1), done(1)...))
	f.Add(result(1, ldap.ApplicationBindResponse, 49))
	f.Add([]byte("\x30\x84\x7f\xff\xff\xff"))
	f.Add([]byte("0\x1a\x02\x01\x01a\x07\n\x01\x31\x04\x00\x04\x00\xa0\x0c0\n\x04\x081.2.3.40"))
	m := uni(f)
	cfg := Config{Mapping: m}
	cfg.setDefaults()
	f.Fuzz(func(t *testing.T, answer []byte) {
		c := fuzzed(t, answer)
		defer c.close()
		_ = c.do(t.Context(), time.Second, signInBudget, func(l *ldap.Conn) error {
			r, err := l.SimpleBind(ldap.NewSimpleBindRequest("cn=a", "b", []ldap.Control{ldap.NewControlBeheraPasswordPolicy()}))
			if bindError(err, policyOf(r)) == nil && len(answer) < 7 {
				t.Error("a bind succeeds with no answer")
			}
			return err
		})
		s := fuzzed(t, answer)
		defer s.close()
		_ = s.do(t.Context(), time.Second, signInBudget, func(l *ldap.Conn) error {
			r, err := l.Search(ldap.NewSearchRequest("dc=a", 2, 0, maxFound, 1, false, "(a=b)", nil, nil))
			if r != nil {
				for _, e := range r.Entries {
					p := cfg.person(e)
					_, _ = p.entry(m)
					_ = p.claims(m)
				}
			}
			return err
		})
	})
}
