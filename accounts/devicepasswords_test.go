package accounts

import (
	"errors"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"protokoll/schemas"
	"protokoll/xmpp/sasl"
)

var saltSecret = []byte("0123456789abcdef")

func salts(domain, localpart string, h sasl.Hash) sasl.Verifier {
	return sasl.Invented(saltSecret, domain, localpart, h, sasl.MinIterations)
}

func (x *tokens) makePassword(label string) (DevicePassword, string) {
	x.t.Helper()
	made, password, err := x.MakeDevicePassword(x.t.Context(), schemas.Cause_CLIENT, x.uni, label, salts)
	if err != nil {
		x.t.Fatal(err)
	}
	return made, password
}

func TestDevicePasswords(t *testing.T) {
	t.Parallel()
	x := newTokens(t)
	one, first := x.makePassword("Monal on the iPhone")
	two, second := x.makePassword("Spark")
	if !IsDevicePassword(first) || first == second || one.ID == two.ID {
		t.Errorf("%q and %q", first, second)
	}
	for text, want := range map[string]string{first: one.ID, strings.ToUpper(second): two.ID} {
		if id, err := x.CheckDevicePassword(x.uni, text); err != nil || id != want {
			t.Errorf("%q: %q, %v", text, id, err)
		}
	}
	if _, err := x.CheckDevicePassword(x.own, first); !errors.Is(err, ErrNoDevice) {
		t.Errorf("another account's: %v", err)
	}
	// Before anybody knows which one a client has, it is told the same salt, and that is the one of a name without an account.
	for _, h := range sasl.Hashes() {
		v, ok, err := x.DeviceVerifier(x.uni, h)
		like := salts("uni.example", "bert", h)
		if err != nil || !ok || len(v.Others) != 2 || string(v.Salt) != string(like.Salt) || v.Iterations != like.Iterations {
			t.Errorf("%v: %+v, %v", h, v, err)
		}
	}
	if err := x.RevokeDevicePassword(t.Context(), schemas.Cause_CLIENT, x.uni, one.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := x.CheckDevicePassword(x.uni, first); !errors.Is(err, ErrNoDevice) {
		t.Errorf("revoked: %v", err)
	}
	if err := x.RevokeDevicePassword(t.Context(), schemas.Cause_CLIENT, x.uni, one.ID); !errors.Is(err, ErrNoDevice) {
		t.Errorf("revoked twice: %v", err)
	}
	if all, err := x.DevicePasswords(x.uni); err != nil || len(all) != 1 || all[0].ID != two.ID || all[0].Label != "Spark" || !all[0].LastUsed.IsZero() {
		t.Errorf("%+v, %v", all, err)
	}
}

// TestDevicePasswordRevoked: what devices had by a password ends with it, and the password with its device.
func TestDevicePasswordRevoked(t *testing.T) {
	t.Parallel()
	x := newTokens(t)
	made, password := x.makePassword("phone")
	signIn := func(agent Agent) string {
		issued, err := x.NoteDevice(t.Context(), x.uni, Proved{Agent: agent, Key: made.ID, Wanted: exporter})
		if err != nil {
			t.Fatal(err)
		}
		return issued.Token
	}
	token := signIn(x.phone)
	other := signIn(x.pad)
	if all, err := x.DevicePasswords(x.uni); err != nil || all[0].LastUsed.IsZero() {
		t.Errorf("%+v, %v", all, err)
	}
	forgotten, err := x.RevokeDevice(t.Context(), schemas.Cause_CLIENT, x.uni, x.uni.DeviceID(x.phone.ID))
	if err != nil || !forgotten {
		t.Errorf("revoked: %t, %v", forgotten, err)
	}
	x.refused(x.uni, x.phone, token, ErrNoToken)
	x.refused(x.uni, x.pad, other, ErrNoToken)
	if _, err := x.CheckDevicePassword(x.uni, password); !errors.Is(err, ErrNoDevice) {
		t.Errorf("its password: %v", err)
	}
}

func TestDevicePasswordLimits(t *testing.T) {
	t.Parallel()
	x := newTokens(t)
	for label, want := range map[string]error{
		"": ErrLabel, " ": ErrLabel, "a\nb": ErrLabel, strings.Repeat("x", MaxLabel+1): ErrLabel, strings.Repeat("x", MaxLabel): nil,
	} {
		if _, _, err := x.MakeDevicePassword(t.Context(), schemas.Cause_CLIENT, x.uni, label, salts); !errors.Is(err, want) {
			t.Errorf("%q: %v", label, err)
		}
	}
	if _, _, err := x.MakeDevicePassword(t.Context(), schemas.Cause_CLIENT, x.own, "phone", salts); !errors.Is(err, ErrLocalAccount) {
		t.Errorf("a local account: %v", err)
	}
	for range MaxDevicePasswords - 1 { // one is there
		x.makePassword("phone")
	}
	if _, _, err := x.MakeDevicePassword(t.Context(), schemas.Cause_CLIENT, x.uni, "phone", salts); !errors.Is(err, ErrTooManyDevicePasswords) {
		t.Errorf("one too many: %v", err)
	}
}

// TestIsDevicePassword: what people choose is never taken for one, and every one is known again.
func TestIsDevicePassword(t *testing.T) {
	t.Parallel()
	for range 1000 {
		if p := newDevicePassword(); !IsDevicePassword(p) || !IsDevicePassword(strings.ToUpper(p)) || len(p) != 29 {
			t.Fatal(p)
		}
	}
	p := newDevicePassword()
	for _, text := range []string{"", "pencil", p[:28], p + "a", strings.ReplaceAll(p, "-", ""), p[5:] + "-" + p[:4], "aaaa-aaaa-aaaa-aaaa-aaaa-aaaa"} {
		if IsDevicePassword(text) {
			t.Errorf("%q", text)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		i := rapid.IntRange(0, len(p)-1).Draw(t, "at")
		c := rapid.SampledFrom([]byte("abcdefghijkmnpqrstuvwxyz23456789")).Draw(t, "letter")
		if text := p[:i] + string(c) + p[i+1:]; text != p && p[i] != '-' && IsDevicePassword(text) {
			t.Fatalf("%q is one letter from %q", text, p)
		}
	})
}

// FuzzIsDevicePassword reads whatever people send as a password.
func FuzzIsDevicePassword(f *testing.F) {
	f.Add(newDevicePassword())
	f.Add("aaaa-aaaa-aaaa-aaaa-aaaa-aaaa")
	f.Fuzz(func(t *testing.T, text string) {
		if IsDevicePassword(text) && len(text) != 29 {
			t.Error(text)
		}
	})
}
