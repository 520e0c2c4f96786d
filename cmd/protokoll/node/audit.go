package node

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"mellium.im/xmpp/jid"

	"protokoll/eventlog"
	"protokoll/eventlog/seal"
	"protokoll/internal/control"
	"protokoll/schemas"
)

// The commands about the ledger and the events themselves.
const (
	CommandAuditCheckpoint = "audit.checkpoint"
	CommandAuditProve      = "audit.prove"
	CommandAuditShow       = "audit.show"
)

// AuditCheckpoint is the newest signed checkpoint.
type AuditCheckpoint struct {
	Note   string `json:"note"`
	Public string `json:"public"` // key that it is signed with
}

func (s *Store) auditCheckpoint(context.Context, json.RawMessage, func(control.Progress)) (any, error) {
	signed, err := s.Ledger.Checkpoint()
	return AuditCheckpoint{Note: string(signed), Public: s.Ledger.Public()}, err
}

// ParsePosition reads a position such as lasting/42.
func ParsePosition(text string) (p eventlog.Position, err error) {
	lane, number, _ := strings.Cut(text, "/")
	for _, l := range eventlog.Lanes {
		if l.String() == lane {
			p.Lane = l
		}
	}
	p.Number, err = strconv.ParseUint(number, 10, 48)
	if p.Lane == 0 || err != nil || p.Number == 0 {
		return p, fmt.Errorf("%q is no position such as lasting/42", text)
	}
	return p, nil
}

// Inclusion proves that an event is part of what a checkpoint signs. RFC 9162 §2.1.3.2. Its leaf is SHA-256 of a zero byte,
// Envelope and PayloadSHA256.
type Inclusion struct {
	Position      string   `json:"position"`
	Index         uint64   `json:"index"` // of the leaf: the number less one
	Size          uint64   `json:"size"`  // of the lane's tree
	Root          []byte   `json:"root"`
	Leaf          []byte   `json:"leaf"`
	Path          [][]byte `json:"path"`                     // from the leaf upwards
	Envelope      []byte   `json:"envelope,omitempty"`       // as stored; missing for a void number
	PayloadSHA256 []byte   `json:"payload_sha256,omitempty"` // of the sealed payload
	Checkpoint    string   `json:"checkpoint"`
}

// AuditPosition is the argument of audit.prove.
type AuditPosition struct {
	Position string `json:"position"`
}

func (s *Store) auditProve(ctx context.Context, input json.RawMessage, _ func(control.Progress)) (any, error) {
	var a AuditPosition
	if err := json.Unmarshal(input, &a); err != nil {
		return nil, fmt.Errorf("read the arguments: %w", err)
	}
	p, err := ParsePosition(a.Position)
	if err != nil {
		return nil, err
	}
	if mark := s.Log.Mark(p.Lane); p.Number > mark {
		return nil, fmt.Errorf("%s: the lane ends at %d", p, mark)
	}
	if err := s.Ledger.Passed(ctx, p); err != nil {
		return nil, err
	}
	if _, err := s.Ledger.Checkpoint(); err != nil {
		return nil, err
	}
	newest, signed := s.Ledger.Newest()
	tree := newest.Lanes[p.Lane]
	leaf, path, err := s.Ledger.Prove(p, tree.Size)
	if err != nil {
		return nil, fmt.Errorf("prove %s: %w", p, err)
	}
	out := Inclusion{
		Position: p.String(), Index: p.Number - 1, Size: tree.Size, Root: tree.Root[:], Leaf: leaf[:], Checkpoint: string(signed),
	}
	for _, h := range path {
		out.Path = append(out.Path, h[:])
	}
	err = s.Log.Read(ctx, p.Lane, p.Number, p.Number, func(records []eventlog.Record) error {
		for _, r := range records {
			if r.Position == p {
				sum := sha256.Sum256(r.Sealed)
				out.Envelope, out.PayloadSHA256 = r.Bytes, sum[:]
			}
		}
		return nil
	})
	return out, err
}

// AuditQuery says which events are shown.
type AuditQuery struct {
	Staff
	Owner string    `json:"owner,omitempty"` // bare JID, or owner id in hex
	Since time.Time `json:"since,omitzero"`
	Lane  string    `json:"lane,omitempty"`
	Limit int       `json:"limit"` // the newest so many
	Open  bool      `json:"open"`  // with content
}

// AuditEvent is an event as staff see it.
type AuditEvent struct {
	Position string          `json:"position"`
	Time     time.Time       `json:"time"`
	Owner    string          `json:"owner"`
	Family   string          `json:"family"`
	Type     string          `json:"type,omitempty"`
	Op       string          `json:"op"`
	Cause    string          `json:"cause"`
	Origin   uint64          `json:"origin,omitempty"`  // number that it first had, if it was moved
	Content  json.RawMessage `json:"content,omitempty"` // only if it was asked for
	Closed   string          `json:"closed,omitempty"`  // why there is no content although it was asked for
}

// maxShown bounds one answer.
const maxShown = 10_000

var errNoReason = errors.New("content is shown for a reason only: --reason TEXT")

func (s *Store) auditShow(ctx context.Context, input json.RawMessage, progress func(control.Progress)) (any, error) {
	var q AuditQuery
	if err := json.Unmarshal(input, &q); err != nil {
		return nil, fmt.Errorf("read the arguments: %w", err)
	}
	if q.Open && strings.TrimSpace(q.Reason) == "" {
		return nil, errNoReason
	}
	if q.Limit <= 0 || q.Limit > maxShown {
		return nil, fmt.Errorf("between 1 and %d events are shown at once", maxShown)
	}
	owner, err := s.auditOwner(q.Owner)
	if err != nil {
		return nil, err
	}
	var subjects []schemas.OwnerID
	if q.Owner != "" {
		subjects = append(subjects, owner)
	}
	if q.Open || q.Owner != "" { // before anything is seen
		action := map[bool]string{true: "audit.open", false: "audit.show"}[q.Open]
		detail := fmt.Sprintf("lane %q, at most %d events", q.Lane, q.Limit)
		if err := s.audited(ctx, q.Staff, action, detail, subjects...); err != nil {
			return nil, err
		}
	}
	records, err := s.auditRecords(ctx, q, owner, progress)
	if err != nil {
		return nil, err
	}
	events := make([]AuditEvent, 0, len(records))
	for _, r := range records {
		events = append(events, s.auditEvent(r, q.Open))
	}
	return events, nil
}

// auditOwner finds whom a query is about. An account that was erased is found by its owner id alone.
func (s *Store) auditOwner(text string) (id schemas.OwnerID, err error) {
	if text == "" {
		return id, nil
	}
	if raw, err := hex.DecodeString(text); err == nil && len(raw) == len(id) {
		return schemas.OwnerID(raw), nil
	}
	address, err := jid.Parse(text)
	if err != nil || address.Localpart() == "" {
		return id, errors.New("the owner is neither an address nor an owner id")
	}
	account, err := s.Accounts.Find(address.Domainpart(), address.Localpart())
	if err != nil {
		return id, err
	}
	return account.Owner.ID(), nil
}

// auditRecords reads what a query asks for, oldest first.
func (s *Store) auditRecords(ctx context.Context, q AuditQuery, owner schemas.OwnerID, progress func(control.Progress)) ([]eventlog.Record, error) {
	var all []eventlog.Record
	older := func(a, b eventlog.Record) int {
		return cmp.Or(cmp.Compare(a.Envelope.GetTime(), b.Envelope.GetTime()), cmp.Compare(a.Position.Lane, b.Position.Lane),
			cmp.Compare(a.Position.Number, b.Position.Number))
	}
	known := false
	for _, l := range eventlog.Lanes {
		if q.Lane != "" && q.Lane != l.String() {
			continue
		}
		known = true
		mark := s.Log.Mark(l)
		if mark == 0 {
			continue
		}
		err := s.Log.Read(ctx, l, 1, mark, func(records []eventlog.Record) error {
			for _, r := range records {
				if (q.Owner == "" || string(r.Envelope.GetOwner()) == string(owner[:])) && !r.Time().Before(q.Since) {
					all = append(all, r)
				}
			}
			if len(all) > 4*q.Limit+1000 {
				slices.SortFunc(all, older)
				all = append(all[:0:0], all[len(all)-q.Limit:]...)
			}
			progress(control.Progress{Step: "reading lane " + l.String(), Done: records[len(records)-1].Position.Number, Total: mark})
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("read lane %s: %w", l, err)
		}
	}
	if !known {
		return nil, fmt.Errorf("there is no lane %q", q.Lane)
	}
	slices.SortFunc(all, older)
	return all[max(0, len(all)-q.Limit):], nil
}

func (s *Store) auditEvent(r eventlog.Record, open bool) AuditEvent {
	e := r.Envelope
	out := AuditEvent{
		Position: r.Position.String(), Time: r.Time().UTC(), Owner: fmt.Sprintf("%x", e.GetOwner()),
		Family: strings.ToLower(strings.TrimSuffix(e.GetFamily().String(), "_FACTS")), Type: e.GetType(),
		Op: strings.ToLower(e.GetOp().String()), Cause: strings.ToLower(e.GetCause().String()), Origin: e.GetOrigin(),
	}
	if open && len(r.Sealed) > 0 {
		content, err := s.auditContent(r)
		if err != nil {
			out.Closed = err.Error()
		}
		out.Content = content
	}
	return out
}

// errSecret is returned for what nobody but a program needs to see.
var errSecret = errors.New("a secret")

func (s *Store) auditContent(r eventlog.Record) ([]byte, error) {
	if r.Envelope.GetType() == "account.credentials" || r.Envelope.GetFamily() == schemas.Family_TOKEN_FACTS {
		return nil, errSecret
	}
	about, err := seal.AboutOf(r.Envelope)
	if err != nil {
		return nil, err
	}
	owner := s.Keys.Server()
	if id := schemas.OwnerID(r.Envelope.GetOwner()); id != owner.ID() {
		if owner, err = s.Keys.Owner(id); err != nil {
			return nil, err
		}
	}
	m, err := eventlog.Open(owner, about, r.Sealed)
	if err != nil {
		return nil, err
	}
	return json.Marshal(readable(m))
}
