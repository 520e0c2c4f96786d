package node

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"mellium.im/xmpp/jid"

	"protokoll/accounts"
	"protokoll/directory"
	"protokoll/rights"
	"protokoll/schemas"
	"protokoll/xmpp/adhoc"
	"protokoll/xmpp/features"
	"protokoll/xmpp/form"
)

// accountMenu is what operators do to single accounts. Each is written down with who did it and why. XEP-0133 §4
func (n *Node) accountMenu() []adhoc.Command {
	password := form.Field{Var: "password", Kind: "text-private", Required: true, Label: form.Text{DE: "Passwort", EN: "Password"}}
	again := form.Field{Var: "password-verify", Kind: "text-private", Required: true, Label: form.Text{DE: "Passwort noch einmal", EN: "Password once more"}}
	one := []form.Field{fieldAddress, fieldReason}
	return []adhoc.Command{
		n.staff("add-user", form.Text{DE: "Konto anlegen", EN: "Add an account"}, []form.Field{fieldAddress, password, again, fieldReason}, n.addUser),
		n.staff("delete-user", form.Text{DE: "Konto löschen", EN: "Erase an account"}, []form.Field{
			{Var: "accountjids", Kind: "jid-multi", Required: true, Label: form.Text{DE: "Adressen der Konten", EN: "Addresses of the accounts"}}, fieldReason}, n.deleteUsers),
		n.staff("disable-user", form.Text{DE: "Verarbeitung einschränken (Art. 18 DSGVO)", EN: "Restrict processing (GDPR Art. 18)"}, one, n.disableUser),
		n.staff("reenable-user", form.Text{DE: "Einschränkung aufheben", EN: "Lift a restriction"}, one, n.reenableUser),
		n.staff("end-user-session", form.Text{DE: "Sitzungen beenden", EN: "End sessions"}, one, n.endSessions),
		n.staff("change-user-password", form.Text{DE: "Passwort ändern", EN: "Change a password"}, []form.Field{fieldAddress, password, fieldReason}, n.changePassword),
		n.staff("user-stats", form.Text{DE: "Angaben zu einem Konto", EN: "Figures of an account"}, one, n.userStats),
	}
}

// deed is what an operator does, with who and why.
type deed func(ctx context.Context, by rights.By, a form.Answers) (adhoc.Outcome, error)

// staff makes a command for operators. XEP-0133 §4
func (n *Node) staff(node string, name form.Text, fields []form.Field, do deed) adhoc.Command {
	return adhoc.Command{Node: nsAdmin + "#" + node, Name: name, Allowed: n.operator, Form: asking(name, nsAdmin, fields...),
		Run: func(ctx context.Context, who adhoc.Caller, a form.Answers) (adhoc.Outcome, error) {
			by := rights.By{Actor: who.Bare, Reason: strings.TrimSpace(a.Get("reason"))}
			if by.Reason == "" {
				return adhoc.Failed("Ein Grund wird gebraucht.", "A reason is needed."), nil
			}
			return do(ctx, by, a)
		}}
}

// toOne does something to the account that a form names.
func toOne(a form.Answers, do func(address jid.JID) (adhoc.Outcome, error)) (adhoc.Outcome, error) {
	address, ok := addressed(a)
	if !ok {
		return adhoc.Failed("Das ist keine Adresse wie anna@example.org.", "This is no address such as anna@example.org."), nil
	}
	outcome, err := do(address)
	if err != nil {
		return explained(err)
	}
	return outcome, nil
}

func (n *Node) addUser(ctx context.Context, by rights.By, a form.Answers) (adhoc.Outcome, error) {
	return toOne(a, func(address jid.JID) (adhoc.Outcome, error) {
		if a.Get("password") != a.Get("password-verify") {
			return adhoc.Failed("Die Passwörter sind verschieden.", "The passwords differ."), nil
		}
		if n.served(address.Domainpart()) != nil {
			return adhoc.Failed("Diese Domain gibt es hier nicht.", "This domain is not served here."), nil
		}
		switch err := n.vacant(ctx, address); {
		case errors.Is(err, errDirectoryPerson):
			return adhoc.Failed("Die Adresse gehört jemandem aus dem Verzeichnis.", "The address is a directory person's."), nil
		case err != nil:
			return adhoc.Outcome{}, err
		}
		verifiers, err := newVerifiers(a.Get("password"))
		if err != nil {
			return adhoc.Failed("Dieser Text kann kein Passwort sein.", "This text cannot be a password."), nil
		}
		err = n.Accounts.Open(ctx, schemas.Cause_STAFF, accounts.NewAccount{Localpart: address.Localpart(), Domain: address.Domainpart(), Verifiers: verifiers})
		if errors.Is(err, accounts.ErrExists) {
			return adhoc.Failed("Diese Adresse ist vergeben.", "This address is taken."), nil
		}
		if err != nil {
			return adhoc.Outcome{}, err
		}
		return adhoc.Done("Das Konto ist angelegt.", "The account is there."), n.auditedFor(ctx, by, "account.add", address)
	})
}

// auditedFor writes down what was done to an account.
func (n *Node) auditedFor(ctx context.Context, by rights.By, action string, address jid.JID) error {
	account, err := n.Accounts.Find(address.Domainpart(), address.Localpart())
	if err != nil {
		return err
	}
	return n.audited(ctx, Staff{Actor: by.Actor, Reason: by.Reason}, action, "", account.Owner.ID())
}

func (n *Node) deleteUsers(ctx context.Context, by rights.By, a form.Answers) (adhoc.Outcome, error) {
	for _, text := range a.All("accountjids") {
		address, err := jid.Parse(strings.TrimSpace(text))
		if err != nil || address.Localpart() == "" {
			return adhoc.Failed("Eine der Adressen ist keine; die davor sind gelöscht.", "One of the addresses is none; those before it are erased."), nil
		}
		if _, err := n.rights.Erase(ctx, by, address.Domainpart(), address.Localpart()); err != nil {
			return explained(err)
		}
	}
	return adhoc.Done("Gelöscht.", "Erased."), n.awaitOrders(ctx)
}

func (n *Node) disableUser(ctx context.Context, by rights.By, a form.Answers) (adhoc.Outcome, error) {
	return toOne(a, func(address jid.JID) (adhoc.Outcome, error) {
		if _, err := n.rights.Restrict(ctx, by, address.Domainpart(), address.Localpart()); err != nil {
			return adhoc.Outcome{}, err
		}
		return adhoc.Done("Die Verarbeitung ist eingeschränkt.", "Processing is restricted."), n.awaitOrders(ctx)
	})
}

func (n *Node) reenableUser(ctx context.Context, by rights.By, a form.Answers) (adhoc.Outcome, error) {
	return toOne(a, func(address jid.JID) (adhoc.Outcome, error) {
		if _, err := n.rights.Unrestrict(ctx, by, address.Domainpart(), address.Localpart()); err != nil {
			return adhoc.Outcome{}, err
		}
		return adhoc.Done("Die Einschränkung ist aufgehoben.", "The restriction is lifted."), n.awaitOrders(ctx)
	})
}

func (n *Node) endSessions(ctx context.Context, by rights.By, a form.Answers) (adhoc.Outcome, error) {
	return toOne(a, func(address jid.JID) (adhoc.Outcome, error) {
		account, err := n.Accounts.Find(address.Domainpart(), address.Localpart())
		if err != nil {
			return adhoc.Outcome{}, err
		}
		if err := n.audited(ctx, Staff{Actor: by.Actor, Reason: by.Reason}, "account.sessions", "", account.Owner.ID()); err != nil {
			return adhoc.Outcome{}, err
		}
		ended := n.Router.Expel(account)
		return adhoc.Done(fmt.Sprintf("%d Sitzungen beendet.", ended), fmt.Sprintf("%d sessions ended.", ended)), nil
	})
}

func (n *Node) changePassword(ctx context.Context, by rights.By, a form.Answers) (adhoc.Outcome, error) {
	return toOne(a, func(address jid.JID) (adhoc.Outcome, error) {
		local, err := n.registrar().Local(address.String())
		if err != nil {
			return adhoc.Outcome{}, err
		}
		if !local {
			return adhoc.Failed("Das Passwort dieses Kontos ist das des Verzeichnisses.", "The password of this account is the directory's."), nil
		}
		if err := n.registrar().SetPassword(ctx, address.String(), a.Get("password")); err != nil {
			if _, refused := errors.AsType[*features.Error](err); refused {
				return adhoc.Failed("Dieser Text kann kein Passwort sein.", "This text cannot be a password."), nil
			}
			return adhoc.Outcome{}, err
		}
		return adhoc.Done("Das Passwort ist geändert.", "The password is changed."), n.auditedFor(ctx, by, "account.passwd", address)
	})
}

// userStats shows sums, never content. XEP-0133 §4.10
func (n *Node) userStats(ctx context.Context, by rights.By, a form.Answers) (adhoc.Outcome, error) {
	return toOne(a, func(address jid.JID) (adhoc.Outcome, error) {
		account, err := n.Accounts.Find(address.Domainpart(), address.Localpart())
		if err != nil {
			return adhoc.Outcome{}, err
		}
		if err := n.audited(ctx, Staff{Actor: by.Actor, Reason: by.Reason}, "account.show", "", account.Owner.ID()); err != nil {
			return adhoc.Outcome{}, err
		}
		view, err := n.view(account)
		if err != nil {
			return adhoc.Outcome{}, err
		}
		shown := func(name, de, en, value string) form.Field {
			return form.Field{Var: name, Kind: "text-single", Label: form.Text{DE: de, EN: en}, Values: []string{value}}
		}
		return adhoc.Outcome{Form: &form.Form{Kind: "result", Type: nsAdmin, Fields: []form.Field{
			shown("rostersize", "Kontakte", "Contacts", fmt.Sprint(view.Contacts)),
			shown("offlinemessages", "wartende Nachrichten", "waiting messages", fmt.Sprint(view.Offline)),
			shown("sessions", "Sitzungen", "sessions", fmt.Sprint(view.Sessions)),
			shown("opened", "angelegt", "opened", view.Opened.UTC().Format("2006-01-02")),
			shown("restricted", "eingeschränkt", "restricted", fmt.Sprint(!view.Restricted.IsZero())),
		}}}, nil
	})
}

// errDirectoryPerson is returned for an address that somebody in the directory has.
var errDirectoryPerson = errors.New("the address is a directory person's")

// vacant refuses addresses of directory persons: a local account would take what is theirs before they sign in for the first time.
func (n *Node) vacant(ctx context.Context, address jid.JID) error {
	for _, d := range n.cfg.Domains {
		if d.Domain != address.Domainpart() || d.Directory == nil {
			continue
		}
		switch _, err := d.Directory.Lookup(ctx, address.Localpart()); {
		case errors.Is(err, directory.ErrUnavailable), errors.Is(err, directory.ErrClosed):
			return fmt.Errorf("ask whether the address is a directory person's: %w", err)
		case !errors.Is(err, directory.ErrNoSuchEntry):
			return errDirectoryPerson
		}
	}
	return nil
}
