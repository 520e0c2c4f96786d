package features

import (
	"errors"
	"fmt"
	"net/url"
)

// Contact Addresses for XMPP Services, XEP-0157 version 1.1.1: whom to write to, told in the server's disco. The data
// protection officer comes first. The registry of fields knows no such address, so the field has the prefix that
// XEP-0068 §3.4 asks for.
const formServerInfo = "http://jabber.org/network/serverinfo"

// Contacts are URIs (mailto:, xmpp:, https:) per role. Roles without an address are not told.
type Contacts struct {
	DataProtection, Abuse, Admin, Feedback, Sales, Security, Status, Support []string
}

// ErrContact is returned when a contact address is no URI with a scheme.
var ErrContact = errors.New("contact address is not a URI")

func (c Contacts) fields() []Field {
	return []Field{
		{Var: "x-data-protection-addresses", Values: c.DataProtection},
		{Var: "abuse-addresses", Values: c.Abuse},
		{Var: "admin-addresses", Values: c.Admin},
		{Var: "feedback-addresses", Values: c.Feedback},
		{Var: "sales-addresses", Values: c.Sales},
		{Var: "security-addresses", Values: c.Security},
		{Var: "status-addresses", Values: c.Status},
		{Var: "support-addresses", Values: c.Support},
	}
}

// Check returns ErrContact, wrapped with the role, for the first address that is no URI.
func (c Contacts) Check() error {
	for _, f := range c.fields() {
		for _, v := range f.Values {
			if u, err := url.Parse(v); err != nil || u.Scheme == "" || u.Opaque == "" && u.Host == "" {
				return fmt.Errorf("%s: %w", f.Var, ErrContact) // XEP-0157 §3
			}
		}
	}
	return nil
}

func (r *Registry) registerContacts(c Contacts) {
	form := Form{Type: formServerInfo}
	for _, f := range c.fields() {
		if len(f.Values) > 0 {
			form.Fields = append(form.Fields, f)
		}
	}
	if len(form.Fields) > 0 {
		r.Form(Server, form)
	}
}
