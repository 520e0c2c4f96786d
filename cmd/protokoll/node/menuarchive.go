package node

import (
	"context"
	"slices"

	"protokoll/eventlog"
	"protokoll/xmpp/adhoc"
	archives "protokoll/xmpp/archive"
	"protokoll/xmpp/form"
	"protokoll/xmpp/router"
)

// archiveMenu turns the archive of messages on and off, and empties it, in clients that know nothing of XEP-0441.
func (n *Node) archiveMenu() []adhoc.Command {
	empty := form.Text{DE: "Archiv leeren", EN: "Empty the archive"}
	return []adhoc.Command{
		{Node: "my-archive", Name: form.Text{DE: "Archiv meiner Nachrichten", EN: "Archive of my messages"}, Form: n.archiveForm, Run: n.keepMessages},
		{Node: "my-archive-erasure", Name: empty, Run: n.emptyArchive, Form: asking(empty, "",
			form.Field{Kind: "fixed", Values: []string{""}, Label: form.Text{
				DE: "Alle archivierten Nachrichten werden gelöscht. Das lässt sich nicht rückgängig machen.",
				EN: "All archived messages are erased. This cannot be undone.",
			}},
			form.Field{Var: "confirm", Kind: "boolean", Label: form.Text{DE: "Ja, alle löschen", EN: "Yes, erase all"}})},
	}
}

// archiveChoices are the values of XEP-0441 §2.1, in words.
var archiveChoices = []form.Option{
	{Value: "never", Label: form.Text{DE: "keine", EN: "none"}},
	{Value: "roster", Label: form.Text{DE: "die mit Personen in meiner Kontaktliste", EN: "those with people in my contact list"}},
	{Value: "always", Label: form.Text{DE: "alle", EN: "all"}},
}

func (n *Node) archiveForm(_ context.Context, who adhoc.Caller) (*form.Form, error) {
	account, err := n.live(who)
	if err != nil {
		return nil, err
	}
	now, err := archives.Default(account)
	if err != nil {
		return nil, err
	}
	return &form.Form{Kind: "form", Title: form.Text{DE: "Archiv meiner Nachrichten", EN: "Archive of my messages"},
		Instructions: form.Text{
			DE: "Der Server kann Nachrichten aufheben, damit alle Ihre Geräte sie haben. Was schon aufgehoben ist, bleibt, bis die Frist um ist oder Sie das Archiv leeren.",
			EN: "The server can keep messages, so that all your devices have them. What is kept already stays until its time is over or you empty the archive.",
		},
		Fields: []form.Field{{Var: "default", Kind: "list-single", Required: true, Values: []string{now}, Options: archiveChoices,
			Label: form.Text{DE: "Welche Nachrichten aufgehoben werden", EN: "Which messages are kept"}}}}, nil
}

func (n *Node) keepMessages(ctx context.Context, who adhoc.Caller, a form.Answers) (adhoc.Outcome, error) {
	wanted := a.Get("default")
	if !slices.ContainsFunc(archiveChoices, func(o form.Option) bool { return o.Value == wanted }) {
		return adhoc.Failed("Bitte wählen Sie.", "Please choose."), nil
	}
	account, err := n.live(who)
	if err != nil {
		return explained(err)
	}
	rc, err := archives.SetDefault(account, wanted)
	if err != nil {
		return adhoc.Outcome{}, err
	}
	return adhoc.Done("Gespeichert.", "Saved."), onDisk(ctx, rc)
}

func (n *Node) emptyArchive(ctx context.Context, who adhoc.Caller, a form.Answers) (adhoc.Outcome, error) {
	if yes := a.Get("confirm"); yes != "1" && yes != "true" {
		return adhoc.Failed("Nicht bestätigt: Es wurde nichts gelöscht.", "Not confirmed: nothing was erased."), nil
	}
	account, err := n.live(who)
	if err != nil {
		return explained(err)
	}
	return adhoc.Done("Das Archiv ist leer.", "The archive is empty."), onDisk(ctx, account.Purge())
}

// live is the account of who asks, who is signed in.
func (n *Node) live(who adhoc.Caller) (*router.Account, error) {
	address, err := router.ParseAddress([]byte(who.Bare))
	if err != nil {
		return nil, err
	}
	return n.Router.Find(address)
}

// onDisk returns when a command is on disk; nil was none.
func onDisk(ctx context.Context, rc *eventlog.Receipt) error {
	if rc == nil {
		return nil
	}
	return rc.Wait(ctx)
}
