package accounts

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"protokoll/eventlog"
	"protokoll/eventlog/jetstream"
	"protokoll/eventlog/seal"
	"protokoll/projections/state"
	"protokoll/schemas"
	"protokoll/xmpp/sasl"
)

// newStore returns a registry on a real log and state.
func newStore(t *testing.T) *Registry {
	t.Helper()
	dir := t.TempDir()
	keys, err := seal.Create(filepath.Join(dir, "keys"), seal.FileRoot(filepath.Join(dir, "root.key")))
	if err != nil {
		t.Fatal(err)
	}
	log, err := jetstream.Create(jetstream.Config{Dir: filepath.Join(dir, "log"), Keys: keys, ReserveBytes: 1})
	if err != nil {
		t.Fatal(err)
	}
	facts, err := state.Open(filepath.Join(dir, "state"), log, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var folding sync.WaitGroup
	folding.Go(func() { _ = facts.Run(ctx) }) // it ends because the test does
	t.Cleanup(func() {
		cancel()
		folding.Wait()
		if err := errors.Join(log.Close(), facts.Close()); err != nil {
			t.Error(err)
		}
	})
	return New(log, facts, keys)
}

var someVerifiers = sync.OnceValues(func() ([]sasl.Verifier, error) { return sasl.NewVerifiers("pencil", sasl.MinIterations) })

func verifiers(t *testing.T) []sasl.Verifier {
	t.Helper()
	vs, err := someVerifiers()
	if err != nil {
		t.Fatal(err)
	}
	return vs
}

// shut begins the erasure of an account.
func shut(t *testing.T, r *Registry, a Account) {
	t.Helper()
	receipt := r.log.Append(eventlog.Command{Owner: a.Owner, Cause: schemas.Cause_STAFF, Facts: []eventlog.Fact{
		eventlog.Set("closing", &schemas.AccountClosing{Since: 1}),
	}})
	if err := r.settled(t.Context(), receipt); err != nil {
		t.Fatal(err)
	}
}

// tokens is a registry whose clock stands still, with a local and a directory account.
type tokens struct {
	*Registry
	t          *testing.T
	now        time.Time
	own, uni   Account
	phone, pad Agent
}

func newTokens(t *testing.T) *tokens {
	t.Helper()
	x := &tokens{Registry: newStore(t), t: t, now: time.Date(2026, 11, 24, 15, 4, 5, 0, time.UTC),
		phone: Agent{"d4565fa7-4d72-4749-b3d3-740edbf87770", "Conversations", "Anna's phone"},
		pad:   Agent{"d4565fa7-4d72-4749-b3d3-740edbf87771", "Gajim", ""}}
	x.Clock = func() time.Time { return x.now }
	err := x.Open(t.Context(), schemas.Cause_STAFF,
		NewAccount{Localpart: "anna", Domain: "local.example", Verifiers: verifiers(t)},
		NewAccount{Localpart: "bert", Domain: "uni.example", DirectoryID: "entry 7"})
	if err == nil {
		x.own, err = x.Find("local.example", "anna")
	}
	if err == nil {
		x.uni, err = x.Find("uni.example", "bert")
	}
	if err != nil {
		t.Fatal(err)
	}
	return x
}

const exporter = "HT-SHA-256-EXPR"

// note signs in with a password and wants a token.
func (x *tokens) note(a Account, agent Agent) string {
	x.t.Helper()
	issued, err := x.NoteDevice(x.t.Context(), a, Proved{Agent: agent, Wanted: exporter})
	if err != nil || issued.Token == "" {
		x.t.Fatalf("no token: %+v, %v", issued, err)
	}
	return issued.Token
}

// redeem signs in with a token.
func (x *tokens) redeem(a Account, agent Agent, token string, change ...func(*Redemption)) (Issued, error) {
	x.t.Helper()
	use := Redemption{Agent: agent, Mechanism: exporter, Try: func(secret []byte) bool { return string(secret) == token }}
	for _, fn := range change {
		fn(&use)
	}
	return x.Redeem(x.t.Context(), a, use)
}

func (x *tokens) refused(a Account, agent Agent, token string, want error, change ...func(*Redemption)) {
	x.t.Helper()
	if issued, err := x.redeem(a, agent, token, change...); !errors.Is(err, want) || issued.Token != "" {
		x.t.Errorf("got %+v, %v, want %v", issued, err, want)
	}
}

func (x *tokens) taken(a Account, agent Agent, token string, change ...func(*Redemption)) Issued {
	x.t.Helper()
	issued, err := x.redeem(a, agent, token, change...)
	if err != nil {
		x.t.Errorf("refused: %v", err)
	}
	return issued
}

func count(n uint32) func(*Redemption) { return func(r *Redemption) { r.Count = &n } }

func TestTokens(t *testing.T) {
	t.Parallel()
	x := newTokens(t)
	token := x.note(x.own, x.phone)
	x.refused(x.own, x.pad, token, ErrNoToken)       // another device
	x.refused(x.uni, x.phone, token, ErrNoToken)     // another account, the same device
	x.refused(x.own, x.phone, token+"x", ErrNoToken) //
	x.refused(x.own, x.phone, "secret-token:", ErrNoToken)
	x.refused(x.own, x.phone, token, ErrNoToken, func(r *Redemption) { r.Mechanism = "HT-SHA-256-NONE" })
	if issued := x.taken(x.own, x.phone, token); issued.Token != "" || issued.Device != x.own.DeviceID(x.phone.ID) {
		t.Errorf("a fresh token is renewed: %+v", issued)
	}
	x.taken(x.own, x.phone, token, count(1))
	x.refused(x.own, x.phone, token, ErrNoToken, count(1))
	x.refused(x.own, x.phone, token, ErrNoToken, count(0))
	x.taken(x.own, x.phone, token, count(5))
	x.refused(x.own, x.phone, token, ErrNoToken, count(5))
	x.now = x.now.Add(DefaultTokenLife)
	x.refused(x.own, x.phone, token, ErrTokenExpired, count(6))
	x.refused(x.own, x.phone, token+"x", ErrNoToken, count(6)) // who has no token does not hear that one has expired
}

// TestTokenRenewal: the old token works until the new one was used, and not a moment longer. XEP-0484 §3.5
func TestTokenRenewal(t *testing.T) {
	t.Parallel()
	x := newTokens(t)
	first := x.note(x.own, x.phone)
	x.now = x.now.Add(renewAfter - time.Millisecond)
	if issued := x.taken(x.own, x.phone, first); issued.Token != "" {
		t.Error("renewed too early")
	}
	x.now = x.now.Add(time.Millisecond)
	lost := x.taken(x.own, x.phone, first).Token
	second := x.taken(x.own, x.phone, first).Token // the answer was lost
	if lost == "" || second == "" || lost == second {
		t.Fatalf("renewed as %q and %q", lost, second)
	}
	x.refused(x.own, x.phone, lost, ErrNoToken)
	x.taken(x.own, x.phone, first, func(r *Redemption) { r.Wanted = "" })
	// That one gave a third.
	third := x.taken(x.own, x.phone, first).Token
	x.taken(x.own, x.phone, third)
	x.refused(x.own, x.phone, first, ErrNoToken)
	x.refused(x.own, x.phone, second, ErrNoToken)
	x.taken(x.own, x.phone, third)
}

func TestTokenInvalidated(t *testing.T) {
	t.Parallel()
	x := newTokens(t)
	token := x.note(x.own, x.phone)
	x.now = x.now.Add(2 * renewAfter)
	if issued := x.taken(x.own, x.phone, token, func(r *Redemption) { r.Invalidate = true }); issued.Token != "" {
		t.Error("who logs out gets a new token")
	}
	x.refused(x.own, x.phone, token, ErrNoToken)
	token = x.note(x.own, x.phone)
	issued := x.taken(x.own, x.phone, token, func(r *Redemption) { r.Invalidate, r.Wanted = true, "HT-SHA-256-NONE" })
	x.refused(x.own, x.phone, token, ErrNoToken)
	x.taken(x.own, x.phone, issued.Token, func(r *Redemption) { r.Mechanism = "HT-SHA-256-NONE" })
}

// TestDirectoryTokens: a token of a directory account ends seven days after the password, however often it is renewed.
func TestDirectoryTokens(t *testing.T) {
	t.Parallel()
	x := newTokens(t)
	start := x.now
	token := x.note(x.uni, x.phone)
	last := start.Truncate(24 * time.Hour).Add(MaxDirectoryTokenLife)
	for x.now.Before(last.Add(-13 * time.Hour)) {
		issued := x.taken(x.uni, x.phone, token)
		if issued.Token != "" {
			token = issued.Token
		}
		if issued.Expires.After(last) {
			t.Fatalf("a token lives until %v, the password was seen at %v", issued.Expires, start)
		}
		x.now = x.now.Add(12 * time.Hour)
	}
	x.now = last
	x.refused(x.uni, x.phone, token, ErrTokenExpired)
	if x.now.Sub(start) > MaxDirectoryTokenLife {
		t.Error("longer than seven days")
	}
	x.note(x.uni, x.phone)
	if life := (TokenLife{Directory: 30 * 24 * time.Hour}).withDefaults(); life.Directory != MaxDirectoryTokenLife {
		t.Errorf("asked for more: %v", life)
	}
}

// TestTokensEnd: with another password, when somebody ends them, when the account is erased.
func TestTokensEnd(t *testing.T) {
	t.Parallel()
	x := newTokens(t)
	token := x.note(x.own, x.phone)
	if err := x.SetVerifiers(t.Context(), schemas.Cause_STAFF, x.own, verifiers(t)); err != nil {
		t.Fatal(err)
	}
	x.refused(x.own, x.phone, token, ErrNoToken)
	if all, err := x.Devices(x.own); err != nil || len(all) != 0 {
		t.Errorf("devices behind another password: %v, %v", all, err)
	}
	token = x.note(x.own, x.phone)
	if err := x.EndTokens(t.Context(), schemas.Cause_STAFF, x.own); err != nil {
		t.Fatal(err)
	}
	x.refused(x.own, x.phone, token, ErrNoToken)
	if all, err := x.Devices(x.own); err != nil || len(all) != 1 || all[0].Tokens {
		t.Errorf("devices without tokens: %+v, %v", all, err)
	}
}

// TestTokenWrites: a sign-in that changes nothing writes nothing.
func TestTokenWrites(t *testing.T) {
	t.Parallel()
	x := newTokens(t)
	token := x.note(x.own, x.phone)
	x.taken(x.own, x.phone, token) // it becomes the current one
	facts := func() string {
		f, err := x.state.Facts(x.own.Owner.ID(), schemas.Family_TOKEN_FACTS)
		if err != nil || len(f) != 1 {
			t.Fatalf("%d facts, %v", len(f), err)
		}
		return fmt.Sprint(f[0].Position)
	}
	before := facts()
	x.taken(x.own, x.phone, token)
	if facts() != before {
		t.Error("a sign-in with a token wrote something")
	}
	x.taken(x.own, x.phone, token, count(1))
	if facts() == before {
		t.Error("the count was not written")
	}
}

func TestDeviceList(t *testing.T) {
	t.Parallel()
	x := newTokens(t)
	x.note(x.own, x.phone)
	x.now = x.now.Add(48 * time.Hour)
	if _, err := x.NoteDevice(t.Context(), x.own, Proved{Agent: x.pad}); err != nil {
		t.Fatal(err)
	}
	all, err := x.Devices(x.own)
	if err != nil || len(all) != 2 {
		t.Fatalf("%+v, %v", all, err)
	}
	day := x.now.Truncate(24 * time.Hour)
	if d := all[0]; d.Agent != x.pad || d.Tokens || !d.LastSeen.Equal(day) || !d.Proved.Equal(day) {
		t.Errorf("pad: %+v", d)
	}
	if d := all[1]; d.Agent != x.phone || !d.Tokens || !d.FirstSeen.Equal(day.Add(-48*time.Hour)) || d.ID == all[0].ID {
		t.Errorf("phone: %+v", d)
	}
	// It knows the password: its token ends, and it stays on the list.
	if forgotten, err := x.RevokeDevice(t.Context(), schemas.Cause_CLIENT, x.own, all[1].ID); forgotten || err != nil {
		t.Errorf("revoked: %t, %v", forgotten, err)
	}
	if all, err = x.Devices(x.own); err != nil || len(all) != 2 || all[1].Tokens {
		t.Errorf("%+v, %v", all, err)
	}
	if _, err := x.RevokeDevice(t.Context(), schemas.Cause_CLIENT, x.own, x.uni.DeviceID(x.phone.ID)); !errors.Is(err, ErrNoDevice) {
		t.Errorf("a device of somebody else: %v", err)
	}
}

// TestDeviceLimit is at the edge: the device that was away longest makes room.
func TestDeviceLimit(t *testing.T) {
	t.Parallel()
	x := newTokens(t)
	for n := range MaxDevices + 1 {
		agent := Agent{ID: fmt.Sprintf("d4565fa7-4d72-4749-b3d3-7400000000%02d", n)}
		if _, err := x.NoteDevice(t.Context(), x.own, Proved{Agent: agent}); err != nil {
			t.Fatal(err)
		}
		x.now = x.now.Add(24 * time.Hour)
		all, err := x.Devices(x.own)
		if err != nil || len(all) != min(n+1, MaxDevices) {
			t.Fatalf("%d devices after %d, %v", len(all), n+1, err)
		}
		if last := all[len(all)-1].Agent.ID; n == MaxDevices && last != "d4565fa7-4d72-4749-b3d3-740000000001" {
			t.Errorf("%s is the oldest that stayed", last)
		}
	}
}

// TestTokenOfClosingAccount: nothing is noted for an account that is being erased.
func TestTokenOfClosingAccount(t *testing.T) {
	t.Parallel()
	x := newTokens(t)
	token := x.note(x.own, x.phone)
	shut(t, x.Registry, x.own)
	x.refused(x.own, x.phone, token, ErrNoAccount)
	if _, err := x.NoteDevice(context.Background(), x.own, Proved{Agent: x.phone}); !errors.Is(err, ErrNoAccount) {
		t.Errorf("noted: %v", err)
	}
}
