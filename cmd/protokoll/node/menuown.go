package node

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"protokoll/rights"
	"protokoll/schemas"
	"protokoll/xmpp/adhoc"
	"protokoll/xmpp/form"
)

// themselves is who asks where people ask for themselves: the audit trail names no person but by the account's id.
var themselves = rights.By{Actor: "the person", Reason: "asked for in a client"}

// ownMenu is what everybody can do about their own data (GDPR Art. 15, 17, 21).
func (n *Node) ownMenu() []adhoc.Command {
	erase := form.Text{DE: "Mein Konto und alle meine Daten löschen", EN: "Erase my account and all my data"}
	return []adhoc.Command{
		{Node: "my-data", Name: form.Text{DE: "Was über mich gespeichert ist", EN: "What is stored about me"}, Run: n.myData},
		{Node: "my-objections", Name: form.Text{DE: "Widersprüche gegen die Nutzung meiner Daten", EN: "Objections to the use of my data"},
			Form: n.objectionForm, Run: n.objections},
		{Node: "my-erasure", Name: erase, Run: n.eraseMe, Form: asking(erase, "", form.Field{Kind: "fixed", Values: []string{""}, Label: eraseWarning},
			form.Field{Var: "confirm", Kind: "text-single", Required: true, Label: form.Text{DE: "Zur Bestätigung Ihre Adresse", EN: "To confirm, your address"}})},
	}
}

var eraseWarning = form.Text{
	DE: "Alles wird sofort unlesbar und dann gelöscht: Kontakte, wartende Nachrichten, Profil, Dateien. Das lässt sich nicht rückgängig machen.",
	EN: "Everything becomes unreadable at once and is then erased: contacts, waiting messages, profile, files. This cannot be undone.",
}

// myData counts what is held, kind by kind. The content is in the export.
func (n *Node) myData(_ context.Context, who adhoc.Caller, _ form.Answers) (adhoc.Outcome, error) {
	domain, localpart := parts(who.Bare)
	plan, err := n.rights.Plan(domain, localpart)
	if err != nil {
		return explained(err)
	}
	f := &form.Form{Kind: "result", Title: form.Text{DE: "Was über Sie gespeichert ist", EN: "What is stored about you"},
		Instructions: form.Text{
			DE: "Die Inhalte selbst, mit allem, was andere Server lesen können, geben Ihnen die Betreiber auf Anfrage heraus (Art. 15 und 20 DSGVO).",
			EN: "Whoever runs this server hands you the contents on request, in a form that other servers can read (GDPR Art. 15 and 20).",
		},
		Fields: []form.Field{
			{Var: "kind", Kind: "text-single", Label: form.Text{DE: "Art", EN: "Kind"}},
			{Var: "number", Kind: "text-single", Label: form.Text{DE: "Anzahl", EN: "Number"}},
		}}
	for _, c := range plan.Facts {
		f.Rows = append(f.Rows, form.Row{rights.Kind(c.Family), fmt.Sprint(c.Facts)})
	}
	return adhoc.Outcome{Form: f}, nil
}

// objectionKinds are the uses that can be objected to, in words.
var objectionKinds = []struct {
	kind schemas.ObjectionKind
	name form.Text
}{
	{schemas.ObjectionKind_SEARCH, form.Text{DE: "von anderen in der Suche gefunden werden", EN: "being found by others in the search"}},
	{schemas.ObjectionKind_DIRECTORY_PHOTO, form.Text{DE: "Bild und Angaben aus dem Verzeichnis zeigen", EN: "showing photo and details from the directory"}},
}

// objected returns what a person objects to now.
func (n *Node) objected(bare string) (kinds []string, err error) {
	domain, localpart := parts(bare)
	account, err := n.Accounts.Find(domain, localpart)
	if err != nil {
		return nil, err
	}
	all, err := n.rights.Objections(account)
	for _, o := range all {
		kinds = append(kinds, objectionName(o.Kind))
	}
	return kinds, err
}

func (n *Node) objectionForm(_ context.Context, who adhoc.Caller) (*form.Form, error) {
	now, err := n.objected(who.Bare)
	if err != nil {
		return nil, err
	}
	field := form.Field{Var: "objections", Kind: "list-multi", Values: now,
		Label: form.Text{DE: "Ich widerspreche", EN: "I object to"}}
	for _, o := range objectionKinds {
		field.Options = append(field.Options, form.Option{Label: o.name, Value: objectionName(o.kind)})
	}
	return &form.Form{Kind: "form", Title: form.Text{DE: "Widersprüche (Art. 21 DSGVO)", EN: "Objections (GDPR Art. 21)"}, Fields: []form.Field{field}}, nil
}

// objections makes what is objected to be what was chosen.
func (n *Node) objections(ctx context.Context, who adhoc.Caller, a form.Answers) (adhoc.Outcome, error) {
	domain, localpart := parts(who.Bare)
	for _, o := range objectionKinds {
		wanted := slices.Contains(a.All("objections"), objectionName(o.kind))
		if _, err := n.rights.Object(ctx, themselves, domain, localpart, o.kind, !wanted); err != nil {
			return explained(err)
		}
	}
	return adhoc.Done("Gespeichert.", "Saved."), n.awaitOrders(ctx)
}

func (n *Node) eraseMe(ctx context.Context, who adhoc.Caller, a form.Answers) (adhoc.Outcome, error) {
	if !strings.EqualFold(strings.TrimSpace(a.Get("confirm")), who.Bare) {
		return adhoc.Failed("Das ist nicht Ihre Adresse: Es wurde nichts gelöscht.", "This is not your address: nothing was erased."), nil
	}
	return adhoc.Done("Ihr Konto ist gelöscht.", "Your account is erased."), n.registrar().Erase(ctx, who.Bare)
}
