package compliance

// row is one line of a table.
type row struct {
	group   string // category and level, or who asks
	feature string
	spec    string
	probes  []probe  // what must be announced; none: nothing is
	shown   []string // tests that show the behaviour: package.TestName, or package.TestName/script.txt
	waits   string   // the part that brings it; empty: it is there
}

// Names that several rows share.
const (
	conversations = "test/conversations.TestConversations/"
	rooms         = "rooms"
	web           = "web transports"
	calls         = "audio and video"
)

// suites are the rows of XEP-0479 §2 that say something about servers. Level "advanced" is asked for beyond "server".
func suites() []row {
	return []row{
		{"Core, server", "Core features", "RFC 6120", nil, []string{conversations + "features.txt", "xmpp/stream.TestOrder"}, ""},
		{"Core, server", "TLS", "RFC 7590", nil, []string{"xmpp/stream.TestHostile"}, ""},
		{"Core, advanced", "Direct TLS", "XEP-0368", nil, []string{"test/compliance.TestDirectTLS"}, ""},
		{"Core, server", "Feature discovery", "XEP-0030", atDomain("http://jabber.org/protocol/disco#info"), []string{conversations + "disco.txt"}, ""},
		{"Core, advanced", "Feature broadcasts", "XEP-0115", []probe{stream("http://jabber.org/protocol/caps", "c")}, []string{conversations + "caps.txt"}, ""},
		{"Core, server", "Server extensibility", "XEP-0114", nil, []string{"test/components.TestSlixmpp", "test/components.TestAnswers"}, ""},
		{"Core, advanced", "Event publishing", "XEP-0163", []probe{is("pubsub", "pep")}, []string{conversations + "pep.txt"}, ""},

		{"Web, server", "Web connection mechanisms", "RFC 7395, XEP-0206", nil, nil, web},
		{"Web, advanced", "Connection mechanism discovery", "XEP-0156", nil, nil, web},

		{"IM, server", "Core features", "RFC 6121", nil, []string{conversations + "roster_set.txt", conversations + "message_resources.txt"}, ""},
		{"IM, advanced", "User avatar compatibility", "XEP-0398, XEP-0153", atAccount("urn:xmpp:pep-vcard-conversion:0"), []string{conversations + "avatar.txt"}, ""},
		{"IM, server", "vcard-temp", "XEP-0054", atDomain("vcard-temp"), []string{conversations + "vcard.txt"}, ""},
		{"IM, server", "Outbound message synchronization", "XEP-0280", atDomain("urn:xmpp:carbons:2"), []string{conversations + "carbons.txt"}, ""},
		{"IM, advanced", "User blocking", "XEP-0191", atDomain("urn:xmpp:blocking"), []string{conversations + "blocking.txt"}, ""},
		{"IM, server", "Group chat", "XEP-0045", []probe{service("http://jabber.org/protocol/muc")}, nil, rooms},
		{"IM, advanced", "Advanced group chat", "XEP-0313 for rooms", []probe{service("http://jabber.org/protocol/muc")}, nil, rooms},
		{"IM, advanced", "Bookmarks", "XEP-0402", atAccount("urn:xmpp:bookmarks:1#compat"), []string{conversations + "bookmarks.txt"}, ""},
		{"IM, advanced", "Persistent storage of private data via PubSub", "XEP-0223", atAccount("http://jabber.org/protocol/pubsub#publish-options", "http://jabber.org/protocol/pubsub#persistent-items"), []string{conversations + "pep_options.txt"}, ""},
		{"IM, advanced", "Private XML storage", "XEP-0049", atDomain("jabber:iq:private"), []string{conversations + "private.txt"}, ""},
		{"IM, advanced", "Stream management", "XEP-0198", []probe{stream("urn:xmpp:sm:3", "sm")}, []string{conversations + "sm.txt", conversations + "sm_resume.txt"}, ""},
		{"IM, advanced", "History storage and retrieval", "XEP-0313", atAccount("urn:xmpp:mam:2"), []string{conversations + "archive.txt"}, ""},
		{"IM, server", "File upload", "XEP-0363", []probe{service("urn:xmpp:http:upload:0")}, []string{conversations + "upload.txt"}, ""},

		{"Mobile, server", "Stream management", "XEP-0198", []probe{stream("urn:xmpp:sm:3", "sm")}, []string{conversations + "sm_resume.txt"}, ""},
		{"Mobile, server", "Client state indication", "XEP-0352", []probe{stream("urn:xmpp:csi:0", "csi")}, []string{conversations + "csi.txt"}, ""},
		{"Mobile, advanced", "Third party push notifications", "XEP-0357", atAccount("urn:xmpp:push:0"), []string{conversations + "push.txt"}, ""},

		{"A/V calling, server", "STUN/TURN server discovery", "XEP-0215", atDomain("urn:xmpp:extdisco:2"), nil, calls},

		{"Of note", "In-band registration (not open: password and removal)", "XEP-0077", atDomain("jabber:iq:register"), []string{conversations + "register.txt"}, ""},
		{"Of note", "Contact addresses", "XEP-0157", nil, []string{"test/clients.TestDirectory/contact_addresses"}, ""},
		{"Of note", "Bind 2", "XEP-0386", nil, []string{conversations + "sasl2_bind2.txt"}, ""},
		{"Of note", "Fast authentication", "XEP-0484", nil, []string{conversations + "fast.txt"}, ""},
		{"Of note", "Invitations", "XEP-0401, XEP-0379, XEP-0445", nil, nil, "invitations"},
	}
}

// tester is the 25 checks of the Conversations compliance tester, by the names it gives them.
func tester() []row {
	return []row{
		{"tester", "xep0115", "XEP-0115", []probe{stream("http://jabber.org/protocol/caps", "c")}, nil, ""},
		{"tester", "xep0163", "XEP-0163", []probe{is("pubsub", "pep")}, nil, ""},
		{"tester", "xep0191", "XEP-0191", atDomain("urn:xmpp:blocking"), nil, ""},
		{"tester", "xep0198", "XEP-0198", []probe{stream("urn:xmpp:sm:3", "sm")}, nil, ""},
		{"tester", "xep0237", "RFC 6121 §2.6", []probe{stream("urn:xmpp:features:rosterver", "ver")}, nil, ""},
		{"tester", "xep0280", "XEP-0280", atDomain("urn:xmpp:carbons:2"), nil, ""},
		{"tester", "xep0313", "XEP-0313", atAccount("urn:xmpp:mam:2"), nil, ""},
		{"tester", "xep0352", "XEP-0352", []probe{stream("urn:xmpp:csi:0", "csi")}, nil, ""},
		{"tester", "xep0357", "XEP-0357", atAccount("urn:xmpp:push:0"), nil, ""},
		{"tester", "xep0363", "XEP-0363", []probe{service("urn:xmpp:http:upload:0")}, nil, ""},
		{"tester", "xep0363_cors", "XEP-0363", []probe{service("urn:xmpp:http:upload:0")}, []string{"test/transfers.TestUpload"}, ""},
		{"tester", "xep0065", "XEP-0065", []probe{service("http://jabber.org/protocol/bytestreams")}, nil, ""},
		{"tester", "xep0368", "XEP-0368", nil, []string{"test/compliance.TestDirectTLS"}, ""},
		{"tester", "xep0384", "XEP-0384", append(atAccount("http://jabber.org/protocol/pubsub#publish-options"), is("pubsub", "pep")), nil, ""},
		{"tester", "xep0398", "XEP-0398", atAccount("urn:xmpp:pep-vcard-conversion:0"), nil, ""},
		{"tester", "xep0411", "XEP-0411", atAccount("urn:xmpp:bookmarks-conversion:0"), nil, ""},
		{"tester", "xep0160", "XEP-0160", atDomain("msgoffline"), nil, ""},
		{"tester", "xep0157", "XEP-0157", nil, []string{"test/clients.TestDirectory/contact_addresses"}, ""},
		{"tester", "xep0077", "XEP-0077", nil, nil, "nothing: anybody could open an account; asked before sign-in, where it is not offered"},
		{"tester", "xep0045", "XEP-0045", []probe{service("http://jabber.org/protocol/muc")}, nil, rooms},
		{"tester", "xep0313_muc", "XEP-0313", []probe{service("http://jabber.org/protocol/muc")}, nil, rooms},
		{"tester", "xep0153_muc", "XEP-0153", []probe{service("http://jabber.org/protocol/muc")}, nil, rooms},
		{"tester", "xep0156", "XEP-0156", nil, nil, web},
		{"tester", "xep0215_stun", "XEP-0215", atDomain("urn:xmpp:extdisco:2"), nil, calls},
		{"tester", "xep0215_turn", "XEP-0215", atDomain("urn:xmpp:extdisco:2"), nil, calls},
	}
}
