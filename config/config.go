package config

import (
	_ "embed"
	"time"
)

// Example is the annotated example file: every setting with its default.
//
//go:embed protokoll.example.toml
var Example string

// Config is the whole file.
type Config struct {
	Data      string        `toml:"data"`
	Policy    string        `toml:"policy"`    // the privacy policy; empty: the one that is built in
	Operators []string      `toml:"operators"` // addresses whose clients show the menus of operators. XEP-0133
	Listen    Listen        `toml:"listen"`
	Domain    []Domain      `toml:"domain"`
	Contact   Contact       `toml:"contact"`
	Tokens    Tokens        `toml:"tokens"`
	Limits    Limits        `toml:"limits"`
	Log       Log           `toml:"log"`
	Upload    Upload        `toml:"upload"`
	Proxy     Proxy         `toml:"proxy"`
	PubSub    PubSub        `toml:"pubsub"`
	Component []Component   `toml:"component"`
	Ledger    Ledger        `toml:"ledger"`
	Report    Report        `toml:"report"`
	Resume    time.Duration `toml:"resume"` // how long a lost XEP-0198 session waits
	Stop      time.Duration `toml:"stop"`   // how long a stop waits for what is under way
}

// Listen says where clients connect, as host:port; an empty host is every address.
type Listen struct {
	Client    []string `toml:"client"`     // STARTTLS
	ClientTLS []string `toml:"client_tls"` // direct TLS. XEP-0368
	HTTPS     []string `toml:"https"`      // files that people upload; empty: none. XEP-0363
	Proxy     []string `toml:"proxy"`      // SOCKS5 bytestreams between clients; empty: none. XEP-0065
	Component []string `toml:"component"`  // external components, on this machine only; empty: none. XEP-0114
}

// Upload is what people may put on the server to send it. XEP-0363. Sizes in bytes.
type Upload struct {
	Host       string `toml:"host"` // JID of the service; empty: "upload." and the first domain
	URL        string `toml:"url"`  // how clients reach listen.https; empty: https://, the first domain and the port
	FileBytes  int    `toml:"file_bytes"`
	Files      int    `toml:"files"`
	TotalBytes int    `toml:"total_bytes"`
	KeptFiles  int    `toml:"kept_files"`
	KeptBytes  int    `toml:"kept_bytes"`
	Reserve    int    `toml:"reserve_bytes"`
}

// Proxy is the relay for bytestreams. XEP-0065
type Proxy struct {
	Host           string `toml:"host"`    // JID of the service; empty: "proxy." and the first domain
	Address        string `toml:"address"` // how clients reach listen.proxy; empty: the first domain
	Streams        int    `toml:"streams"`
	StreamsAccount int    `toml:"streams_per_account"`
	BytesPerSecond int    `toml:"bytes_per_second"`
}

// PubSub is the service for nodes that are nobody's own address. XEP-0060
type PubSub struct {
	Host string `toml:"host"` // JID of the service; empty: "pubsub." and the first domain
}

// Component is a program beside the server that answers for a host of its own. XEP-0114
type Component struct {
	Host       string `toml:"host"`
	SecretFile string `toml:"secret_file"` // its first line is the secret
}

// Domain is one served domain.
type Domain struct {
	Name        string     `toml:"name"`
	Certificate string     `toml:"certificate"` // PEM file, leaf first
	Key         string     `toml:"key"`         // PEM file
	Search      string     `toml:"search"`      // who may be found: off, opt-in, opt-out. XEP-0055
	Directory   *Directory `toml:"directory"`   // absent: local accounts only
}

// Contact lists contact addresses as URIs. XEP-0157 §3.
type Contact struct {
	DataProtection []string `toml:"data_protection"`
	Abuse          []string `toml:"abuse"`
	Admin          []string `toml:"admin"`
	Feedback       []string `toml:"feedback"`
	Sales          []string `toml:"sales"`
	Security       []string `toml:"security"`
	Status         []string `toml:"status"`
	Support        []string `toml:"support"`
}

// Directory is where a domain's accounts come from.
type Directory struct {
	URLs         []string      `toml:"urls"` // ldaps://, or ldap:// which always means StartTLS
	CA           string        `toml:"ca"`
	BindDN       string        `toml:"bind_dn"`
	PasswordFile string        `toml:"password_file"`
	BaseDN       string        `toml:"base_dn"`
	PasswordPage string        `toml:"password_page"` // URL where people change their passwords; may be empty
	Mail         string        `toml:"mail"`          // attribute with the mail addresses
	PrimaryMail  string        `toml:"primary_mail"`  // attribute with the one that counts; empty: Mail must have one value
	ID           string        `toml:"id"`            // attribute that never changes
	Filter       string        `toml:"filter"`        // only entries that match
	Pool         int           `toml:"pool"`
	DialTimeout  time.Duration `toml:"dial_timeout"`
	Timeout      time.Duration `toml:"timeout"`
	// DevicePasswords offers SCRAM, for passwords that the server makes for one device each.
	DevicePasswords bool    `toml:"device_passwords"`
	VCard           *VCard  `toml:"vcard"` // absent: nothing of the directory is shown to others
	Group           []Group `toml:"group"` // that are in the rosters of their members
	Rule            []Rule  `toml:"rule"`
}

// Group is where the directory has groups of people who have each other in their rosters.
type Group struct {
	Base      string        `toml:"base"` // DN of one group, or of what is above several
	Filter    string        `toml:"filter"`
	Member    string        `toml:"member"`     // attribute with the members: DNs …
	MemberKey string        `toml:"member_key"` // … or, where this is set, values of this attribute of people
	Name      string        `toml:"name"`       // attribute with the name that rosters show
	Title     string        `toml:"title"`      // name for all of them; empty: each has its own
	VisibleTo []string      `toml:"visible_to"` // names of groups whose members see these too
	Refresh   time.Duration `toml:"refresh"`
}

// VCard names the attributes of which a directory person's vCard is made who has none of their own. An empty one is not shown.
type VCard struct {
	Name         string        `toml:"name"` // FN; where it is empty, cn
	GivenName    string        `toml:"given_name"`
	FamilyName   string        `toml:"family_name"`
	Mail         string        `toml:"mail"`
	Phone        string        `toml:"phone"`
	Organisation string        `toml:"organisation"`
	Unit         string        `toml:"unit"`
	Title        string        `toml:"title"`
	Photo        string        `toml:"photo"`
	Refresh      time.Duration `toml:"refresh"` // how long it is shown before the directory is asked again
}

// Tokens says how long devices can sign in without the password. XEP-0484
type Tokens struct {
	Life          time.Duration `toml:"life"`           // since the last sign-in that renewed it
	DirectoryLife time.Duration `toml:"directory_life"` // of a directory account: since the day of the password
}

// Rule maps mail addresses of a domain to localparts with a suffix, both ways.
type Rule struct {
	MailDomain string `toml:"mail_domain"`
	Suffix     string `toml:"suffix"`
}

// Limits bounds what people and peers may use. Sizes in bytes.
type Limits struct {
	StanzaBytes        int           `toml:"stanza_bytes"`
	StanzaBytesLogin   int           `toml:"stanza_bytes_before_login"`
	LoginTime          time.Duration `toml:"login_time"`
	IdleTime           time.Duration `toml:"idle_time"`
	QueueBytes         int           `toml:"queue_bytes"`
	ConnectionsOrigin  int           `toml:"connections_per_origin"`
	ConnectionsAccount int           `toml:"connections_per_account"`
	OfflineMessages    int           `toml:"offline_messages"`
	OfflineBytes       int           `toml:"offline_bytes"`
	ArchiveMessages    int           `toml:"archive_messages"`
	ArchiveBytes       int           `toml:"archive_bytes"`
	RosterItems        int           `toml:"roster_items"`
	BytesPerSecond     int           `toml:"bytes_per_second"`
	ConnectionsSecond  int           `toml:"new_connections_per_origin"`
}

// Log sizes the event log.
type Log struct {
	Reserve       int           `toml:"reserve_bytes"`  // free space below which new facts are refused
	SegmentEvents int           `toml:"segment_events"` // a segment rolls at this number of events …
	SegmentAge    time.Duration `toml:"segment_age"`    // … or at this age
}

// Ledger says who remembers what the ledger signed.
type Ledger struct {
	Keep string `toml:"keep"` // folder to which checkpoints are pushed and which is read at start; empty: none
}

// Report says how the server speaks to its operator.
type Report struct {
	Level  string `toml:"level"`  // debug, info, warn, error
	Format string `toml:"format"` // text or json
}
