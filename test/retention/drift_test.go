package retention

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"protokoll/cmd/protokoll/node"
	"protokoll/eventlog"
	"protokoll/eventlog/seal"
	"protokoll/retention"
	"protokoll/schemas"
)

// values says for each event type how a test states the n-th value of an entity. A type without a row fails the drift test.
var values = map[string]func(n int) eventlog.Fact{
	"account.opened": func(n int) eventlog.Fact {
		return eventlog.Set("account", &schemas.AccountOpened{Localpart: fmt.Sprint("name", n), Domain: domain})
	},
	"account.credentials": func(n int) eventlog.Fact {
		return eventlog.Set("credentials", &schemas.AccountCredentials{Verifiers: []*schemas.Verifier{{Salt: []byte{byte(n)}}}})
	},
	"account.closing":   func(n int) eventlog.Fact { return eventlog.Set("closing", &schemas.AccountClosing{Since: int64(n)}) },
	"account.objection": objection,
	// What is due of a restricted person is held, so its rules are shown where the restriction has ended.
	"account.restricted": objection,
	"account.reserved": func(n int) eventlog.Fact {
		return eventlog.Set("reserved:x", &schemas.AddressReserved{Until: int64(n)})
	},
	"roster.item": func(n int) eventlog.Fact {
		return eventlog.Set("bela@"+domain, &schemas.RosterItem{Contact: "bela@" + domain, Name: fmt.Sprint(n), Listed: true})
	},
	"session.opened": func(n int) eventlog.Fact {
		return eventlog.Set("session:desk", &schemas.SessionOpened{Resource: "desk", Priority: int32(n)})
	},
	"session.last_login": func(n int) eventlog.Fact { return eventlog.Set("last", &schemas.LastLogin{SignedIn: int64(n)}) },
	"presence.updated": func(n int) eventlog.Fact {
		return eventlog.Set("presence:desk", &schemas.PresenceUpdated{Resource: "desk", Status: fmt.Sprint(n)})
	},
	"offline.message": func(n int) eventlog.Fact {
		return eventlog.Set("m", &schemas.OfflineMessage{Stanza: []byte("<message/>"), Received: int64(n)})
	},
	"pep.node": func(n int) eventlog.Fact {
		return eventlog.Set("\x00n", &schemas.NodeConfigured{Node: "n", Title: fmt.Sprint(n)})
	},
	"pep.hosted": func(n int) eventlog.Fact {
		return eventlog.Set("hosted\x00h\x00n", &schemas.NodeHosted{Node: "n", Service: fmt.Sprint(n)})
	},
	"pep.item": func(n int) eventlog.Fact {
		return eventlog.Set("item\x00\x00n\x00i", &schemas.ItemPublished{Node: "n", ItemId: "i", Number: uint64(n)})
	},
	"pep.subscription": func(n int) eventlog.Fact {
		return eventlog.Set("subscription\x00\x00n\x00s", &schemas.NodeSubscribed{Node: "n", Subscriber: "s", Since: int64(n)})
	},
	"profile.vcard":   func(n int) eventlog.Fact { return eventlog.Set("vcard", &schemas.VCard{Vcard: fmt.Append(nil, n)}) },
	"private.element": func(n int) eventlog.Fact { return eventlog.Set("p", &schemas.PrivateElement{Local: fmt.Sprint(n)}) },
	"block.address":   func(n int) eventlog.Fact { return eventlog.Set("b", &schemas.BlockedAddress{Address: fmt.Sprint(n)}) },
	"block.list":      func(n int) eventlog.Fact { return eventlog.Set("list l", &schemas.PrivacyList{Name: fmt.Sprint(n)}) },
	"block.default": func(n int) eventlog.Fact {
		return eventlog.Set("default list", &schemas.DefaultPrivacyList{Name: fmt.Sprint(n)})
	},
	"account.consent": func(n int) eventlog.Fact { return eventlog.Set("consent:c", &schemas.AccountConsent{Since: int64(n)}) },
	"account.notice":  func(n int) eventlog.Fact { return eventlog.Set("daily", &schemas.DailyNotice{Body: fmt.Sprint(n)}) },
	"upload.file":     func(n int) eventlog.Fact { return eventlog.Set("u", &schemas.Uploaded{Size: int64(n)}) },
	"upload.brief":    func(n int) eventlog.Fact { return eventlog.Set("u", &schemas.UploadedBriefly{Size: int64(n)}) },
	"upload.kept":     func(n int) eventlog.Fact { return eventlog.Set("u", &schemas.UploadedForGood{Size: int64(n)}) },
	"push.enabled":    func(n int) eventlog.Fact { return eventlog.Set("s n", &schemas.PushEnabled{Enabled: int64(n)}) },
	"archive.message": func(n int) eventlog.Fact { return eventlog.Set("id", &schemas.ArchivedMessage{Received: int64(n)}) },
	"archive.preferences": func(n int) eventlog.Fact {
		return eventlog.Set("preferences", &schemas.ArchivePreferences{Always: []string{fmt.Sprint(n)}})
	},
	"token.device": func(n int) eventlog.Fact {
		return eventlog.Set("device:a", &schemas.DeviceSignedIn{Agent: "a", LastSeen: int64(n), Current: &schemas.Token{Nonce: []byte{byte(n)}}})
	},
	"token.device_password": func(n int) eventlog.Fact {
		return eventlog.Set("password:a", &schemas.DevicePasswordMade{Id: "a", LastUsed: int64(n)})
	},
	"outbox.stanza": func(n int) eventlog.Fact { return eventlog.Set("o", &schemas.OutboxStanza{At: int64(n)}) },
	"audit.action":  func(n int) eventlog.Fact { return eventlog.Set(fmt.Sprint("a", n), &schemas.StaffAction{At: int64(n)}) },
	// In force is the newest; the one before it goes by age.
	"audit.policy": func(n int) eventlog.Fact { return eventlog.Set("policy", &schemas.PolicyChanged{At: int64(n)}) },
}

func objection(n int) eventlog.Fact {
	return eventlog.Set("objection:SEARCH", &schemas.AccountObjection{Kind: schemas.ObjectionKind_SEARCH, Since: int64(n)})
}

// ofServer lists the types that are facts of the server itself. What an erased account leaves in them TestServersOwnFactsOfTheErased
// looks at.
var ofServer = []string{"account.reserved", "account.notice", "outbox.stanza", "audit.action", "audit.policy"}

// triggers says for each trigger how events of a type come under it. What act returns must be gone when the deadline is over.
var triggers = map[retention.Trigger]func(d *drift) []eventlog.Position{
	retention.Superseded: func(d *drift) []eventlog.Position {
		due := d.put(d.owner, d.value(1))
		d.put(d.owner, d.value(2))
		if d.typ == "account.reserved" {
			d.erase("anna") // which alone replaces a reservation
		}
		return due
	},
	retention.Ended:     ended,
	retention.Delivered: ended,
	retention.AccountErased: func(d *drift) []eventlog.Position {
		due := d.current("account.opened")
		if d.typ != "account.opened" {
			due = d.put(d.owner, d.value(1))
		}
		d.erase("anna")
		return due
	},
	retention.LeftOver: func(d *drift) []eventlog.Position {
		nobody := d.nobody()
		due := d.put(nobody, d.value(1))
		if d.typ == "account.opened" { // makes it an account, but without a key it is none
			if err := d.Keys.Forget(nobody.ID()); err != nil {
				d.t.Fatal(err)
			}
		}
		return due
	},
	retention.Age: func(d *drift) []eventlog.Position {
		due := d.put(d.owner, d.value(1))
		if d.typ == "audit.policy" {
			d.put(d.owner, d.value(2))
		}
		d.pass(d.rule.After - time.Hour)
		if d.left(due) == 0 {
			d.t.Errorf("%s of %s goes an hour before its time", d.typ, d.rule.Name)
		}
		d.pass(time.Hour)
		return due
	},
}

func ended(d *drift) []eventlog.Position {
	f := d.value(1)
	due := d.put(d.owner, f)
	return append(due, d.put(d.owner, eventlog.End(schemasFamily(f.Value), f.Entity))...)
}

func schemasFamily(m proto.Message) schemas.Family {
	t, _ := schemas.TypeOf(m) // every value is of a known type: Append refuses others
	return t.Family
}

// drift is one event type under one rule on a server of its own.
type drift struct {
	*server
	rule  retention.Rule
	typ   string
	owner *seal.Owner
	value func(n int) eventlog.Fact
}

// current returns where the owner's fact of a type stands.
func (d *drift) current(typ string) (at []eventlog.Position) {
	d.t.Helper()
	for f := range schemas.Family_name {
		if eventlog.LaneOf(schemas.Family(f)) != eventlog.Lasting {
			continue
		}
		facts, err := d.State.Facts(d.owner.ID(), schemas.Family(f))
		if err != nil {
			d.t.Fatal(err)
		}
		for _, fact := range facts {
			if fact.Type == typ {
				at = append(at, fact.Position)
			}
		}
	}
	return at
}

// nobody is an owner without an account.
func (d *drift) nobody() *seal.Owner {
	d.t.Helper()
	id := schemas.NewOwnerID()
	if err := d.Keys.Add(id); err != nil {
		d.t.Fatal(err)
	}
	o, err := d.Keys.Owner(id)
	if err != nil {
		d.t.Fatal(err)
	}
	return o
}

func (s *server) erase(name string) {
	s.t.Helper()
	s.command(node.CommandErase, right(name, "asked"))
}

// left counts which events are still on disk, wherever they were moved.
func (d *drift) left(due []eventlog.Position) (n int) {
	d.t.Helper()
	d.read(func(r eventlog.Record) {
		if slices.Contains(due, eventlog.Position{Lane: eventlog.LaneOf(r.Envelope.GetFamily()), Number: r.Rank()}) {
			n++
		}
	})
	return n
}

// The policy promises deadlines; a whole server under a clock of its own keeps them, rule by rule and type by type.
func TestDrift(t *testing.T) {
	t.Parallel()
	for _, rule := range retention.Default().Rules() {
		for _, typ := range rule.Types {
			t.Run(rule.Name+"/"+typ, func(t *testing.T) {
				t.Parallel()
				checkRule(t, rule, typ)
			})
		}
	}
}

func checkRule(t *testing.T, rule retention.Rule, typ string) {
	value, act := values[typ], triggers[rule.Trigger]
	if value == nil || act == nil {
		t.Fatalf("nothing here carries out %s for %q: say how such an event comes about, and see that the engine takes it", rule.Name, typ)
	}
	d := &drift{server: start(t, "anna"), rule: rule, typ: typ, value: value}
	d.owner = d.account("anna").Owner
	if slices.Contains(ofServer, typ) {
		d.owner = d.Keys.Server()
	}
	d.pass(10 * time.Minute)
	due := act(d)
	d.pass(rule.Deadline)
	if n := d.left(due); n > 0 {
		t.Errorf("%d events are on disk after the deadline of %s", n, rule.Deadline)
	}
	st := d.status()
	if n := st.Overdue(); n > 0 {
		t.Errorf("%d events are overdue: %+v", n, st.Rules)
	}
}

// A rule for something that nothing carries out is noticed.
func TestEveryTriggerIsDriven(t *testing.T) {
	t.Parallel()
	for _, trigger := range retention.Triggers {
		if triggers[trigger] == nil && trigger != retention.Kept {
			t.Errorf("nothing drives events that are %q", trigger)
		}
	}
	for _, typ := range schemas.Types() {
		if values[typ.Name] == nil && !strings.HasPrefix(typ.Name, "proof.") {
			t.Errorf("nothing states a value of %q", typ.Name)
		}
	}
}
