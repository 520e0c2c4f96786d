package features

import (
	"context"
	"encoding/xml"
	"strings"

	"protokoll/xmpp/form"
	"protokoll/xmpp/frame"
)

// In-Band Registration, XEP-0077 version 2.4, for people who have an account: a new password, and the removal of the account.
// What a directory knows is changed there, and the removal of an account from a directory has to be confirmed. Not here:
// opening accounts, which takes an invitation (XEP-0445).
const (
	NSRegister = "jabber:iq:register"
	// formCancel is the form that a removal asks for. XEP-0077 §14.3
	formCancel = "jabber:iq:register:cancel"
	// MaxPassword is the longest password, in bytes.
	MaxPassword = 1023
)

// Registrar changes accounts for their owners.
type Registrar interface {
	// Local tells whether the password of an account is checked here.
	Local(bare string) (bool, error)
	// SetPassword returns ErrPassword for a text that cannot be one.
	SetPassword(ctx context.Context, bare, password string) error
	// Erase removes an account and everything that is held about its owner.
	Erase(ctx context.Context, bare string) error
	// Elsewhere is where people of a directory change their passwords: a URL, empty if there is none to name.
	Elsewhere(bare string) string
}

// registration is what a client sends. XEP-0077 §14.1
type registration struct {
	Username *string   `xml:"jabber:iq:register username"`
	Password *string   `xml:"jabber:iq:register password"`
	Remove   *struct{} `xml:"jabber:iq:register remove"`
}

// registerRegistration advertises at the server only: that is where clients look. XEP-0077 §7
func (r *Registry) registerRegistration(to Registrar) {
	if to == nil {
		return
	}
	a := registrar{to}
	for _, t := range []Target{Server, Self} {
		r.handlers[route{Get, t, NSRegister, "query"}] = a.get
		r.handlers[route{Set, t, NSRegister, "query"}] = a.set
	}
	r.Feature(Server, NSRegister)
}

type registrar struct{ Registrar }

// get says that there is an account, and what can be changed. XEP-0077 §3.1.1
func (a registrar) get(req *Request) (Reply, error) {
	bare, lang := bareOf(req.From), req.Lang
	return Reply{Later: func(context.Context) (Reply, error) {
		local, err := a.Local(bare)
		if err != nil {
			return Reply{}, err
		}
		name, _, _ := strings.Cut(bare, "@")
		b := append(frame.AppendEscaped([]byte("<query xmlns='"+NSRegister+"'><registered/><username>"), name), "</username>"...)
		if local {
			return Reply{Payload: append(b, "<password/></query>"...)}, nil
		}
		return Reply{Payload: append(a.elsewhere(b, bare, lang), "</query>"...)}, nil
	}}, nil
}

// notHere says where the password of a directory's account is changed.
var notHere = form.Text{
	DE: "Das Passwort dieses Kontos ist das Ihrer Einrichtung und wird dort geändert.",
	EN: "The password of this account is that of your institution and is changed there.",
}

func (a registrar) elsewhere(dst []byte, bare, lang string) []byte {
	dst = frame.AppendEscaped(append(dst, "<instructions>"...), notHere.In(lang))
	dst = append(dst, "</instructions>"...)
	if url := a.Elsewhere(bare); url != "" {
		dst = frame.AppendEscaped(append(dst, "<x xmlns='"+nsOOB+"'><url>"...), url) // XEP-0077 §5
		dst = append(dst, "</url></x>"...)
	}
	return dst
}

func (a registrar) set(req *Request) (Reply, error) {
	var q registration
	if err := xml.Unmarshal(req.Payload.Raw, &q); err != nil {
		return Reply{}, BadRequest("no registration")
	}
	confirmed := confirmation(req.Payload.Raw)
	bare, lang := bareOf(req.From), req.Lang
	switch {
	case q.Remove != nil && (q.Username != nil || q.Password != nil):
		return Reply{}, BadRequest("an account is removed or changed") // XEP-0077 §3.2
	case q.Remove != nil || confirmed.Type == formCancel:
		return Reply{Later: func(ctx context.Context) (Reply, error) { return a.remove(ctx, bare, lang, confirmed) }}, nil
	case q.Username == nil || q.Password == nil:
		return Reply{}, BadRequest("name and password are needed") // XEP-0077 §3.3
	}
	name, password := *q.Username, *q.Password
	return Reply{Later: func(ctx context.Context) (Reply, error) { return a.change(ctx, bare, name, password) }}, nil
}

// change sets a new password. Nobody changes another's. XEP-0077 §3.3
func (a registrar) change(ctx context.Context, bare, name, password string) (Reply, error) {
	local, err := a.Local(bare)
	own, _, _ := strings.Cut(bare, "@")
	switch {
	case err != nil:
		return Reply{}, err
	case !local:
		return Reply{}, &Error{Type: "cancel", Condition: "not-allowed", Text: notHere.EN}
	case !strings.EqualFold(name, own) && !strings.EqualFold(name, bare):
		return Reply{}, Forbidden()
	case len(password) > MaxPassword:
		return Reply{}, NotAcceptable("the password is too long")
	}
	return Reply{}, a.SetPassword(ctx, bare, password)
}

// remove erases the account. For an account of a directory, which comes again at the next sign-in and empty, the person has
// to name it first. XEP-0077 §3.2
func (a registrar) remove(ctx context.Context, bare, lang string, confirmed form.Answers) (Reply, error) {
	local, err := a.Local(bare)
	if err != nil {
		return Reply{}, err
	}
	name := strings.TrimSpace(confirmed.Get("username"))
	own, _, _ := strings.Cut(bare, "@")
	if !local && !strings.EqualFold(name, own) && !strings.EqualFold(name, bare) {
		return Reply{}, &Error{Type: "modify", Condition: "not-acceptable", Text: confirmText.EN, Beside: confirmForm.Append(
			[]byte("<query xmlns='"+NSRegister+"'>"), lang)}
	}
	return Reply{}, a.Erase(ctx, bare)
}

var confirmText = form.Text{
	DE: "Alles, was der Server über Sie speichert, wird sofort unlesbar und dann gelöscht: Kontakte, Nachrichten, Profil, Dateien. Bei der nächsten Anmeldung beginnen Sie von vorn.",
	EN: "Everything that the server holds about you becomes unreadable at once and is then erased: contacts, messages, profile, files. At your next sign-in you start from nothing.",
}

var confirmForm = form.Form{Kind: "form", Type: formCancel,
	Title:        form.Text{DE: "Konto löschen", EN: "Erase the account"},
	Instructions: confirmText,
	Fields: []form.Field{{Var: "username", Kind: "text-single", Required: true,
		Label: form.Text{DE: "Zur Bestätigung Ihre Adresse", EN: "To confirm, your address"}}},
}

// confirmation reads the form that a removal asked for, if there is one.
func confirmation(query []byte) (a form.Answers) {
	f, err := standalone(query)
	if err != nil {
		return a
	}
	for i := range f.Children {
		if c := &f.Children[i]; string(c.Space) == form.NS {
			a, _ = form.Parse(c.Raw) //nolint:errcheck // what cannot be read confirms nothing
		}
	}
	return a
}
