package archive

import (
	"fmt"
	"testing"

	"protokoll/test/server"
	"protokoll/test/wire"
)

const password = "secret"

var (
	target wire.Target
	pool   = server.NewPool(100)
)

func TestMain(m *testing.M) {
	server.Main(m, func(binary string) (func() error, error) {
		s, err := server.Start(server.Options{Binary: binary, Accounts: 100})
		if err != nil {
			return nil, err
		}
		end := func() error {
			defer s.Remove()
			return s.Stop()
		}
		if target, err = s.Target(); err != nil {
			return nil, err
		}
		return end, nil
	})
}

// Offline delivery does not depend on the archive, and the archive not on offline delivery: whatever the recipient's client can do,
// wherever it was, and whether anything is archived, its user sees every message once. XEP-0160 §3, XEP-0313 §5.1.1
func TestExactlyOnce(t *testing.T) {
	t.Parallel()
	for _, modern := range []bool{false, true} {
		for _, where := range []string{"online", "away", "both", "lost"} {
			for _, archived := range []bool{false, true} {
				name := fmt.Sprintf("modern=%t/%s/archived=%t", modern, where, archived)
				t.Run(name, func(t *testing.T) {
					t.Parallel()
					exactlyOnce(t, modern, where, archived)
				})
			}
		}
	}
}

const messages = 5

func exactlyOnce(t *testing.T, modern bool, where string, archived bool) {
	sender := &person{t: t, name: pool.Account(), modern: true, known: map[string]bool{}, shown: map[string]int{}}
	sender.signIn()
	reader := &person{t: t, name: pool.Account(), modern: modern, known: map[string]bool{}, shown: map[string]int{}}
	reader.signIn()
	if archived {
		for _, p := range []*person{sender, reader} {
			p.ask("set", "<prefs xmlns='urn:xmpp:mam:2' default='always'><always/><never/></prefs>")
		}
	}
	sent := 0
	say := func() {
		for range messages {
			sent++
			sender.say(reader.name, fmt.Sprint("m", sent))
		}
	}
	if where != "away" {
		say()
	}
	switch where {
	case "lost": // the connection is gone, and what was on its way with it
		if modern {
			reader.Drop()
		} else {
			reader.leave()
		}
		say()
	case "online":
		reader.leave()
	default:
		reader.leave()
		say()
	}
	for range 2 { // and nothing comes again
		reader.signIn()
		reader.leave()
	}
	once(t, "shown to the reader", reader.shown, sent)
	if !archived {
		return
	}
	fresh := &person{t: t, name: reader.name, modern: true, known: map[string]bool{}, shown: map[string]int{}}
	fresh.signIn() // a new device
	once(t, "in the reader's archive", fresh.shown, sent)
	fresh.leave()
	own := &person{t: t, name: sender.name, modern: true, known: map[string]bool{}, shown: map[string]int{}}
	sender.leave()
	own.signIn()
	once(t, "in the sender's archive", own.shown, sent)
	own.leave()
}

func once(t *testing.T, what string, shown map[string]int, sent int) {
	t.Helper()
	for n := range sent {
		if body := fmt.Sprint("m", n+1); shown[body] != 1 {
			t.Errorf("%s: %s %d times", what, body, shown[body])
		}
	}
	if len(shown) != sent {
		t.Errorf("%s: %d of %d", what, len(shown), sent)
	}
}
