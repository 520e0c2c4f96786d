package compliance

// gajim is the server information of Gajim 1.7, without XEP-0258, which asks for labels that this server does not give.
func gajim() []row {
	const who = "Gajim"
	return []row{
		{who, "Multi-User Chat", "XEP-0045", []probe{service("http://jabber.org/protocol/muc")}, nil, rooms},
		{who, "vcard-temp", "XEP-0054", atDomain("vcard-temp"), nil, ""},
		{who, "In-Band Registration", "XEP-0077", atDomain("jabber:iq:register"), nil, ""},
		{who, "Personal Eventing Protocol", "XEP-0163", []probe{is("pubsub", "pep")}, nil, ""},
		{who, "#publish-options", "XEP-0163", atAccount("http://jabber.org/protocol/pubsub#publish-options"), nil, ""},
		{who, "Blocking Command", "XEP-0191", atDomain("urn:xmpp:blocking"), nil, ""},
		{who, "Stream Management", "XEP-0198", []probe{stream("urn:xmpp:sm:3", "sm")}, nil, ""},
		{who, "Message Carbons", "XEP-0280", atDomain("urn:xmpp:carbons:2"), nil, ""},
		{who, "Message Archive Management", "XEP-0313", atAccount("urn:xmpp:mam:2"), nil, ""},
		{who, "HTTP File Upload", "XEP-0363", []probe{service("urn:xmpp:http:upload:0")}, nil, ""},
		{who, "Avatar Conversion", "XEP-0398", atAccount("urn:xmpp:pep-vcard-conversion:0"), nil, ""},
		{who, "Bookmarks Conversion", "XEP-0411", atAccount("urn:xmpp:bookmarks-conversion:0"), nil, ""},
		{who, "Bookmarks Compat", "XEP-0402", atAccount("urn:xmpp:bookmarks:1#compat"), nil, ""},
		{who, "Bookmarks Compat PEP", "XEP-0402", atAccount("urn:xmpp:bookmarks:1#compat-pep"), nil, ""},
	}
}

// android is what Conversations shows of the server of an account.
func android() []row {
	const who = "Conversations"
	return []row{
		{who, "Roster Versioning", "RFC 6121 §2.6", []probe{stream("urn:xmpp:features:rosterver", "ver")}, nil, ""},
		{who, "Message Carbons", "XEP-0280", atDomain("urn:xmpp:carbons:2"), nil, ""},
		{who, "Client State Indication", "XEP-0352", []probe{stream("urn:xmpp:csi:0", "csi")}, nil, ""},
		{who, "Blocking Command", "XEP-0191", atDomain("urn:xmpp:blocking"), nil, ""},
		{who, "Stream Management", "XEP-0198", []probe{stream("urn:xmpp:sm:3", "sm")}, nil, ""},
		{who, "External Service Discovery", "XEP-0215", atDomain("urn:xmpp:extdisco:2"), nil, calls},
		{who, "PEP (avatars, OMEMO)", "XEP-0163", append(atAccount("http://jabber.org/protocol/pubsub#publish-options"), is("pubsub", "pep")), nil, ""},
		{who, "Message Archive Management", "XEP-0313", atAccount("urn:xmpp:mam:2"), nil, ""},
		{who, "HTTP File Upload", "XEP-0363", []probe{service("urn:xmpp:http:upload:0")}, nil, ""},
		{who, "Push", "XEP-0357", atAccount("urn:xmpp:push:0"), nil, ""},
		{who, "SASL2", "XEP-0388", []probe{before("urn:xmpp:sasl:2", "authentication")}, nil, ""},
		{who, "Bind 2", "XEP-0386", []probe{inline("urn:xmpp:bind:0", "bind")}, nil, ""},
		{who, "Fast authentication", "XEP-0484", []probe{inline("urn:xmpp:fast:0", "fast")}, nil, ""},
		{who, "Bookmarks", "XEP-0402", atAccount("urn:xmpp:bookmarks:1#compat"), nil, ""},
	}
}
