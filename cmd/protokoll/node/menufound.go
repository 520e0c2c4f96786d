package node

import (
	"context"

	"protokoll/xmpp/adhoc"
	"protokoll/xmpp/form"
)

// foundMenu lets people be found by others, or not. XEP-0055
func (n *Node) foundMenu() adhoc.Command {
	return adhoc.Command{Node: "my-visibility", Name: form.Text{DE: "Ob andere mich in der Suche finden", EN: "Whether others find me in the search"},
		Allowed: n.searched, Form: n.foundForm, Run: n.beFound}
}

// search is how the search of the caller's domain is set.
func (n *Node) search(who adhoc.Caller) string {
	domain, _ := parts(who.Bare)
	for _, d := range n.cfg.Domains {
		if d.Domain == domain {
			return d.Search
		}
	}
	return SearchOff
}

func (n *Node) searched(who adhoc.Caller) bool {
	mode := n.search(who)
	return mode != "" && mode != SearchOff
}

func (n *Node) foundForm(_ context.Context, who adhoc.Caller) (*form.Form, error) {
	domain, localpart := parts(who.Bare)
	account, err := n.Accounts.Find(domain, localpart)
	if err != nil {
		return nil, err
	}
	found, err := n.rights.MayBeFound(account, n.search(who) == SearchOptOut)
	if err != nil {
		return nil, err
	}
	now := "0"
	if found {
		now = "1"
	}
	return &form.Form{Kind: "form", Title: form.Text{DE: "Sichtbarkeit in der Suche", EN: "Visibility in the search"}, Fields: []form.Field{
		{Var: "found", Kind: "boolean", Values: []string{now}, Label: form.Text{
			DE: "Wer hier ein Konto hat, darf mich mit Name und Adresse finden", EN: "Who has an account here may find me by name and address",
		}}}}, nil
}

func (n *Node) beFound(ctx context.Context, who adhoc.Caller, a form.Answers) (adhoc.Outcome, error) {
	domain, localpart := parts(who.Bare)
	yes := a.Get("found") == "1" || a.Get("found") == "true"
	if err := n.rights.BeFound(ctx, themselves, domain, localpart, yes); err != nil {
		return explained(err)
	}
	return adhoc.Done("Gespeichert.", "Saved."), n.awaitOrders(ctx)
}
