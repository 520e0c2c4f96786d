package seal

import (
	"bytes"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"testing"

	"pgregory.net/rapid"

	"protokoll/schemas"
)

func testOwner(t testing.TB) *Owner {
	t.Helper()
	var key [32]byte
	rand.Read(key[:])
	o, err := newOwner(schemas.NewOwnerID(), &key)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func testAbout(o *Owner) About {
	return About{
		Owner: o.ID(), Family: schemas.Family_ROSTER_FACTS, Entity: o.Entity(schemas.Family_ROSTER_FACTS, "nurse@example.org"),
		Op: schemas.Op_SET, Type: "roster.item", Version: 1, Time: 1_700_000_000_000, Cause: schemas.Cause_CLIENT,
	}
}

func TestMACIsHMAC(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		key := [32]byte(rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "key"))
		msg := rapid.SliceOfN(rapid.Byte(), 0, 3*macShort).Draw(t, "msg")
		h := hmac.New(sha256.New, key[:])
		h.Write(msg)
		if got := mac(&key, msg); !bytes.Equal(got[:], h.Sum(nil)) {
			t.Fatalf("mac differs from crypto/hmac for %d bytes", len(msg))
		}
	})
}

func TestDeriveIsHKDFExpand(t *testing.T) {
	t.Parallel()
	key := [32]byte{1, 2, 3}
	want, err := hkdf.Expand(sha256.New, key[:], "protokoll seal", 32)
	if got := derive(&key, "seal"); err != nil || !bytes.Equal(got[:], want) {
		t.Fatalf("derive = %x, want %x (%v)", got, want, err)
	}
}

func TestSealOpens(t *testing.T) {
	t.Parallel()
	o := testOwner(t)
	rapid.Check(t, func(t *rapid.T) {
		a := testAbout(o)
		a.Type = rapid.StringN(0, 100, 200).Draw(t, "type")
		plain := rapid.SliceOf(rapid.Byte()).Draw(t, "plain")
		sealed := o.Seal([]byte("before"), a, plain)
		if len(sealed) != len("before")+len(plain)+Overhead {
			t.Fatalf("sealed has %d bytes", len(sealed))
		}
		got, err := o.Open([]byte("in front "), a, sealed[len("before"):])
		if err != nil || !bytes.Equal(got, append([]byte("in front "), plain...)) {
			t.Fatalf("opened %q, %v", got, err)
		}
	})
}

// TestSealedIsBound changes each field of About, each byte of what was sealed, and the owner.
func TestSealedIsBound(t *testing.T) {
	t.Parallel()
	o := testOwner(t)
	a := testAbout(o)
	sealed := o.Seal(nil, a, []byte("text"))
	others := map[string]func(*About){
		"owner":   func(a *About) { a.Owner[0]++ },
		"family":  func(a *About) { a.Family++ },
		"entity":  func(a *About) { a.Entity[15]++ },
		"op":      func(a *About) { a.Op++ },
		"type":    func(a *About) { a.Type += "x" },
		"version": func(a *About) { a.Version++ },
		"time":    func(a *About) { a.Time++ },
		"cause":   func(a *About) { a.Cause++ },
	}
	for name, change := range others {
		b := a
		change(&b)
		if _, err := o.Open(nil, b, sealed); !errors.Is(err, ErrSealed) {
			t.Errorf("another %s: %v, want ErrSealed", name, err)
		}
	}
	for i := range sealed {
		c := bytes.Clone(sealed)
		c[i] ^= 0x40
		if _, err := o.Open(nil, a, c); !errors.Is(err, ErrSealed) {
			t.Errorf("byte %d changed: %v, want ErrSealed", i, err)
		}
		if _, err := o.Open(nil, a, sealed[:i]); !errors.Is(err, ErrSealed) {
			t.Errorf("cut at %d: %v, want ErrSealed", i, err)
		}
	}
	if _, err := testOwner(t).Open(nil, a, sealed); !errors.Is(err, ErrSealed) {
		t.Errorf("another owner: %v, want ErrSealed", err)
	}
}

func TestHashesAreUnrelated(t *testing.T) {
	t.Parallel()
	o, p := testOwner(t), testOwner(t)
	seen := map[schemas.EntityID]string{}
	for name, id := range map[string]schemas.EntityID{
		"one":            o.Entity(schemas.Family_ROSTER_FACTS, "a"),
		"another family": o.Entity(schemas.Family_BLOCK_FACTS, "a"),
		"another name":   o.Entity(schemas.Family_ROSTER_FACTS, "b"),
		"another owner":  p.Entity(schemas.Family_ROSTER_FACTS, "a"),
	} {
		if other, ok := seen[id]; ok {
			t.Errorf("%s and %s have one entity", name, other)
		}
		seen[id] = name
	}
	if o.MAC("l", []byte("ab"), []byte("c")) == o.MAC("l", []byte("a"), []byte("bc")) {
		t.Error("parts run into each other")
	}
	first, second := o.MAC("l", []byte("a")), o.MAC("l", []byte("a"))
	if first != second || o.MAC("l", []byte("a")) == o.MAC("k", []byte("a")) {
		t.Error("a MAC must depend on its label and on nothing random")
	}
}

func TestSegmentRecords(t *testing.T) {
	t.Parallel()
	s, err := newSegment(SegmentID{7}, &[32]byte{1})
	if err != nil {
		t.Fatal(err)
	}
	c := s.Encipher(nil, 41, []byte("lane"), []byte("record"))
	if len(c) != len("record")+SegmentOverhead {
		t.Errorf("enciphered record has %d bytes", len(c))
	}
	if got, err := s.Decipher(nil, 41, []byte("lane"), c); err != nil || string(got) != "record" {
		t.Errorf("deciphered %q, %v", got, err)
	}
	if _, err := s.Decipher(nil, 42, []byte("lane"), c); !errors.Is(err, ErrSealed) {
		t.Errorf("another number: %v", err)
	}
	if _, err := s.Decipher(nil, 41, []byte("line"), c); !errors.Is(err, ErrSealed) {
		t.Errorf("other additional data: %v", err)
	}
	other, err := newSegment(SegmentID{7}, &[32]byte{2})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := other.Decipher(nil, 41, []byte("lane"), c); !errors.Is(err, ErrSealed) {
		t.Errorf("another key: %v", err)
	}
}

func TestAboutOf(t *testing.T) {
	t.Parallel()
	id := bytes.Repeat([]byte{1}, 16)
	set := schemas.Op_SET
	cases := []struct {
		name string
		e    *schemas.Envelope
		ok   bool
	}{
		{"set", &schemas.Envelope{Owner: id, Entity: id, Op: set, Type: "roster.item", Version: 1}, true},
		{"end", &schemas.Envelope{Owner: id, Entity: id, Op: schemas.Op_END}, true},
		{"close", &schemas.Envelope{Owner: id, Op: schemas.Op_CLOSE}, true},
		{"close with an entity", &schemas.Envelope{Owner: id, Entity: id, Op: schemas.Op_CLOSE}, false},
		{"end with a type", &schemas.Envelope{Owner: id, Entity: id, Op: schemas.Op_END, Type: "roster.item"}, false},
		{"end with a version", &schemas.Envelope{Owner: id, Entity: id, Op: schemas.Op_END, Version: 1}, false},
		{"set without a type", &schemas.Envelope{Owner: id, Entity: id, Op: set}, false},
		{"no op", &schemas.Envelope{Owner: id, Entity: id}, false},
		{"unknown op", &schemas.Envelope{Owner: id, Entity: id, Op: 9}, false},
		{"short owner", &schemas.Envelope{Owner: id[:15], Entity: id, Op: set, Type: "t"}, false},
		{"long owner", &schemas.Envelope{Owner: append(id, 1), Entity: id, Op: set, Type: "t"}, false},
		{"no entity", &schemas.Envelope{Owner: id, Op: set, Type: "t"}, false},
		{"long entity", &schemas.Envelope{Owner: id, Entity: append(id, 1), Op: set, Type: "t"}, false},
	}
	for _, c := range cases {
		_, err := AboutOf(c.e)
		if (err == nil) != c.ok || (err != nil && !errors.Is(err, ErrEnvelope)) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

func BenchmarkSegmentEncipher300(b *testing.B) {
	s, err := newSegment(SegmentID{7}, &[32]byte{1})
	if err != nil {
		b.Fatal(err)
	}
	plain, dst := make([]byte, 300), make([]byte, 0, 400)
	b.ReportAllocs()
	n := uint64(0)
	for b.Loop() {
		n++
		s.Encipher(dst, n, plain[:20], plain)
	}
}

func BenchmarkSeal300(b *testing.B) {
	o := testOwner(b)
	a, plain, dst := testAbout(o), make([]byte, 300), make([]byte, 0, 400)
	b.ReportAllocs()
	for b.Loop() {
		o.Seal(dst, a, plain)
	}
}

func BenchmarkOpen300(b *testing.B) {
	o := testOwner(b)
	a := testAbout(o)
	sealed, dst := o.Seal(nil, a, make([]byte, 300)), make([]byte, 0, 400)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := o.Open(dst, a, sealed); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkEntity(b *testing.B) {
	o := testOwner(b)
	b.ReportAllocs()
	for b.Loop() {
		o.Entity(schemas.Family_ROSTER_FACTS, "nurse@example.org")
	}
}
