package retention

import (
	"context"
	"encoding/json"
	"time"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"protokoll/accounts"
	"protokoll/cmd/protokoll/node"
	"protokoll/eventlog"
	"protokoll/eventlog/seal"
	"protokoll/internal/control"
	"protokoll/schemas"
	"protokoll/xmpp/sasl"
)

// needles has at least one entry for every class that goes. TestNeedles fails for a class without one.
var needles = []needle{
	{class: "last-presence", put: func(h *hay, word string) []byte {
		h.send(h.anna(), "<presence><status>"+word+"</status></presence>")
		return nil
	}, end: func(h *hay) { h.send(h.anna(), "<presence/>") }},

	{class: "profile", put: func(h *hay, word string) []byte {
		h.ask(h.anna(), "set", "<vCard xmlns='vcard-temp'><NICKNAME>"+word+"</NICKNAME></vCard>")
		return nil
	}, end: func(h *hay) {
		h.ask(h.anna(), "set", "<vCard xmlns='vcard-temp'><NICKNAME>nobody</NICKNAME></vCard>")
	}},

	{class: "private-storage", put: func(h *hay, word string) []byte {
		h.ask(h.anna(), "set", "<query xmlns='jabber:iq:private'><notes xmlns='a:notes'>"+word+"</notes></query>")
		return nil
	}, end: func(h *hay) {
		h.ask(h.anna(), "set", "<query xmlns='jabber:iq:private'><notes xmlns='a:notes'/></query>")
	}},

	{class: "published", put: func(h *hay, word string) []byte {
		h.ask(h.anna(), "set", "<pubsub xmlns='http://jabber.org/protocol/pubsub'><publish node='a:notes'><item id='1'><note xmlns='a:notes'>"+word+"</note></item></publish></pubsub>")
		return nil
	}, end: func(h *hay) {
		h.ask(h.anna(), "set", "<pubsub xmlns='http://jabber.org/protocol/pubsub'><retract node='a:notes'><item id='1'/></retract></pubsub>")
	}},

	// What a node says of itself, and what is in it.
	{class: "published", put: func(h *hay, word string) []byte {
		h.ask(h.anna(), "set", "<pubsub xmlns='http://jabber.org/protocol/pubsub'><create node='a:box'/><configure><x xmlns='jabber:x:data' type='submit'>"+
			"<field var='pubsub#title'><value>"+word+"</value></field></x></configure></pubsub>")
		h.ask(h.anna(), "set", "<pubsub xmlns='http://jabber.org/protocol/pubsub'><publish node='a:box'><item id='1'><note xmlns='a:notes'>"+word+"</note></item></publish></pubsub>")
		return nil
	}, end: func(h *hay) {
		h.ask(h.anna(), "set", "<pubsub xmlns='http://jabber.org/protocol/pubsub#owner'><delete node='a:box'/></pubsub>")
	}},

	{class: "push", put: func(h *hay, word string) []byte {
		h.ask(h.anna(), "set", "<enable xmlns='urn:xmpp:push:0' jid='push.a.example' node='"+word+"'/>")
		return nil
	}, end: func(h *hay) {
		h.ask(h.anna(), "set", "<disable xmlns='urn:xmpp:push:0' jid='push.a.example'/>")
	}},

	{class: "contact-list", put: func(h *hay, word string) []byte {
		h.ask(h.anna(), "set", "<query xmlns='jabber:iq:roster'><item jid='carl@localhost' name='"+word+"'/></query>")
		return nil
	}, end: func(h *hay) {
		h.ask(h.anna(), "set", "<query xmlns='jabber:iq:roster'><item jid='carl@localhost' subscription='remove'/></query>")
	}},

	{class: "block-list", put: func(h *hay, word string) []byte {
		h.ask(h.anna(), "set", "<block xmlns='urn:xmpp:blocking'><item jid='"+word+"@a.example'/></block>")
		return nil
	}, end: func(h *hay) { h.ask(h.anna(), "set", "<unblock xmlns='urn:xmpp:blocking'/>") }},

	// A privacy list, and the name of the default one.
	{class: "block-list", put: func(h *hay, word string) []byte {
		h.ask(h.anna(), "set", "<query xmlns='jabber:iq:privacy'><list name='l'><item type='group' value='"+word+"' action='deny' order='1'><message/></item></list></query>")
		return nil
	}, end: func(h *hay) { h.ask(h.anna(), "set", "<query xmlns='jabber:iq:privacy'><list name='l'/></query>") }},

	{class: "block-list", put: func(h *hay, word string) []byte {
		h.ask(h.anna(), "set", "<query xmlns='jabber:iq:privacy'><list name='"+word+"'><item action='deny' order='1'><presence-out/></item></list></query>")
		h.ask(h.anna(), "set", "<query xmlns='jabber:iq:privacy'><default name='"+word+"'/></query>")
		return nil
	}, end: func(h *hay) {
		h.ask(h.anna(), "set", "<query xmlns='jabber:iq:privacy'><default/></query>")
		for _, l := range facts[*schemas.PrivacyList](h.server, h.account("anna").Owner, schemas.Family_BLOCK_FACTS) {
			h.ask(h.anna(), "set", "<query xmlns='jabber:iq:privacy'><list name='"+l.GetName()+"'/></query>")
		}
	}},

	{class: "offline-message", put: func(h *hay, word string) []byte {
		h.send(h.anna(), "<message to='bela@localhost' type='chat' id='m1'><body>"+word+"</body></message>")
		return nil
	}, end: func(h *hay) { h.fetch("bela") }},

	{class: "archive", put: func(h *hay, word string) []byte {
		h.ask(h.anna(), "set", "<prefs xmlns='urn:xmpp:mam:2' default='always'/>")
		h.send(h.anna(), "<presence/><message to='anna@localhost' type='chat' id='m1'><body>"+word+"</body></message>")
		return nil
	}, end: func(h *hay) { h.ask(h.anna(), "set", "<purge xmlns='urn:protokoll:archive:0'/>") }},

	// The name of the device. The last presence keeps it until there is another.
	{class: "session", put: func(h *hay, word string) []byte {
		h.desk = h.signIn("anna", word)
		h.send(h.desk, "<enable xmlns='urn:xmpp:sm:3' resume='true'/><presence/>") // what cannot be resumed is not written down
		return nil
	}, end: func(h *hay) {
		h.away()
		h.send(h.anna(), "<presence/>")
	}},

	// The moment of a sign-in, as it stands in the fact.
	{class: "last-login", put: func(h *hay, _ string) []byte {
		h.clock.pass(1234567 * time.Millisecond) // a moment of its own
		h.anna()
		var logins []*schemas.LastLogin
		h.until("nothing is remembered of a sign-in", func() bool {
			logins = facts[*schemas.LastLogin](h.server, h.account("anna").Owner, schemas.Family_SESSION_FACTS)
			return len(logins) == 1
		})
		// Not less than 64 bytes: Go keeps tiny blocks of memory as long as whatever else lies in them.
		return protowire.AppendVarint(make([]byte, 0, 64), uint64(logins[0].GetSignedIn()))
	}, end: func(h *hay) {
		h.away()
		h.clock.pass(time.Minute)
		h.anna()
	}},

	{class: "identity", put: func(h *hay, word string) []byte {
		n := accounts.NewAccount{Localpart: word, Domain: domain, DirectoryID: "entry-" + word}
		if err := h.Accounts.Open(context.Background(), schemas.Cause_DIRECTORY, n); err != nil {
			h.t.Fatal(err)
		}
		return nil
	}, end: func(h *hay) { h.erase(h.strangest()) }},

	{class: "credential", put: func(h *hay, word string) []byte {
		odd := sasl.Verifier{Hash: sasl.SHA256, Salt: []byte(word), Iterations: sasl.MinIterations}
		if err := h.Accounts.SetVerifiers(context.Background(), schemas.Cause_STAFF, h.account("bela"), []sasl.Verifier{odd}); err != nil {
			h.t.Fatal(err)
		}
		return nil
	}, end: func(h *hay) {
		h.command(node.CommandAccountPasswd, node.AccountArguments{Address: "bela@" + domain, Password: password})
	}},

	// What a token is derived from, and the name of the device that has it.
	{class: "credential", put: func(h *hay, word string) []byte {
		h.device("bela", "Desk")
		return facts[*schemas.DeviceSignedIn](h.server, h.account("bela").Owner, schemas.Family_TOKEN_FACTS)[0].GetFresh().GetNonce()
	}, end: func(h *hay) {
		if err := h.Accounts.EndTokens(context.Background(), schemas.Cause_STAFF, h.account("bela")); err != nil {
			h.t.Fatal(err)
		}
	}},

	{class: "notice", put: func(h *hay, word string) []byte {
		h.put(h.Keys.Server(), eventlog.Set("daily", &schemas.DailyNotice{Subject: word, Body: word}))
		return nil
	}, end: func(h *hay) { h.put(h.Keys.Server(), eventlog.End(schemas.Family_ACCOUNT_FACTS, "daily")) }},

	// What is known of a file; the file itself test/transfers looks for.
	{class: "upload", put: func(h *hay, word string) []byte {
		h.put(h.account("anna").Owner, eventlog.Set("file:a", &schemas.Uploaded{FileName: word}))
		return nil
	}, end: func(h *hay) { h.put(h.account("anna").Owner, eventlog.End(schemas.Family_UPLOAD_FACTS, "file:a")) }},
	{class: "kept-upload", put: func(h *hay, word string) []byte {
		h.put(h.account("anna").Owner, eventlog.Set("file:b", &schemas.UploadedForGood{FileName: word}))
		return nil
	}, end: func(h *hay) { h.put(h.account("anna").Owner, eventlog.End(schemas.Family_UPLOAD_FACTS, "file:b")) }},

	// The moment of the permission: it holds no words.
	{class: "consent", put: func(h *hay, _ string) []byte {
		const since = 0x5ca1ab1e5ca1ab1e
		h.put(h.account("anna").Owner, eventlog.Set("consent:search", &schemas.AccountConsent{Kind: schemas.ConsentKind(1), Since: since}))
		return protowire.AppendVarint(make([]byte, 0, 64), since)
	}, end: func(h *hay) {
		h.put(h.account("anna").Owner, eventlog.End(schemas.Family_ACCOUNT_FACTS, "consent:search"))
	}},

	{class: "device", put: func(h *hay, word string) []byte {
		h.device("bela", word)
		return nil
	}, end: func(h *hay) {
		h.command(node.CommandAccountPasswd, node.AccountArguments{Address: "bela@" + domain, Password: password})
	}},

	{class: "order", put: func(h *hay, word string) []byte {
		h.command(node.CommandObject, right("bela", word, func(a *node.RightsArguments) { a.To = "search" }))
		h.command(node.CommandRestrict, right("bela", word))
		return nil
	}, end: func(h *hay) {
		h.command(node.CommandUnrestrict, right("bela", "over"))
		h.command(node.CommandObject, right("bela", "over", func(a *node.RightsArguments) { a.To, a.Withdraw = "search", true }))
	}, beside: map[string]string{"audit": "what staff did is kept with the reason that they gave"}},

	// The keyed hash by which the address is found.
	{class: "reserved-address", put: func(h *hay, _ string) []byte {
		h.erase("bela")
		return facts[*schemas.AddressReserved](h.server, h.Keys.Server(), schemas.Family_ACCOUNT_FACTS)[0].GetHandle()
	}},

	// A contact elsewhere must be told that anna is gone.
	{class: "outbox", put: func(h *hay, word string) []byte {
		contact := word + "@a.example"
		h.put(h.account("anna").Owner, eventlog.Set(contact, &schemas.RosterItem{
			Contact: contact, Subscription: schemas.Subscription_BOTH, Listed: true,
		}))
		h.erase("anna")
		return nil
	}},

	{class: "audit", put: func(h *hay, word string) []byte {
		h.command(node.CommandRetentionRun, node.RetentionArguments{Staff: node.Staff{Actor: word, Reason: word}})
		return nil
	}},
}

// strangest returns the name of the account that is neither anna nor bela nor carl.
func (h *hay) strangest() (name string) {
	h.t.Helper()
	err := h.Accounts.List(func(a accounts.Account) error {
		name = max(name, a.Localpart) // an odd word comes last
		return nil
	})
	if err != nil {
		h.t.Fatal(err)
	}
	return name
}

// facts returns what is stated now of one type of an owner.
func facts[M proto.Message](s *server, o *seal.Owner, f schemas.Family) (all []M) {
	s.t.Helper()
	stated, err := s.State.Facts(o.ID(), f)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, fact := range stated {
		m, err := eventlog.Open(o, fact.About, fact.Sealed)
		if err != nil {
			s.t.Fatal(err)
		}
		if m, ok := m.(M); ok {
			all = append(all, m)
		}
	}
	return all
}

func right(name, reason string, more ...func(*node.RightsArguments)) node.RightsArguments {
	a := node.RightsArguments{Staff: node.Staff{Actor: "test", Reason: reason}, Address: name + "@" + domain}
	for _, set := range more {
		set(&a)
	}
	return a
}

// command asks the server for something, as its control socket would.
func (s *server) command(name string, arguments any) {
	s.t.Helper()
	input, err := json.Marshal(arguments)
	if err == nil {
		_, err = s.Commands()[name](context.Background(), input, func(control.Progress) {})
	}
	if err != nil {
		s.t.Fatal(err)
	}
}

// device has a device of that name sign in, which gets a token.
func (h *hay) device(name, device string) {
	h.t.Helper()
	_, err := h.Accounts.NoteDevice(context.Background(), h.account(name), accounts.Proved{
		Agent: accounts.Agent{ID: "d4565fa7-4d72-4749-b3d3-740edbf87770", Device: device}, Wanted: sasl.TokenUnbound})
	if err != nil {
		h.t.Fatal(err)
	}
}
