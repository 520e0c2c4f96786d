package node

import (
	"context"
	"errors"
	"slices"
	"strings"

	"mellium.im/xmpp/jid"

	"protokoll/accounts"
	"protokoll/rights"
	"protokoll/xmpp/adhoc"
	"protokoll/xmpp/form"
)

// menu is what people and operators can do from the menus of their clients. XEP-0050
func (n *Node) menu() []adhoc.Command {
	return slices.Concat(n.ownMenu(), []adhoc.Command{n.foundMenu()}, n.archiveMenu(), n.deviceMenu(), n.accountMenu(), n.serverMenu())
}

// operator tells whether somebody may use the menus of operators.
func (n *Node) operator(who adhoc.Caller) bool { return slices.Contains(n.cfg.Operators, who.Bare) }

// Fields that several forms have.
var (
	fieldAddress = form.Field{Var: "accountjid", Kind: "jid-single", Required: true, Label: form.Text{DE: "Adresse des Kontos", EN: "Address of the account"}}
	fieldReason  = form.Field{Var: "reason", Kind: "text-single", Required: true,
		Label: form.Text{DE: "Grund", EN: "Reason"},
		Help:  form.Text{DE: "Er wird mit Ihrer Adresse festgehalten und von der oder dem Datenschutzbeauftragten gelesen.", EN: "It is recorded with your address and read by the data protection officer."}}
)

// nsAdmin is the namespace of service administration. XEP-0133 §7
const nsAdmin = "http://jabber.org/protocol/admin"

// asking is a form that is the same for everybody.
func asking(title form.Text, formType string, fields ...form.Field) func(context.Context, adhoc.Caller) (*form.Form, error) {
	f := &form.Form{Kind: "form", Type: formType, Title: title, Fields: fields}
	return func(context.Context, adhoc.Caller) (*form.Form, error) { return f, nil }
}

// parts splits a bare JID that was prepared before.
func parts(bare string) (domain, localpart string) {
	localpart, domain, _ = strings.Cut(bare, "@")
	return domain, localpart
}

// addressed reads the address that a form names.
func addressed(a form.Answers) (jid.JID, bool) {
	address, err := jid.Parse(strings.TrimSpace(a.Get("accountjid")))
	if err != nil || address.Localpart() == "" {
		return jid.JID{}, false
	}
	return address.Bare(), true
}

// explained turns what people can be told about into an outcome; every other error is the server's own.
func explained(err error) (adhoc.Outcome, error) {
	switch {
	case errors.Is(err, accounts.ErrNoAccount):
		return adhoc.Failed("Unter dieser Adresse gibt es kein Konto.", "There is no account of this address."), nil
	case errors.Is(err, rights.ErrErased):
		return adhoc.Failed("Das Konto ist schon gelöscht.", "The account is erased already."), nil
	case errors.Is(err, rights.ErrClosing):
		return adhoc.Failed("Das Konto wird gerade gelöscht.", "The account is being erased."), nil
	}
	return adhoc.Outcome{}, err
}
