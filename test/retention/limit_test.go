package retention

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"protokoll/cmd/protokoll/node"
	"protokoll/eventlog"
	"protokoll/projections/archive"
	"protokoll/schemas"
	"protokoll/xmpp/router"
)

// archived returns the numbers of the messages in somebody's archive, oldest first.
func (s *server) archived(name string) (numbers []int) {
	s.t.Helper()
	owner := s.account(name).Owner
	rows, _, err := s.Archive.Rows(owner.ID(), archive.Range{Max: 1000, Bytes: 1 << 20})
	if err != nil {
		s.t.Fatal(err)
	}
	for _, row := range rows {
		m, err := eventlog.Open(owner, row.About, row.Sealed)
		if err != nil {
			s.t.Fatal(err)
		}
		_, text, _ := strings.Cut(string(m.(*schemas.ArchivedMessage).GetStanza()), "<body>number ")
		n := 0
		if _, err := fmt.Sscanf(text, "%d<", &n); err != nil {
			s.t.Fatal(err)
		}
		numbers = append(numbers, n)
	}
	return numbers
}

// An archive that has reached its limit loses its oldest messages and nothing else, and not while its owner is restricted.
func TestArchiveLimit(t *testing.T) {
	const most, room = 40, 38 // 95 of 100 are left
	s := startWith(t, router.Limits{Archived: most}, "anna", "bela")
	desk := s.signIn("anna", "desk")
	s.ask(desk, "set", "<prefs xmlns='urn:xmpp:mam:2' default='always'/>")
	sent := 0
	send := func(n int) {
		for range n {
			sent++
			s.send(desk, fmt.Sprintf("<message to='anna@localhost' type='chat' id='m%d'><body>number %d</body></message>", sent, sent))
		}
	}
	holds := func(name string, first, last int) func() bool {
		return func() bool {
			is := s.archived(name)
			for i, n := range is {
				if n != is[0]+i {
					t.Fatalf("a message is missing between others: %v", is)
				}
			}
			return len(is) == last-first+1 && is[0] == first
		}
	}

	send(most)
	s.until("not all of what there is room for is archived", holds("anna", 1, most))
	send(1)
	s.until("one more than there is room for does not have the oldest ended", holds("anna", sent-room+1, sent))
	send(10)
	s.until("the archive is not left alone for a while", holds("anna", sent-room-9, sent))
	s.clock.pass(time.Minute)
	send(1)
	s.until("the archive stays above its limit", holds("anna", sent-room+1, sent))

	s.settle(desk)
	s.quiet()
	s.command(node.CommandRestrict, right("anna", "disputed"))
	s.clock.pass(time.Minute)
	desk = s.signIn("bela", "desk")
	send(10)
	s.until("what a restricted person has is changed", holds("anna", sent-room-9, sent))
	s.command(node.CommandUnrestrict, right("anna", "settled"))
	send(1)
	s.until("the archive stays above its limit once it is unrestricted", holds("anna", sent-room+1, sent))
	s.settle(desk)
	s.checkRebuilt()
}
