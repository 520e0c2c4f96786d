package upload

import (
	"errors"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"protokoll/schemas"
)

var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func TestSlotOnce(t *testing.T) {
	t.Parallel()
	s := newSlots()
	o := &slot{owner: schemas.OwnerID{1}, size: 10}
	if !s.add(o, start) {
		t.Fatal("no slot")
	}
	if len(o.secret) < 26 {
		t.Errorf("a secret of %d characters", len(o.secret)) // base32: 130 bits
	}
	if got, busy := s.take("guess", start); got != nil || busy {
		t.Error("a slot for a guess")
	}
	if got, _ := s.take(o.secret, start); got != o {
		t.Fatal("the slot is not found")
	}
	if got, busy := s.take(o.secret, start); got != nil || !busy {
		t.Error("two at once")
	}
	s.give(o, false, start)
	if got, _ := s.take(o.secret, start); got != o {
		t.Fatal("no second try after the first broke off")
	}
	s.give(o, true, start)
	if got, busy := s.take(o.secret, start); got != nil || busy {
		t.Error("used twice")
	}
	if len(s.open) != 0 || len(s.owners) != 0 {
		t.Errorf("left: %d slots, %d owners", len(s.open), len(s.owners))
	}
}

func TestSlotLife(t *testing.T) {
	t.Parallel()
	s := newSlots()
	early, late, busy := &slot{owner: schemas.OwnerID{1}, size: 1}, &slot{owner: schemas.OwnerID{1}, size: 2}, &slot{owner: schemas.OwnerID{2}, size: 4}
	for _, o := range []*slot{early, late, busy} {
		s.add(o, start)
	}
	last := start.Add(SlotLife - time.Nanosecond)
	if got, _ := s.take(busy.secret, last); got != busy {
		t.Error("gone before its time")
	}
	if _, bytes := s.pendingOf(early.owner, false, last); bytes != 3 {
		t.Errorf("%d bytes are on their way", bytes)
	}
	over := start.Add(SlotLife)
	if got, _ := s.take(early.secret, over); got != nil {
		t.Error("there after its time")
	}
	if files, bytes := s.pendingOf(early.owner, false, over); files != 0 || bytes != 0 {
		t.Errorf("%d files of %d bytes are on their way", files, bytes)
	}
	if _, bytes := s.pendingOf(busy.owner, false, over); bytes != 4 {
		t.Error("what is coming does not count")
	}
	s.give(busy, false, over)
	if len(s.open) != 0 || len(s.owners) != 0 {
		t.Errorf("left: %d slots, %d owners", len(s.open), len(s.owners))
	}
}

func TestMaxSlots(t *testing.T) {
	t.Parallel()
	s := newSlots()
	for i := range MaxSlots + 1 {
		if got := s.add(&slot{owner: schemas.OwnerID{1}, size: 1}, start); got != (i < MaxSlots) {
			t.Errorf("slot %d: %v", i+1, got)
		}
	}
	for i := MaxSlots; i < MaxSlotsInAll; i++ {
		if !s.add(&slot{owner: schemas.OwnerID{2, byte(i), byte(i >> 8)}, size: 1}, start) {
			t.Fatalf("slot %d in all", i+1)
		}
	}
	if s.add(&slot{owner: schemas.OwnerID{3}, size: 1}, start) {
		t.Error("one more than there may be")
	}
	if !s.add(&slot{owner: schemas.OwnerID{3}, size: 1}, start.Add(SlotLife)) {
		t.Error("no slot when the others are over")
	}
}

// facts are those of an account.
type facts []proto.Message

func (f facts) Get(schemas.Family, string) (proto.Message, error) { return nil, nil }
func (f facts) All(schemas.Family) ([]proto.Message, error)       { return f, nil }

func stored(n int, size int64, p schemas.UploadPurpose) proto.Message {
	s := &slot{id: fileID{byte(n)}, size: size, purpose: p}
	return eventOf(s, [32]byte{}, start.Add(time.Duration(n)*time.Minute), time.Time{})
}

func TestRoom(t *testing.T) {
	t.Parallel()
	l := Limits{Files: 3, TotalBytes: 100, KeptFiles: 2, KeptBytes: 50}.withDefaults()
	const message, profile, good = schemas.UploadPurpose_FOR_MESSAGE, schemas.UploadPurpose_FOR_PROFILE, schemas.UploadPurpose_FOR_PERMANENT
	for name, c := range map[string]struct {
		has  facts
		size int64
		p    schemas.UploadPurpose
		ends int // -1: refused
	}{
		"first":                     {nil, 100, message, 0},
		"too large":                 {nil, 101, message, -1},
		"last byte":                 {facts{stored(1, 60, message)}, 40, message, 0},
		"one byte more":             {facts{stored(1, 60, message)}, 41, message, -1},
		"last file":                 {facts{stored(1, 1, message), stored(2, 1, message)}, 1, message, 0},
		"one file more":             {facts{stored(1, 1, message), stored(2, 1, message), stored(3, 1, message)}, 1, message, -1},
		"kinds have their own room": {facts{stored(1, 100, message)}, 50, good, 0},
		"published, full":           {facts{stored(1, 30, good)}, 21, good, -1},
		"profile, oldest goes":      {facts{stored(2, 20, profile), stored(1, 20, profile)}, 20, profile, 1},
		"profile, all go":           {facts{stored(2, 20, profile), stored(1, 20, profile)}, 50, profile, 2},
		"profile spares the rest":   {facts{stored(1, 40, good), stored(2, 5, profile)}, 11, profile, -1},
	} {
		f := stored(9, c.size, c.p).(File)
		got, err := place(c.has, l, f, start.Add(time.Hour))
		switch {
		case c.ends < 0 && !errors.Is(err, errFull):
			t.Errorf("%s: %v, %v", name, got, err)
		case c.ends >= 0 && (err != nil || len(got) != c.ends+1 || got[0].Op != schemas.Op_SET):
			t.Errorf("%s: %d facts, %v", name, len(got), err)
		}
		for _, e := range got[min(1, len(got)):] {
			if e.Op != schemas.Op_END || e.Family != schemas.Family_UPLOAD_FACTS {
				t.Errorf("%s: %v", name, e)
			}
		}
		if c.ends == 1 && got[1].Entity != entity([]byte{1, 15: 0}) {
			t.Errorf("%s: not the oldest but %s", name, got[1].Entity)
		}
	}
}
