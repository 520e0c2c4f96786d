package directory

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"os"
	"time"

	"github.com/go-ldap/ldap/v3"
)

// Defaults of Config.
const (
	DefaultFilter        = "(objectClass=inetOrgPerson)"
	DefaultMailAttribute = "mail"
	DefaultIDAttribute   = "entryUUID"
	DefaultNameAttribute = "displayName"
	DefaultPoolSize      = 8
	DefaultDialTimeout   = 2 * time.Second
	DefaultOpTimeout     = 3 * time.Second
	DefaultSignInTimeout = 5 * time.Second
	DefaultRefusalFloor  = 300 * time.Millisecond
)

// MaxPoolSize bounds Config.PoolSize.
const MaxPoolSize = 256

// Config says how to reach the directory and how to read it.
type Config struct {
	// URLs are asked in this order; a later one only while those before it do not
	// answer. ldaps://host[:636], or ldap://host[:389], which means StartTLS:
	// there is no way to speak in clear.
	URLs []string
	// CAFile holds the certificates (PEM) that may sign the servers’; empty means
	// those of the system. The certificate must be for the host in the URL.
	CAFile string
	// BindDN and Password are the service account that may search.
	BindDN, Password string
	// BaseDN is where people are searched, the whole subtree.
	BaseDN string
	// Filter selects those who may sign in. Default DefaultFilter.
	Filter string
	// MailAttribute holds the mail addresses. PrimaryAttribute, where it is set,
	// holds the one that counts and alone decides.
	MailAttribute, PrimaryAttribute string
	// IDAttribute never changes and is never used again for somebody else.
	IDAttribute string
	// NameAttribute is the name to show.
	NameAttribute string
	// Mapping is between addresses and localparts.
	Mapping *Mapping
	// PoolSize bounds the connections for searches, and again those for binds.
	PoolSize int
	// DialTimeout is for connecting, TLS included; OpTimeout for each search or
	// bind; SignInTimeout for a whole Authenticate or Lookup.
	DialTimeout, OpTimeout, SignInTimeout time.Duration
	// RefusalFloor is the least time until a sign-in is refused, so that the
	// directory’s different speed with known and unknown names does not show.
	// Negative means none.
	RefusalFloor time.Duration
	// Now is the clock, for back-off; default time.Now.
	Now func() time.Time
	// Logger gets one line when the directory goes away and one when it is back.
	Logger *slog.Logger
}

// Format prints nothing of a configuration: it holds a password and addresses.
func (Config) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, "[directory configuration]") }

// LogValue prints nothing of a configuration.
func (Config) LogValue() slog.Value { return slog.StringValue("[directory configuration]") }

// searched is the attribute in which people are found.
func (c *Config) searched() string {
	if c.PrimaryAttribute != "" {
		return c.PrimaryAttribute
	}
	return c.MailAttribute
}

func (c *Config) setDefaults() {
	orString(&c.Filter, DefaultFilter)
	orString(&c.MailAttribute, DefaultMailAttribute)
	orString(&c.IDAttribute, DefaultIDAttribute)
	orString(&c.NameAttribute, DefaultNameAttribute)
	orDuration(&c.DialTimeout, DefaultDialTimeout)
	orDuration(&c.OpTimeout, DefaultOpTimeout)
	orDuration(&c.SignInTimeout, DefaultSignInTimeout)
	orDuration(&c.RefusalFloor, DefaultRefusalFloor)
	if c.PoolSize == 0 {
		c.PoolSize = DefaultPoolSize
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
}

func orString(s *string, otherwise string) {
	if *s == "" {
		*s = otherwise
	}
}

func orDuration(d *time.Duration, otherwise time.Duration) {
	if *d == 0 {
		*d = otherwise
	}
}

// check names every fault at once.
func (c *Config) check() error {
	var faults []error
	fault := func(bad bool, what string) {
		if bad {
			faults = append(faults, errors.New(what))
		}
	}
	fault(len(c.URLs) == 0, "no URL")
	fault(c.Mapping == nil, "no address mapping")
	fault(c.BindDN == "", "no service account")
	fault(c.Password == "", "no password for the service account")
	fault(c.BaseDN == "", "no base DN")
	fault(c.PoolSize < 1 || c.PoolSize > MaxPoolSize, fmt.Sprintf("pool size outside 1 to %d", MaxPoolSize))
	fault(c.DialTimeout < 0 || c.OpTimeout < 0 || c.SignInTimeout < 0, "negative time-out")
	fault(badDN(c.BindDN), "the service account is no valid DN")
	fault(badDN(c.BaseDN), "the base is no valid DN")
	_, err := ldap.CompileFilter(c.Filter)
	fault(err != nil, "the filter is no valid LDAP filter")
	for _, a := range []string{c.MailAttribute, c.IDAttribute, c.NameAttribute, c.searched()} {
		fault(!attributeName(a), fmt.Sprintf("%q is no attribute name", a))
	}
	return errors.Join(faults...)
}

func badDN(dn string) bool {
	_, err := ldap.ParseDN(dn)
	return err != nil
}

// attributeName allows RFC 4512 §1.4 keystring and numericoid, so that a name can
// be put into a filter as it is.
func attributeName(s string) bool {
	for _, c := range []byte(s) {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '.':
		default:
			return false
		}
	}
	return s != ""
}

// roots reads the CA file; nil means the system’s.
func (c *Config) roots() (*x509.CertPool, error) {
	if c.CAFile == "" {
		return nil, nil
	}
	pem, err := os.ReadFile(c.CAFile)
	if err != nil {
		return nil, fmt.Errorf("reading the CA file: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, errors.New("the CA file holds no certificate")
	}
	return pool, nil
}

// servers makes one server for each URL.
func (c *Config) servers(roots *x509.CertPool) ([]*server, error) {
	var list []*server
	for i, raw := range c.URLs {
		u, err := url.Parse(raw)
		if err != nil || u.Hostname() == "" || (u.Scheme != "ldap" && u.Scheme != "ldaps") ||
			(u.Path != "" && u.Path != "/") || u.RawQuery != "" || u.User != nil {
			return nil, fmt.Errorf("URL %d: want ldaps://host[:port] or ldap://host[:port]", i+1)
		}
		port := u.Port()
		if port == "" {
			port = map[string]string{"ldap": ldap.DefaultLdapPort, "ldaps": ldap.DefaultLdapsPort}[u.Scheme]
		}
		list = append(list, &server{
			number: i + 1, host: u.Hostname(), port: port, startTLS: u.Scheme == "ldap",
			tls: &tls.Config{RootCAs: roots, ServerName: u.Hostname(), MinVersion: tls.VersionTLS12},
		})
	}
	return list, nil
}
