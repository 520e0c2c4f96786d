package node

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"protokoll/accounts"
	"protokoll/internal/control"
	"protokoll/schemas"
)

// accepts checks an inclusion proof by nothing but SHA-256. RFC 9162 §2.1.3.2
func accepts(p Inclusion) bool {
	hash := func(parts ...[]byte) []byte {
		sum := sha256.Sum256(bytes.Join(parts, nil))
		return sum[:]
	}
	h := hash([]byte{0}, p.Envelope, p.PayloadSHA256)
	if !bytes.Equal(h, p.Leaf) || p.Index >= p.Size {
		return false
	}
	f, s := p.Index, p.Size-1
	for _, sibling := range p.Path {
		if s == 0 {
			return false
		}
		if f&1 == 1 || f == s {
			h = hash([]byte{1}, sibling, h)
			for f&1 == 0 && f != 0 {
				f, s = f>>1, s>>1
			}
		} else {
			h = hash([]byte{1}, h, sibling)
		}
		f, s = f>>1, s>>1
	}
	lane, _, _ := strings.Cut(p.Position, "/")
	signed := fmt.Sprintf("\n%s %d %s\n", lane, p.Size, base64.StdEncoding.EncodeToString(p.Root))
	return s == 0 && bytes.Equal(h, p.Root) && strings.Contains(p.Checkpoint, signed)
}

func ask(t *testing.T, s *Store, name string, arguments, result any) error {
	t.Helper()
	input, err := json.Marshal(arguments)
	if err != nil {
		t.Fatal(err)
	}
	out, err := s.Commands()[name](t.Context(), input, func(control.Progress) {})
	if err != nil {
		return err
	}
	data, err := json.Marshal(out)
	if err != nil {
		t.Fatal(err)
	}
	return json.Unmarshal(data, result)
}

func TestProof(t *testing.T) {
	t.Parallel()
	s := openStore(t, t.TempDir())
	defer closeStore(t, s)
	var all []accounts.NewAccount
	for i := range 11 {
		all = append(all, accounts.NewAccount{Localpart: fmt.Sprint("user", i), Domain: "a.example"})
	}
	if err := s.Accounts.Open(t.Context(), schemas.Cause_STAFF, all...); err != nil {
		t.Fatal(err)
	}
	for n := 1; n <= 11; n++ {
		var p Inclusion
		if err := ask(t, s, CommandAuditProve, AuditPosition{fmt.Sprint("lasting/", n)}, &p); err != nil {
			t.Fatal(err)
		}
		if !accepts(p) {
			t.Errorf("%d: not accepted", n)
		}
		p.Envelope[0] ^= 1
		if accepts(p) {
			t.Errorf("%d: a changed event is accepted", n)
		}
	}
	if err := ask(t, s, CommandAuditProve, AuditPosition{"lasting/4000"}, &Inclusion{}); err == nil {
		t.Error("a position that there is not was proved")
	}
}

// Content is shown for a reason, and that is written down first.
func TestShow(t *testing.T) {
	t.Parallel()
	s := openStore(t, t.TempDir())
	defer closeStore(t, s)
	if err := s.Accounts.Open(t.Context(), schemas.Cause_STAFF, accounts.NewAccount{Localpart: "anna", Domain: "a.example"},
		accounts.NewAccount{Localpart: "bela", Domain: "a.example"}); err != nil {
		t.Fatal(err)
	}
	var events []AuditEvent
	if err := ask(t, s, CommandAuditShow, AuditQuery{Limit: 10, Lane: "lasting"}, &events); err != nil || len(events) != 2 {
		t.Fatalf("%d events: %v", len(events), err)
	}
	for _, e := range events {
		if e.Content != nil || e.Type != "account.opened" {
			t.Errorf("got %+v", e)
		}
	}
	query := AuditQuery{Limit: 10, Owner: "anna@a.example", Open: true}
	if err := ask(t, s, CommandAuditShow, query, &events); err == nil {
		t.Error("content was shown without a reason")
	}
	query.Staff = Staff{Actor: "dpo", Reason: "request 7"}
	if err := ask(t, s, CommandAuditShow, query, &events); err != nil || len(events) != 1 || !strings.Contains(string(events[0].Content), "anna") {
		t.Fatalf("got %+v, %v", events, err)
	}
	owner := events[0].Owner
	if err := ask(t, s, CommandAuditShow, AuditQuery{Limit: 10, Lane: "audit", Open: true, Staff: query.Staff}, &events); err != nil {
		t.Fatal(err)
	}
	if len(events) != 2 || !strings.Contains(string(events[0].Content), "request 7") || strings.Contains(string(events[0].Content), "anna") {
		t.Errorf("got %+v", events)
	}
	if _, err := s.auditOwner(owner); err != nil {
		t.Error(err)
	}
}
