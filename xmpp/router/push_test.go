package router

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"protokoll/xmpp/features"
	"protokoll/xmpp/frame"
)

// TestAsked matches answers by address and id, tells each once, and bounds what is waited for. Hostile rows H57, H93.
func TestAsked(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var q asked
		var got []error
		id, ok := q.add("a@b/c", func(_ *frame.Frame, err error) { got = append(got, err) })
		if !ok {
			t.Fatal("no room for the first")
		}
		if q.end(id, "a@b/d", nil, nil) || q.end("x", "a@b/c", nil, nil) {
			t.Error("an answer by another, or to another question, was taken")
		}
		if !q.end(id, "a@b/c", nil, nil) || q.end(id, "a@b/c", nil, nil) {
			t.Error("the answer was not taken exactly once")
		}
		for range maxAsked {
			if _, ok := q.add("a@b/c", func(_ *frame.Frame, err error) { got = append(got, err) }); !ok {
				t.Fatal("no room")
			}
		}
		if _, ok := q.add("a@b/c", nil); ok {
			t.Error("room for one more than may wait")
		}
		q.mu.Lock()
		for id, one := range q.waiting { // but one: thousands of timers at once prove no more
			if len(q.waiting) > 1 {
				one.timer.Stop()
				delete(q.waiting, id)
			}
		}
		q.mu.Unlock()
		synctest.Wait()
		time.Sleep(askPatience)
		synctest.Wait()
		if len(got) != 2 || got[0] != nil || !errors.Is(got[1], ErrNoAnswer) {
			t.Errorf("told %v", got)
		}
		q.close()
	})
}

func TestMayPass(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		err  error
		want bool
	}{
		{ErrNoAnswer, true},
		{&features.Error{Type: "wait", Condition: "resource-constraint"}, true},
		{&features.Error{Type: "cancel", Condition: "service-unavailable"}, true},
		{&features.Error{Type: "cancel", Condition: "item-not-found"}, false},
		{&features.Error{Type: "cancel", Condition: "gone"}, false},
		{&features.Error{Type: "auth", Condition: "forbidden"}, false},
	} {
		if mayPass(c.err) != c.want {
			t.Errorf("XEP-0357 §7.1: %v: %t", c.err, !c.want)
		}
	}
}

// TestPushFailures ends a registration with the last failure in a row that it may have, and not before.
func TestPushFailures(t *testing.T) {
	t.Parallel()
	p := &target{}
	for range maxPushFailures - 1 {
		p.answered(nil, ErrNoAnswer)
	}
	p.answered(nil, ErrNotOurs) // no fault of the service
	if p.failures != maxPushFailures-1 {
		t.Errorf("%d failures", p.failures)
	}
	p.answered(nil, nil)
	if p.failures != 0 {
		t.Error("a success forgets failures")
	}
}

// TestCopied remembers the newest messages only.
func TestCopied(t *testing.T) {
	t.Parallel()
	var c copied
	to := split([]byte("a@b/c"))
	c.add(to, []byte("0"))
	c.add(to, nil)
	for i := range rememberedCopies - 1 {
		c.add(to, []byte{byte(i), 1})
	}
	if !c.has(split([]byte("a@b/d")), []byte("0")) || c.has(to, nil) || c.has(split([]byte("x@b")), []byte("0")) {
		t.Error("not what was remembered")
	}
	c.add(to, []byte("one more"))
	if c.has(to, []byte("0")) || !c.has(to, []byte("one more")) {
		t.Error("the oldest goes first")
	}
}
