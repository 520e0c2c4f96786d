package config

import "time"

// Default returns the settings that a file need not name.
func Default() Config {
	return Config{
		Listen: Listen{Client: []string{":5222"}, ClientTLS: []string{":5223"}},
		Limits: Limits{
			StanzaBytes: 256 << 10, StanzaBytesLogin: 8 << 10,
			LoginTime: 30 * time.Second, IdleTime: time.Hour,
			QueueBytes: 1 << 20, ConnectionsOrigin: 4000, ConnectionsAccount: 20, ConnectionsSecond: 200,
			OfflineMessages: 5000, OfflineBytes: 16 << 20, ArchiveMessages: 50_000, ArchiveBytes: 64 << 20, RosterItems: 5000, BytesPerSecond: 1 << 20,
		},
		Upload: Upload{
			FileBytes: 100 << 20, Files: 1000, TotalBytes: 1 << 30, KeptFiles: 50, KeptBytes: 20 << 20, Reserve: 256 << 20,
		},
		Proxy:  Proxy{Streams: 200, StreamsAccount: 10, BytesPerSecond: 4 << 20},
		Log:    Log{Reserve: 64 << 20, SegmentEvents: 1_000_000, SegmentAge: 12 * time.Hour},
		Tokens: Tokens{Life: 30 * 24 * time.Hour, DirectoryLife: 7 * 24 * time.Hour},
		Report: Report{Level: "info", Format: "text"},
		Resume: 10 * time.Minute,
		Stop:   3 * time.Second,
	}
}

// Defaults fills in what a [[domain]] table need not name.
func (d *Domain) Defaults() { d.Search = "opt-in" }

// Defaults fills in what a [[domain.directory.group]] table need not name.
func (g *Group) Defaults() {
	*g = Group{
		Filter: "(|(objectClass=groupOfNames)(objectClass=groupOfUniqueNames)(objectClass=group)(objectClass=posixGroup))",
		Member: "member", Name: "cn", Refresh: 15 * time.Minute,
	}
}

// Defaults fills in what a [domain.directory.vcard] table need not name.
func (v *VCard) Defaults() {
	*v = VCard{
		Name: "displayName", GivenName: "givenName", FamilyName: "sn", Mail: "mail", Phone: "telephoneNumber",
		Organisation: "o", Unit: "ou", Title: "title", Photo: "jpegPhoto", Refresh: time.Hour,
	}
}

// Defaults fills in what a [domain.directory] table need not name.
func (d *Directory) Defaults() {
	*d = Directory{
		Mail: "mail", ID: "entryUUID", Filter: "(objectClass=inetOrgPerson)",
		Pool: 8, DialTimeout: 2 * time.Second, Timeout: 3 * time.Second,
	}
}
