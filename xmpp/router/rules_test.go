package router

import (
	"fmt"
	"testing"
)

// row is one line of the delivery rules: what becomes of a message of each type.
type row struct {
	section string
	to      Addressing
	who     Presence
	want    [5]Verdict // normal, chat, groupchat, headline, error
}

// rules is RFC 6121 §8.5 as a table, every combination of addressing and resources once.
var rules = []row{
	{"RFC 6121 §8.5.1", ToBare, NoAccount, [5]Verdict{Refuse, Refuse, Refuse, Ignore, Ignore}},
	{"RFC 6121 §8.5.1", ToMatched, NoAccount, [5]Verdict{Refuse, Refuse, Refuse, Ignore, Ignore}},
	{"RFC 6121 §8.5.1", ToUnmatched, NoAccount, [5]Verdict{Refuse, Refuse, Refuse, Ignore, Ignore}},

	{"RFC 6121 §8.5.2.2.1", ToBare, Away, [5]Verdict{Store, Store, Refuse, Ignore, Ignore}},
	{"RFC 6121 §8.5.2.1.1", ToBare, OnlyNegative, [5]Verdict{Store, Store, Refuse, Ignore, Ignore}},
	{"RFC 6121 §8.5.2.1.1", ToBare, NonNegative, [5]Verdict{ToBest, ToBest, Refuse, ToAll, Ignore}},

	{"RFC 6121 §8.5.3.1", ToMatched, Away, [5]Verdict{ToMatch, ToMatch, ToMatch, ToMatch, ToMatch}}, // connected, not available
	{"RFC 6121 §8.5.3.1", ToMatched, OnlyNegative, [5]Verdict{ToMatch, ToMatch, ToMatch, ToMatch, ToMatch}},
	{"RFC 6121 §8.5.3.1", ToMatched, NonNegative, [5]Verdict{ToMatch, ToMatch, ToMatch, ToMatch, ToMatch}},

	{"RFC 6121 §8.5.3.2.1", ToUnmatched, Away, [5]Verdict{Refuse, Store, Refuse, Ignore, Ignore}},
	{"RFC 6121 §8.5.3.2.1", ToUnmatched, OnlyNegative, [5]Verdict{Refuse, Store, Refuse, Ignore, Ignore}},
	{"RFC 6121 §8.5.3.2.1", ToUnmatched, NonNegative, [5]Verdict{Refuse, ToBest, Refuse, Ignore, Ignore}},
}

func TestDeliveryRules(t *testing.T) {
	t.Parallel()
	seen := map[[2]int]bool{}
	for _, r := range rules {
		seen[[2]int{int(r.to), int(r.who)}] = true
		for kind, want := range r.want {
			t.Run(fmt.Sprintf("%s/to%d/who%d/type%d", r.section, r.to, r.who, kind), func(t *testing.T) {
				if got := Judge(MessageType(kind), r.to, r.who); got != want {
					t.Errorf("got %d, want %d", got, want)
				}
			})
		}
	}
	if want := int(addressingEnd) * int(presenceEnd); len(seen) != want {
		t.Errorf("%d combinations of %d", len(seen), want)
	}
}

// TestErrorNeverAnswered holds whatever the rules above say. RFC 6120 §8.3.1
func TestErrorNeverAnswered(t *testing.T) {
	t.Parallel()
	for to := range addressingEnd {
		for who := range presenceEnd {
			if v := Judge(ErrorMessage, to, who); v == Refuse || v == Store {
				t.Errorf("error to %d with %d: %d", to, who, v)
			}
			if v := Judge(Headline, to, who); v == Store {
				t.Errorf("headline to %d with %d is stored", to, who)
			}
		}
	}
}
