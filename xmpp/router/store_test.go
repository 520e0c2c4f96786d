package router

import (
	"fmt"
	"strings"
	"testing"

	"protokoll/eventlog"
	"protokoll/schemas"
	"protokoll/xmpp/features"
	"protokoll/xmpp/stream"
)

const hello = "<message to='bert@example.org' type='chat' id='m1'><body>hello</body></message>"

// TestStoppedLogTellsNobody is F22: when nobody can say what is on disk, nothing is acknowledged or answered, neither now nor
// when the grace is over.
func TestStoppedLogTellsNobody(t *testing.T) {
	t.Parallel()
	for _, why := range []error{eventlog.ErrUncertain, eventlog.ErrStopped} {
		t.Run(why.Error(), func(t *testing.T) {
			f := newFixture(t)
			defer f.Close()
			anna := f.bind("anna", "desk", true)
			f.log.fail = fmt.Errorf("lane inbox: %w", why)
			for _, s := range []string{hello, "<presence/>", "<presence to='bert@example.org' type='subscribe'/>",
				"<iq type='set' id='r1'><query xmlns='jabber:iq:roster'><item jid='bert@example.org'/></query></iq>",
				"<iq type='set' id='v1'><vCard xmlns='vcard-temp'><FN>Anna</FN></vCard></iq>",
			} {
				anna.send(s)
			}
			turn := stream.NewTurn()
			anna.pledges[1].Duty().Bounce(turn, features.ResourceConstraint())
			turn.End()
			f.settleLater()
			for seq := uint32(1); seq <= anna.seq; seq++ {
				if anna.isKept(seq) {
					t.Errorf("stanza %d is acknowledged", seq)
				}
			}
			for _, got := range anna.all {
				if !strings.HasPrefix(got, "<presence from='anna@example.org/desk'") {
					t.Errorf("told: %s", got)
				}
			}
		})
	}
}

// TestStoppedLogKeepsMarks: what a client took is marked until the end of the letter is on disk.
func TestStoppedLogKeepsMarks(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	defer f.Close()
	f.bind("anna", "desk", true).send(hello)
	bert := f.bind("bert", "phone", true)
	bert.send("<presence/>")
	f.log.fail = eventlog.ErrUncertain
	var duties []*Duty
	bert.Duties(func(d *Duty) { duties = append(duties, d) })
	turn := stream.NewTurn()
	f.Settle(turn, duties, func() { t.Error("the mark is given up") })
	turn.End()
	if len(duties) != 1 {
		t.Errorf("%d letters were handed out", len(duties))
	}
}

// TestMarkedBeforeStored is F48: whoever has a message marks it before it is appended, under the entity that it is stored as.
func TestMarkedBeforeStored(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	defer f.Close()
	anna, bert := f.bind("anna", "desk", true), f.bind("bert", "phone", true)
	bert.send("<presence/>")
	var marked schemas.EntityID
	bert.stored = func(d *Duty) {
		if n := f.letters("bert"); n != 0 {
			t.Errorf("%d letters are stored already", n)
		}
		_, marked, _ = d.Letter()
	}
	anna.send(hello)
	anna.pledges[1].Duty().Store(nil)
	facts, err := f.log.Facts(bert.res.Account.owner.ID(), schemas.Family_OFFLINE_FACTS)
	if err != nil || len(facts) != 1 || facts[0].Entity != marked {
		t.Errorf("stored: %v, %v; marked: %v", facts, err, marked)
	}
}

// TestTakenWhileStored: a message that its client acknowledges in the moment of storing is not stored, because nothing would
// tell after a kill that the client has it.
func TestTakenWhileStored(t *testing.T) {
	t.Parallel()
	for name, settle := range map[string]bool{"acknowledged": false, "settled": true} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			defer f.Close()
			anna, bert := f.bind("anna", "desk", true), f.bind("bert", "phone", true)
			bert.send("<presence/>")
			before := f.log.number
			told, done := make(chan struct{}), make(chan struct{})
			anna.told = func() { close(told) }
			bert.stored = func(d *Duty) {
				d.Taken()
				if settle {
					go func() { // waits for the account's lock
						defer close(done)
						bert.ack(len(bert.queue))
					}()
					<-told // before that
				}
			}
			anna.send(hello)
			anna.pledges[1].Duty().Store(nil)
			if settle {
				<-done
			} else {
				bert.ack(len(bert.queue))
			}
			if n := f.log.number - before; n != 0 {
				t.Errorf("%d facts", n)
			}
			if !anna.isKept(1) {
				t.Error("the sender waits for ever")
			}
		})
	}
}
