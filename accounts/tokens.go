package accounts

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"time"

	"protokoll/eventlog"
	"protokoll/schemas"
)

// Tokens by which devices sign in again without a password, XEP-0484. A device has two at most: the one it uses, and a newer one
// that it may not have received. A token is derived from a random value under the account's key, so that neither an export nor
// whoever reads a fact can sign in with what is stored, and forgetting the key ends it.

// How long tokens live, unless Registry.Tokens says otherwise.
const (
	DefaultTokenLife = 30 * 24 * time.Hour
	// MaxDirectoryTokenLife is how long after its password was checked the token of a directory account can be used, however often
	// it was renewed: nobody sees yet that a password was changed in the directory. It is counted from the beginning of that day.
	MaxDirectoryTokenLife = 7 * 24 * time.Hour
	// renewAfter is how old a token is when the device gets a new one.
	renewAfter = 24 * time.Hour
)

const nonceSize = 16

// tokenPrefix says to whoever finds a token what it is. RFC 8959 §3
const tokenPrefix = "secret-token:"

var (
	// ErrNoToken is returned when a token is not known, is used by another mechanism or device, or again with an old count.
	ErrNoToken = errors.New("no such token")
	// ErrTokenExpired is returned when a token was right and has run out.
	ErrTokenExpired = errors.New("the token has expired")
)

// TokenLife says how long tokens live. Zero values mean the defaults.
type TokenLife struct {
	Local     time.Duration // of local accounts, since the last use that renewed them
	Directory time.Duration // of directory accounts, since the day of the last password; at most MaxDirectoryTokenLife
}

// Redemption is a sign-in with a token.
type Redemption struct {
	Agent      Agent
	Mechanism  string
	Count      *uint32 // nil: the client does not count
	Invalidate bool    // the token is to be forgotten
	Wanted     string  // the mechanism that a new token is wanted for; empty: none
	Try        func(secret []byte) bool
}

// Issued is what a device gets at a sign-in.
type Issued struct {
	Device  string // its id
	Token   string // empty: none
	Expires time.Time
}

// Redeem checks a token, and renews it when it is time. What the token's use changes is on disk when Redeem returns, so that it
// cannot be undone by a power cut. It returns ErrNoToken or ErrTokenExpired if the device may not sign in with it.
func (r *Registry) Redeem(ctx context.Context, a Account, use Redemption) (out Issued, err error) {
	err = r.withDevices(ctx, schemas.Cause_CLIENT, a, func(s *shelf) ([]eventlog.Fact, error) {
		t, err := s.redeemed(use)
		if err != nil {
			return nil, err
		}
		d, _, changed := s.known(use.Agent)
		used := s.use(d, t, use)
		out = Issued{Device: a.DeviceID(d.GetAgent())}
		old := r.Clock().UnixMilli()-t.GetIssued() >= renewAfter.Milliseconds()
		switch {
		case use.Wanted != "":
			out.Token, out.Expires = s.issue(d, use.Wanted)
		case old && !use.Invalidate:
			out.Token, out.Expires = s.issue(d, use.Mechanism)
		}
		if !changed && !used && out.Token == "" {
			return nil, nil
		}
		return []eventlog.Fact{setDevice(d)}, nil
	})
	if err != nil {
		return Issued{}, err
	}
	return out, nil
}

// redeemed finds the token that the client has proven. A device that is not known takes as long as one with a wrong token.
func (s *shelf) redeemed(use Redemption) (found *schemas.Token, err error) {
	d := s.device(use.Agent.ID)
	for _, t := range []*schemas.Token{d.GetFresh(), d.GetCurrent()} {
		if use.Try(s.secret(use.Agent.ID, t)) && t != nil {
			found = t
		}
	}
	switch {
	case found == nil, found.GetMechanism() != use.Mechanism: // XEP-0484 §3.4
		return nil, ErrNoToken
	case use.Count != nil && *use.Count < found.GetNextCount():
		return nil, ErrNoToken
	case !s.alive(found):
		return nil, ErrTokenExpired
	}
	return found, nil
}

// secret is the token that is derived from what is stored. XEP-0484 §3.3
func (s *shelf) secret(agent string, t *schemas.Token) []byte {
	sum := s.account.Owner.MAC("fast token", []byte(agent), t.GetNonce())
	return base64.RawURLEncoding.AppendEncode([]byte(tokenPrefix), sum[:])
}

// use notes that a token was used: it is the device's current one, and older ones end. changed: there is something to note.
// XEP-0484 §3.5, §3.6
func (s *shelf) use(d *schemas.DeviceSignedIn, t *schemas.Token, use Redemption) (changed bool) {
	if d.GetFresh() != nil && bytes.Equal(d.GetFresh().GetNonce(), t.GetNonce()) {
		d.Current, d.Fresh, changed = t, nil, true
	}
	if use.Count != nil {
		t.NextCount, changed = *use.Count+1, true
	}
	if use.Invalidate {
		d.Current, d.Fresh, changed = nil, nil, true
	}
	return changed
}

// issue makes a new token, in the place of one that was never used.
func (s *shelf) issue(d *schemas.DeviceSignedIn, mechanism string) (token string, expires time.Time) {
	now := s.registry.Clock()
	expires = s.expiry(now, d)
	if !expires.After(now) {
		return "", time.Time{}
	}
	nonce := make([]byte, nonceSize)
	_, _ = rand.Read(nonce) // never fails: crypto/rand crashes the program instead
	d.Fresh = &schemas.Token{Mechanism: mechanism, Nonce: nonce, Issued: now.UnixMilli(), Expires: expires.UnixMilli()}
	return string(s.secret(d.GetAgent(), d.Fresh)), expires
}

// expiry is when a token that is issued now runs out.
func (s *shelf) expiry(now time.Time, d *schemas.DeviceSignedIn) time.Time {
	life := s.registry.Tokens.withDefaults()
	if s.account.Local() {
		return now.Add(life.Local)
	}
	last := time.UnixMilli(d.GetProved()).Add(life.Directory)
	if e := now.Add(life.Local); e.Before(last) {
		return e
	}
	return last
}

func (l TokenLife) withDefaults() TokenLife {
	if l.Local == 0 {
		l.Local = DefaultTokenLife
	}
	if l.Directory == 0 || l.Directory > MaxDirectoryTokenLife {
		l.Directory = MaxDirectoryTokenLife
	}
	return l
}

// Proved is a sign-in with a password.
type Proved struct {
	Agent  Agent
	Key    string // id of the device password that was; empty: the account's own
	Wanted string // the mechanism that a token is wanted for; empty: none
}

// NoteDevice notes that a device has signed in with a password, and issues a token where one is wanted.
func (r *Registry) NoteDevice(ctx context.Context, a Account, in Proved) (out Issued, err error) {
	err = r.withDevices(ctx, schemas.Cause_CLIENT, a, func(s *shelf) ([]eventlog.Fact, error) {
		d, facts, changed := s.known(in.Agent)
		today := r.today()
		changed = changed || d.GetProved() != today || d.GetKey() != in.Key
		d.Proved, d.Key = today, in.Key
		out = Issued{Device: a.DeviceID(d.GetAgent())}
		if in.Wanted != "" {
			out.Token, out.Expires = s.issue(d, in.Wanted)
		}
		if changed || out.Token != "" {
			facts = append(facts, setDevice(d))
		}
		if used := s.passwordUsed(in.Key); used != nil {
			facts = append(facts, *used)
		}
		return facts, nil
	})
	return out, err
}
