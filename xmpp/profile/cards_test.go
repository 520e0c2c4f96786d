package profile

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"image/png"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"protokoll/eventlog"
	"protokoll/schemas"
	"protokoll/xmpp/features"
	"protokoll/xmpp/frame"
)

// phoneBook is a directory that says what a test wants.
type phoneBook struct {
	mu    sync.Mutex
	cards map[string]*Card
	fail  error
	asked int
	hold  chan struct{} // nil: it answers at once
}

func (p *phoneBook) Life(bare string) time.Duration {
	if strings.HasSuffix(bare, "@elsewhere") {
		return 0
	}
	return time.Hour
}

func (p *phoneBook) Card(ctx context.Context, bare string) (*Card, error) {
	p.mu.Lock()
	p.asked++
	card, err, hold := p.cards[bare], p.fail, p.hold
	p.mu.Unlock()
	if hold != nil {
		select {
		case <-hold:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	return card, err
}

func (p *phoneBook) set(fn func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	fn()
}

func (p *phoneBook) count() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.asked
}

func newCards(t *testing.T, p *phoneBook) (*Cards, *testClock) {
	t.Helper()
	clock := &testClock{now: epoch}
	c := NewCards(p, clock.read, slog.New(slog.DiscardHandler))
	t.Cleanup(c.Close)
	return c, clock
}

type testClock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *testClock) read() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *testClock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

func jpegOf(t testing.TB, width, height int) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, image.NewGray(image.Rect(0, 0, width, height)), &jpeg.Options{Quality: 5}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestCardsAreRemembered: the directory is asked once for a while, also when it knows nothing; after a failure it is left alone for a
// moment, and what it said before stays.
func TestCardsAreRemembered(t *testing.T) {
	t.Parallel()
	p := &phoneBook{cards: map[string]*Card{romeo: {Name: "Romeo"}}}
	c, clock := newCards(t, p)
	get := func(bare, want string, asked int) {
		t.Helper()
		got := ""
		if card := c.get(t.Context(), bare); card != nil {
			got = card.Name
		}
		if got != want || p.count() != asked {
			t.Errorf("%q, asked %d times; want %q, %d", got, p.count(), want, asked)
		}
	}
	get(romeo, "Romeo", 1)
	get(romeo, "Romeo", 1)
	get("nobody@x", "", 2)
	get("nobody@x", "", 2)
	get("a@elsewhere", "", 2)
	clock.pass(time.Hour)
	p.set(func() { p.cards[romeo] = &Card{Name: "R."} })
	get(romeo, "R.", 3)
	clock.pass(time.Hour)
	p.set(func() { p.fail = errors.New("away") })
	get(romeo, "R.", 4)
	get(romeo, "R.", 4)
	clock.pass(retryAfter)
	p.set(func() { p.fail = nil })
	get(romeo, "R.", 5)
	c.Forget(romeo)
	get(romeo, "R.", 6)
}

// TestCardsTellOfAnotherPhoto: once for each change, and not at a failure.
func TestCardsTellOfAnotherPhoto(t *testing.T) {
	t.Parallel()
	p := &phoneBook{cards: map[string]*Card{romeo: {Photo: jpegOf(t, 8, 8)}}}
	c, clock := newCards(t, p)
	told := make(chan string, 10)
	c.Changed = func(bare string) { told <- bare }
	if c.hash(romeo, time.Hour) != "" || <-told != romeo || c.hash(romeo, time.Hour) == "" || !c.Known(romeo) {
		t.Error("the first photo")
	}
	clock.pass(2 * time.Hour)
	first := c.hash(romeo, time.Hour) // the same again: nobody is told
	c.get(t.Context(), romeo)
	p.set(func() { p.cards[romeo] = &Card{Photo: jpegOf(t, 16, 8)} })
	clock.pass(2 * time.Hour)
	if c.hash(romeo, time.Hour) != first || <-told != romeo || c.hash(romeo, time.Hour) == first {
		t.Error("another photo")
	}
	clock.pass(2 * time.Hour)
	p.set(func() { p.cards[romeo] = nil })
	c.get(t.Context(), romeo)
	if <-told != romeo || c.Known(romeo) || len(told) > 0 {
		t.Error("no photo any more")
	}
}

// TestCardsAreBounded: the memory of cards is, by their bytes, and so is how many questions wait. Which photo somebody has is
// remembered longer than the photo.
func TestCardsAreBounded(t *testing.T) {
	t.Parallel()
	photo := jpegOf(t, 64, 64)
	p := &phoneBook{cards: map[string]*Card{}}
	c, _ := newCards(t, p)
	const people = 3 * MaxCardBytes / (cardOverhead + 1000)
	if len(photo) < 300 {
		t.Fatalf("the photo has %d bytes", len(photo))
	}
	card := (&Card{Photo: photo}).check()
	for i := range people {
		c.learn(fmt.Sprintf("p%d@x", i), card, nil)
		if c.bytes > MaxCardBytes {
			t.Fatal("too much is kept")
		}
	}
	if c.bytes < MaxCardBytes-card.size() || len(c.known) != people || c.recent.Len() != MaxCardBytes/card.size() {
		t.Errorf("%d bytes of %d cards for %d people", c.bytes, c.recent.Len(), len(c.known))
	}
	if !c.Known("p0@x") {
		t.Error("which photo the first one has is forgotten")
	}
	for i := range MaxHashes {
		c.learn(fmt.Sprintf("q%d@x", i), nil, nil)
	}
	if len(c.known) > MaxHashes {
		t.Errorf("%d people are known", len(c.known))
	}

	p.set(func() { p.hold = make(chan struct{}) })
	for i := range MaxLookups + MaxWaiting {
		if c.ask(fmt.Sprintf("r%d@x", i)) == nil {
			t.Fatalf("question %d is not asked", i)
		}
	}
	if c.ask("one@too.many") != nil {
		t.Error("too many questions wait")
	}
	close(p.hold)
}

// TestCardOfAHostileDirectory: whatever it says, what is shown is XML, and a photo is a whole picture of bounded size.
func TestCardOfAHostileDirectory(t *testing.T) {
	t.Parallel()
	good := jpegOf(t, 10, 10)
	var drawing bytes.Buffer
	if err := png.Encode(&drawing, image.NewGray(image.Rect(0, 0, 3, 3))); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		photo []byte
		shown bool
	}{
		"a picture": {good, true}, "a drawing": {drawing.Bytes(), true}, "none": {nil, false}, "half": {good[:len(good)/2], false},
		"no picture": {[]byte("<svg onload='x'/>"), false}, "only a head": {[]byte("\xff\xd8\xff\xe0\x00\x10JFIF"), false},
		"as wide as it may be": {jpegOf(t, MaxPhotoSide, 1), true}, "too wide": {jpegOf(t, MaxPhotoSide+1, 1), false},
		"too high": {jpegOf(t, 1, MaxPhotoSide+1), false}, "too large": {append(bytes.Clone(good), make([]byte, maxAvatar)...), false},
	} {
		card := (&Card{Name: "x", Photo: c.photo}).check()
		if (card.hash() != "") != c.shown {
			t.Errorf("%s: shown %v", name, card.hash() != "")
		}
		if raw := card.bytes(true); strings.Contains(string(raw), "PHOTO") != c.shown {
			t.Errorf("%s: %.80s", name, raw)
		}
		if strings.Contains(string(card.bytes(false)), "PHOTO") {
			t.Errorf("%s: a photo that is not to be shown", name)
		}
	}
	for _, text := range []string{"<x/>", "]]>", "&amp;", "\x00\x01", "\xff\xfe", strings.Repeat("ü", 1000), "'\"", ""} {
		raw := (&Card{Name: text, Given: text, Mail: text, Phone: text, Organisation: text, Unit: text, Title: text}).check().bytes(true)
		if _, err := frame.Parse(raw, frame.NSClient, frame.AfterLogin()); err != nil {
			t.Errorf("%.20q: %v: %.200s", text, err, raw)
		}
	}
	if got := string((*Card)(nil).check().bytes(true)); got != "<vCard xmlns='vcard-temp'/>" {
		t.Error("nothing said:", got)
	}
}

// TestUnsaid: what keeps the directory's card and photo from being shown.
func TestUnsaid(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		facts       []eventlog.Fact
		card, photo bool
	}{
		"nothing said":                 {nil, true, true},
		"a vCard":                      {[]eventlog.Fact{eventlog.Set("vcard", &schemas.VCard{Vcard: []byte("<vCard xmlns='vcard-temp'><FN>x</FN></vCard>")})}, false, false},
		"an objection":                 {[]eventlog.Fact{eventlog.Set("objection:DIRECTORY_PHOTO", &schemas.AccountObjection{Kind: schemas.ObjectionKind_DIRECTORY_PHOTO})}, false, false},
		"another objection":            {[]eventlog.Fact{eventlog.Set("objection:SEARCH", &schemas.AccountObjection{Kind: schemas.ObjectionKind_SEARCH})}, true, true},
		"a restriction":                {[]eventlog.Fact{eventlog.Set("restriction", &schemas.AccountRestricted{})}, false, false},
		"an avatar of their own, none": {[]eventlog.Fact{eventlog.Set("\x00"+NSAvatarMetadata, &schemas.NodeConfigured{Node: NSAvatarMetadata})}, true, false},
	} {
		a := newAccount()
		_, err := a.Change(schemas.Cause_CLIENT, func(features.Facts) ([]eventlog.Fact, error) { return c.facts, nil })
		if err != nil {
			t.Fatal(err)
		}
		if card, photo, err := unsaid(a); err != nil || card != c.card || photo != c.photo {
			t.Errorf("%s: card %v, photo %v, %v", name, card, photo, err)
		}
	}
}

func FuzzCard(f *testing.F) {
	f.Add("Romeo", "Dr. <rer>", jpegOf(f, 2, 2))
	f.Fuzz(func(t *testing.T, name, title string, photo []byte) {
		raw := (&Card{Name: name, Title: title, Photo: photo}).check().bytes(true)
		if _, err := frame.Parse(raw, frame.NSClient, frame.AfterLogin()); err != nil {
			t.Fatal(err)
		}
	})
}
