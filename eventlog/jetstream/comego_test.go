package jetstream

import (
	"fmt"
	"sync"
	"testing"

	"protokoll/eventlog"
	"protokoll/schemas"
)

// Lanes roll at the same moment again and again, so that JetStream's last stream often goes while the next one is made.
func TestStreamsComeAndGo(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	g := p.create()
	defer g.Close()
	var lanes sync.WaitGroup
	for lane, fact := range map[eventlog.Lane]func(int) eventlog.Fact{
		eventlog.Inbox: func(n int) eventlog.Fact { return eventlog.Set(fmt.Sprint(n), &schemas.OfflineMessage{}) },
		eventlog.Now:   func(n int) eventlog.Fact { return eventlog.Set(fmt.Sprint(n), &schemas.PresenceUpdated{}) },
		eventlog.Audit: func(n int) eventlog.Fact { return eventlog.Set(fmt.Sprint(n), &schemas.StaffAction{}) },
	} {
		lanes.Go(func() {
			for n := range 60 {
				if err := appendOne(g, eventlog.Command{Owner: p.owner, Facts: []eventlog.Fact{fact(n)}}); err != nil {
					t.Errorf("%s: %v", lane, err)
					return
				}
				if err := g.Roll(t.Context(), lane); err != nil {
					t.Errorf("%s: %v", lane, err)
					return
				}
			}
		})
	}
	lanes.Wait()
}
