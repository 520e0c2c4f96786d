package accounts

import (
	"context"
	"crypto/rand"
	"encoding/base32"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"protokoll/eventlog"
	"protokoll/schemas"
	"protokoll/xmpp/sasl"
)

// Device passwords: long random passwords that the server makes for one device of a directory account each, for clients that do not
// sign in with PLAIN, or that keep the password for good. Nothing of the directory is in them. docs/decisions/0016

// Limits of device passwords.
const (
	MaxDevicePasswords = 20 // of one account
	MaxLabel           = 64 // bytes that say what one is for
)

// What a device password looks like: secretSize letters that are random and checkSize that follow from them, in groups. So one that
// was revoked, or mistyped, is told from the directory's password and never sent there, where it would count as a guess.
const (
	secretSize = 20 // 100 bits
	checkSize  = 4
	groupSize  = 4
)

var (
	// ErrTooManyDevicePasswords is returned when an account has MaxDevicePasswords.
	ErrTooManyDevicePasswords = errors.New("too many device passwords")
	// ErrLocalAccount is returned where a local account is to get a device password: it has a password of its own that any
	// client can use.
	ErrLocalAccount = errors.New("a local account needs no device password")
	// ErrLabel is returned for a label that is empty, too long or not printable.
	ErrLabel = errors.New("the label is empty, too long or not printable")
)

var letters = base32.NewEncoding("abcdefghijkmnpqrstuvwxyz23456789").WithPadding(base32.NoPadding)

// DevicePassword is what is known of one.
type DevicePassword struct {
	ID       string
	Label    string
	Made     time.Time // days, UTC
	LastUsed time.Time // zero: never
}

// Salts are what all device passwords of an account are hashed with, one for each family: a client is told it before anybody knows
// which password it has. It must be what a name without an account gets (sasl.Invented).
type Salts func(domain, localpart string, h sasl.Hash) sasl.Verifier

// MakeDevicePassword makes a password and returns it, for the only time. It returns ErrTooManyDevicePasswords, ErrLocalAccount or
// ErrLabel if there is to be none.
func (r *Registry) MakeDevicePassword(ctx context.Context, cause schemas.Cause, a Account, label string, salts Salts) (made DevicePassword, password string, err error) {
	if label = strings.TrimSpace(label); !goodLabel(label) {
		return made, "", ErrLabel
	}
	if a.Local() {
		return made, "", ErrLocalAccount
	}
	password = newDevicePassword()
	err = r.withDevices(ctx, cause, a, func(s *shelf) ([]eventlog.Fact, error) {
		if len(s.passwords) >= MaxDevicePasswords {
			return nil, ErrTooManyDevicePasswords
		}
		verifiers, err := s.verifiers(password, salts)
		if err != nil {
			return nil, err
		}
		fact := &schemas.DevicePasswordMade{Id: newPasswordID(), Label: label, Made: r.today(), Verifiers: Credentials(verifiers).GetVerifiers()}
		made = describePassword(fact)
		return []eventlog.Fact{eventlog.Set(entityDevicePassword+fact.GetId(), fact)}, nil
	})
	if err != nil {
		return DevicePassword{}, "", err
	}
	return made, password, nil
}

func goodLabel(label string) bool {
	return label != "" && len(label) <= MaxLabel && utf8.ValidString(label) && !strings.ContainsFunc(label, func(r rune) bool { return !unicode.IsPrint(r) })
}

// verifiers hashes a password with the salt of those that are there already, else with the one that salts gives.
func (s *shelf) verifiers(password string, salts Salts) ([]sasl.Verifier, error) {
	all := make([]sasl.Verifier, 0, len(sasl.Hashes()))
	for _, h := range sasl.Hashes() {
		like, ok := s.verifier(h)
		if !ok {
			like = salts(s.account.Domain, s.account.Localpart, h)
		}
		v, err := like.Rederive(password)
		if err != nil {
			return nil, fmt.Errorf("hash a device password: %w", err)
		}
		all = append(all, v)
	}
	return all, nil
}

// verifier puts the keys of all device passwords together. All have the same salt.
func (s *shelf) verifier(h sasl.Hash) (all sasl.Verifier, ok bool) {
	for _, p := range s.passwords {
		for _, v := range VerifiersOf(&schemas.AccountCredentials{Verifiers: p.GetVerifiers()}) {
			if v.Hash != h {
				continue
			}
			if !ok {
				all, ok = sasl.Verifier{Hash: h, Salt: v.Salt, Iterations: v.Iterations}, true
			}
			all.Others = append(all.Others, sasl.Keys{ID: p.GetId(), StoredKey: v.StoredKey, ServerKey: v.ServerKey})
		}
	}
	return all, ok
}

// DeviceVerifier returns the keys of all device passwords of an account, as sasl.Verifier.Others; ok is false if it has none. The
// account's own keys in it are empty.
func (r *Registry) DeviceVerifier(a Account, h sasl.Hash) (v sasl.Verifier, ok bool, err error) {
	s, err := r.shelf(a)
	if err != nil {
		return v, false, err
	}
	v, ok = s.verifier(h)
	return v, ok, nil
}

// CheckDevicePassword returns the id of the device password that a text is. It returns ErrNoDevice if it is none of this account's.
func (r *Registry) CheckDevicePassword(a Account, password string) (id string, err error) {
	h := sasl.Hashes()[0]
	v, ok, err := r.DeviceVerifier(a, h)
	if err != nil {
		return "", err
	}
	if !ok {
		return "", ErrNoDevice
	}
	if id, ok = v.CheckOthers(spelled(password)); !ok {
		return "", ErrNoDevice
	}
	return id, nil
}

// DevicePasswords lists the device passwords of an account, the newest first.
func (r *Registry) DevicePasswords(a Account) ([]DevicePassword, error) {
	s, err := r.shelf(a)
	if err != nil {
		return nil, err
	}
	all := make([]DevicePassword, 0, len(s.passwords))
	for _, p := range s.passwords {
		all = append(all, describePassword(p))
	}
	slices.SortFunc(all, func(a, b DevicePassword) int {
		if c := b.Made.Compare(a.Made); c != 0 {
			return c
		}
		return strings.Compare(a.ID, b.ID)
	})
	return all, nil
}

func describePassword(p *schemas.DevicePasswordMade) DevicePassword {
	return DevicePassword{ID: p.GetId(), Label: p.GetLabel(), Made: day(p.GetMade()), LastUsed: day(p.GetLastUsed())}
}

// RevokeDevicePassword ends a device password, and what devices had by it. It returns ErrNoDevice if there is none.
func (r *Registry) RevokeDevicePassword(ctx context.Context, cause schemas.Cause, a Account, id string) error {
	return r.withDevices(ctx, cause, a, func(s *shelf) ([]eventlog.Fact, error) {
		p := s.password(id)
		if p == nil {
			return nil, ErrNoDevice
		}
		return append(s.without(id, nil), endPassword(p)), nil
	})
}

// password returns the fact of a device password, nil if there is none.
func (s *shelf) password(id string) *schemas.DevicePasswordMade {
	i := slices.IndexFunc(s.passwords, func(p *schemas.DevicePasswordMade) bool { return p.GetId() == id })
	if i < 0 || id == "" {
		return nil
	}
	return s.passwords[i]
}

// passwordUsed notes the day, once.
func (s *shelf) passwordUsed(id string) *eventlog.Fact {
	p := s.password(id)
	if p == nil || p.GetLastUsed() == s.registry.today() {
		return nil
	}
	p.LastUsed = s.registry.today()
	f := eventlog.Set(entityDevicePassword+p.GetId(), p)
	return &f
}

func endPassword(p *schemas.DevicePasswordMade) eventlog.Fact {
	return eventlog.End(schemas.Family_TOKEN_FACTS, entityDevicePassword+p.GetId())
}

func newPasswordID() string {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails: crypto/rand crashes the program instead
	return hex.EncodeToString(b[:])
}

// newDevicePassword returns a new one, such as abcd-efgh-ijkm-npqr-stuv-wxyz.
func newDevicePassword() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails: crypto/rand crashes the program instead
	secret := letters.EncodeToString(b[:])[:secretSize]
	secret += checkOf(secret)
	var groups []string
	for len(secret) > 0 {
		groups = append(groups, secret[:groupSize])
		secret = secret[groupSize:]
	}
	return strings.Join(groups, "-")
}

// checkOf returns the letters that follow from the random ones: one text in a million that looks like a device password is none.
func checkOf(secret string) string {
	var sum uint32 = 2166136261 // FNV-1a
	for _, c := range []byte(secret) {
		sum = (sum ^ uint32(c)) * 16777619
	}
	return letters.EncodeToString([]byte{byte(sum), byte(sum >> 8), byte(sum >> 16), byte(sum >> 24)})[:checkSize]
}

// IsDevicePassword tells whether a text is spelled as a device password is.
func IsDevicePassword(text string) bool {
	if len(text) != (secretSize+checkSize)/groupSize*(groupSize+1)-1 {
		return false
	}
	plain := strings.ReplaceAll(spelled(text), "-", "")
	return len(plain) == secretSize+checkSize && checkOf(plain[:secretSize]) == plain[secretSize:]
}

// spelled is a device password as it was made: people write capitals.
func spelled(text string) string { return strings.ToLower(text) }
