package config

import (
	"fmt"
	"net"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"time"

	"mellium.im/xmpp/jid"

	"protokoll/internal/strict"
)

// maxPool is the most connections to a directory; package directory has the same limit.
const maxPool = 256

// check notes what is wrong with values.
type check struct{ *strict.File }

// validate notes values that cannot work. It speaks of what the file says, not of what the machine has.
func (d check) validate(c *Config) {
	d.require("data", c.Data)
	d.addresses("listen.client", c.Listen.Client)
	d.addresses("listen.client_tls", c.Listen.ClientTLS)
	d.addresses("listen.https", c.Listen.HTTPS)
	d.addresses("listen.proxy", c.Listen.Proxy)
	d.addresses("listen.component", c.Listen.Component)
	if len(c.Listen.Client)+len(c.Listen.ClientTLS) == 0 {
		d.Fault("listen", "names no address to listen on")
	}
	if len(c.Domain) == 0 {
		d.Fault("domain", "at least one [[domain]] is needed")
	}
	seen := map[string]bool{}
	for i := range c.Domain {
		d.domain(fmt.Sprintf("domain.%d", i), &c.Domain[i], seen)
	}
	d.contact("contact", reflect.ValueOf(c.Contact))
	d.operators(c)
	d.positive("limits", reflect.ValueOf(c.Limits))
	d.positive("log", reflect.ValueOf(c.Log))
	d.positive("upload", reflect.ValueOf(c.Upload))
	d.positive("proxy", reflect.ValueOf(c.Proxy))
	d.services(c)
	d.components(c)
	d.tokens(&c.Tokens)
	if c.Limits.StanzaBytes < 10_000 {
		d.Fault("limits.stanza_bytes", "must be at least 10000 (RFC 6120 §13.12)")
	}
	if !slices.Contains([]string{"debug", "info", "warn", "error"}, c.Report.Level) {
		d.Fault("report.level", "must be debug, info, warn or error")
	}
	if !slices.Contains([]string{"text", "json"}, c.Report.Format) {
		d.Fault("report.format", "must be text or json")
	}
}

// The bounds of how long tokens live. Package accounts has the same one for directories.
const (
	minTokenLife          = 24 * time.Hour
	maxDirectoryTokenLife = 7 * 24 * time.Hour
)

func (d check) tokens(t *Tokens) {
	if t.Life < minTokenLife {
		d.Fault("tokens.life", "must be at least %s", minTokenLife)
	}
	if t.DirectoryLife < minTokenLife || t.DirectoryLife > maxDirectoryTokenLife {
		d.Fault("tokens.directory_life", "must be %s to %s", minTokenLife, maxDirectoryTokenLife)
	}
}

func (d check) require(path, value string) {
	if value == "" {
		d.Fault(path, "is missing")
	}
}

func (d check) addresses(path string, list []string) {
	for i, a := range list {
		if _, port, err := net.SplitHostPort(a); err != nil || port == "" {
			d.Fault(strict.Join(path, fmt.Sprint(i)), "must be host:port")
		}
	}
}

func (d check) domain(path string, dom *Domain, seen map[string]bool) {
	d.require(strict.Join(path, "name"), dom.Name)
	if j, err := jid.Parse(dom.Name); dom.Name != "" && (err != nil || j.Domainpart() != dom.Name || j.String() != dom.Name) {
		d.Fault(strict.Join(path, "name"), "is no domain in its prepared (lower-case) form")
	}
	if seen[dom.Name] {
		d.Fault(strict.Join(path, "name"), "is named twice")
	}
	seen[dom.Name] = true
	d.require(strict.Join(path, "certificate"), dom.Certificate)
	d.require(strict.Join(path, "key"), dom.Key)
	if !slices.Contains([]string{"off", "opt-in", "opt-out"}, dom.Search) {
		d.Fault(strict.Join(path, "search"), "must be off, opt-in or opt-out")
	}
	if dom.Directory != nil {
		d.directory(strict.Join(path, "directory"), dom.Directory)
	}
}

// services checks how clients find what stands beside the domains.
func (d check) services(c *Config) {
	taken := map[string]bool{}
	for _, dom := range c.Domain {
		taken[dom.Name] = true
	}
	for path, host := range map[string]string{"upload.host": c.Upload.Host, "proxy.host": c.Proxy.Host, "pubsub.host": c.PubSub.Host} {
		if j, err := jid.Parse(host); host != "" && (err != nil || j.Domainpart() != host || j.String() != host) {
			d.Fault(path, "is no domain in its prepared (lower-case) form")
		}
		if taken[host] {
			d.Fault(path, "must be a name of its own")
		}
	}
	if c.Upload.Host != "" && c.Upload.Host == c.Proxy.Host {
		d.Fault("proxy.host", "must be a name of its own")
	}
	if h := c.PubSub.Host; h != "" && (h == c.Proxy.Host || h == c.Upload.Host) {
		d.Fault("pubsub.host", "must be a name of its own")
	}
	u, err := url.Parse(c.Upload.URL)
	if c.Upload.URL != "" && (err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "") {
		d.Fault("upload.url", "must be https://host or https://host:port")
	}
	if strings.ContainsAny(c.Proxy.Address, ":/ @") && net.ParseIP(c.Proxy.Address) == nil {
		d.Fault("proxy.address", "must be a host name or an address, without a port")
	}
}

// OnlyHere tells whether nothing but this machine reaches an address to listen on.
func OnlyHere(address string) bool {
	host, _, err := net.SplitHostPort(address)
	ip := net.ParseIP(host)
	return err == nil && (host == "localhost" || ip != nil && ip.IsLoopback())
}

// components checks the hosts of programs beside the server. Their protocol is not encrypted: it stays on this machine.
func (d check) components(c *Config) {
	for i, a := range c.Listen.Component {
		if _, _, err := net.SplitHostPort(a); err == nil && !OnlyHere(a) {
			d.Fault(fmt.Sprintf("listen.component.%d", i), "must be an address that only this machine reaches, such as 127.0.0.1:5347")
		}
	}
	if len(c.Component) > 0 && len(c.Listen.Component) == 0 {
		d.Fault("component", "needs listen.component")
	}
	taken := map[string]bool{c.Upload.Host: true, c.Proxy.Host: true, c.PubSub.Host: true}
	for _, dom := range c.Domain {
		taken[dom.Name] = true
	}
	for i, one := range c.Component {
		path := fmt.Sprintf("component.%d", i)
		d.require(path+".host", one.Host)
		d.require(path+".secret_file", one.SecretFile)
		switch j, err := jid.Parse(one.Host); {
		case one.Host == "":
		case err != nil || j.Domainpart() != one.Host || j.String() != one.Host:
			d.Fault(path+".host", "is no domain in its prepared (lower-case) form")
		case taken[one.Host]:
			d.Fault(path+".host", "must be a name of its own")
		}
		taken[one.Host] = true
	}
}

// operators must have accounts here, and be written as they are compared: prepared and bare.
func (d check) operators(c *Config) {
	for i, text := range c.Operators {
		path := fmt.Sprintf("operators.%d", i)
		address, err := jid.Parse(text)
		switch {
		case err != nil || address.Localpart() == "" || address.Resourcepart() != "":
			d.Fault(path, `must be an address such as "anna@jabber.example.org"`)
		case address.String() != text:
			d.Fault(path, "must be written %q", address.String())
		case !slices.ContainsFunc(c.Domain, func(s Domain) bool { return s.Name == address.Domainpart() }):
			d.Fault(path, "is in none of the domains that are served")
		}
	}
}

func (d check) contact(path string, c reflect.Value) {
	for i := range c.NumField() {
		list := strict.Join(path, c.Type().Field(i).Tag.Get("toml"))
		for n, uri := range c.Field(i).Interface().([]string) {
			if u, err := url.Parse(uri); err != nil || u.Scheme == "" {
				d.Fault(strict.Join(list, fmt.Sprint(n)), `must be a URI such as "mailto:abuse@example.org"`)
			}
		}
	}
}

func (d check) directory(path string, dir *Directory) {
	if len(dir.URLs) == 0 {
		d.Fault(strict.Join(path, "urls"), "is missing")
	}
	for i, u := range dir.URLs {
		p, err := url.Parse(u)
		if err != nil || p.Host == "" || p.Scheme != "ldap" && p.Scheme != "ldaps" {
			d.Fault(strict.Join(strict.Join(path, "urls"), fmt.Sprint(i)), "must be ldaps://host:port, or ldap://host:port (StartTLS)")
		}
	}
	if u, err := url.Parse(dir.PasswordPage); dir.PasswordPage != "" && (err != nil || u.Scheme != "https" || u.Host == "") {
		d.Fault(strict.Join(path, "password_page"), "must be an https:// URL")
	}
	d.require(strict.Join(path, "bind_dn"), dir.BindDN)
	d.require(strict.Join(path, "password_file"), dir.PasswordFile)
	d.require(strict.Join(path, "base_dn"), dir.BaseDN)
	d.require(strict.Join(path, "mail"), dir.Mail)
	d.require(strict.Join(path, "id"), dir.ID)
	if dir.Pool < 1 || dir.Pool > maxPool {
		d.Fault(strict.Join(path, "pool"), "must be 1 to %d", maxPool)
	}
	if dir.VCard != nil {
		d.vcard(strict.Join(path, "vcard"), dir.VCard)
	}
	for i := range dir.Group {
		d.group(strict.Join(strict.Join(path, "group"), fmt.Sprint(i)), &dir.Group[i])
	}
	if len(dir.Rule) == 0 {
		d.Fault(strict.Join(path, "rule"), "at least one [[domain.directory.rule]] is needed")
	}
	domains, suffixes := map[string]bool{}, map[string]bool{}
	for i, r := range dir.Rule {
		at := strict.Join(strict.Join(path, "rule"), fmt.Sprint(i))
		if domains[r.MailDomain] {
			d.Fault(strict.Join(at, "mail_domain"), "is named twice")
		}
		if suffixes[r.Suffix] {
			d.Fault(strict.Join(at, "suffix"), "is used twice: two people would share an address")
		}
		domains[r.MailDomain], suffixes[r.Suffix] = true, true
		d.require(strict.Join(at, "mail_domain"), r.MailDomain)
		if strings.ContainsAny(r.MailDomain, "@ ") {
			d.Fault(strict.Join(at, "mail_domain"), "must be a domain")
		}
	}
}

// minRefresh keeps the directory from being asked all the time.
const minRefresh = time.Second

func (d check) vcard(path string, v *VCard) {
	table := reflect.ValueOf(*v)
	for i := range table.NumField() {
		if f := table.Field(i); f.Kind() == reflect.String && f.String() != "" && !isAttribute(f.String()) {
			d.Fault(strict.Join(path, table.Type().Field(i).Tag.Get("toml")), "is no name of an attribute")
		}
	}
	if v.Refresh < minRefresh {
		d.Fault(strict.Join(path, "refresh"), "must be at least %s", minRefresh)
	}
}

func (d check) group(path string, g *Group) {
	d.require(strict.Join(path, "base"), g.Base)
	if !strings.Contains(g.Base, "=") && g.Base != "" {
		d.Fault(strict.Join(path, "base"), `must be a DN such as "ou=groups,dc=example,dc=org"`)
	}
	if !strings.HasPrefix(g.Filter, "(") || !strings.HasSuffix(g.Filter, ")") {
		d.Fault(strict.Join(path, "filter"), "must be a filter such as (objectClass=groupOfNames)")
	}
	for key, attribute := range map[string]string{"member": g.Member, "name": g.Name} {
		if !isAttribute(attribute) {
			d.Fault(strict.Join(path, key), "is no name of an attribute")
		}
	}
	if g.MemberKey != "" && !isAttribute(g.MemberKey) {
		d.Fault(strict.Join(path, "member_key"), "is no name of an attribute")
	}
	if len(g.Title) > maxGroupTitle {
		d.Fault(strict.Join(path, "title"), "must not be longer than %d bytes", maxGroupTitle)
	}
	if g.Refresh < minRefresh {
		d.Fault(strict.Join(path, "refresh"), "must be at least %s", minRefresh)
	}
}

// maxGroupTitle is the longest name of a group, in bytes; package roster has the same limit.
const maxGroupTitle = 1023

// isAttribute tells whether a text is the name of an attribute. RFC 4512 §1.4
func isAttribute(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(c rune) bool {
		return (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' && c != '.'
	})
}

// positive refuses numbers below one in a table of limits.
func (d check) positive(path string, table reflect.Value) {
	for i := range table.NumField() {
		if f := table.Field(i); f.Kind() == reflect.Int && f.Int() < 1 {
			d.Fault(strict.Join(path, table.Type().Field(i).Tag.Get("toml")), "must be at least 1")
		}
	}
}
