package node

import (
	"context"
	"fmt"
	"strings"

	"protokoll/accounts"
	"protokoll/eventlog"
	"protokoll/rights"
	"protokoll/schemas"
	"protokoll/xmpp/adhoc"
	"protokoll/xmpp/form"
	"protokoll/xmpp/router"
)

// serverMenu is what operators do to the server as a whole. XEP-0133 §4
func (n *Node) serverMenu() []adhoc.Command {
	announce := form.Text{DE: "Allen Angemeldeten etwas mitteilen", EN: "Announce something to everybody online"}
	daily := form.Text{DE: "Mitteilung an alle, die sich anmelden", EN: "Notice to everybody who comes online"}
	subject := form.Field{Var: "subject", Kind: "text-single", Label: form.Text{DE: "Betreff", EN: "Subject"}}
	text := form.Field{Var: "announcement", Kind: "text-multi", Required: true, Label: form.Text{DE: "Text", EN: "Text"}}
	return []adhoc.Command{
		n.figure("get-registered-users-num", "registeredusersnum", form.Text{DE: "Zahl der Konten", EN: "Number of accounts"}, n.countAccounts),
		n.figure("get-disabled-users-num", "disabledusersnum", form.Text{DE: "Zahl der eingeschränkten Konten", EN: "Number of restricted accounts"}, n.countRestricted),
		n.figure("get-online-users-num", "onlineusersnum", form.Text{DE: "Zahl der Angemeldeten", EN: "Number of people online"}, func() (int, error) {
			people, _ := n.Router.Online()
			return people, nil
		}),
		{Node: nsAdmin + "#announce", Name: announce, Allowed: n.operator, Form: asking(announce, nsAdmin, subject, text), Run: n.announce},
		{Node: nsAdmin + "#set-motd", Name: daily, Allowed: n.operator, Form: asking(daily, nsAdmin, subject, text), Run: n.setNotice},
		{Node: nsAdmin + "#edit-motd", Name: form.Text{DE: "Mitteilung ändern", EN: "Change the notice"}, Allowed: n.operator, Form: n.noticeForm, Run: n.setNotice},
		{Node: nsAdmin + "#delete-motd", Name: form.Text{DE: "Mitteilung entfernen", EN: "Remove the notice"}, Allowed: n.operator, Run: n.deleteNotice},
	}
}

// figure makes a command that shows one number. It says nothing about anybody, so nobody is asked why.
func (n *Node) figure(node, name string, label form.Text, count func() (int, error)) adhoc.Command {
	return adhoc.Command{Node: nsAdmin + "#" + node, Name: label, Allowed: n.operator,
		Run: func(context.Context, adhoc.Caller, form.Answers) (adhoc.Outcome, error) {
			number, err := count()
			return adhoc.Outcome{Form: &form.Form{Kind: "result", Type: nsAdmin, Fields: []form.Field{
				{Var: name, Kind: "text-single", Label: label, Values: []string{fmt.Sprint(number)}},
			}}}, err
		}}
}

func (n *Node) countAccounts() (count int, err error) {
	return count, n.Accounts.List(func(accounts.Account) error { count++; return nil })
}

func (n *Node) countRestricted() (count int, err error) {
	return count, n.Accounts.List(func(a accounts.Account) error {
		if !a.Restricted.IsZero() {
			count++
		}
		return nil
	})
}

// written reads what an operator wants to tell.
func written(a form.Answers) (router.Announcement, bool) {
	body := strings.TrimSpace(strings.Join(a.All("announcement"), "\n"))
	return router.Announcement{Subject: a.Get("subject"), Body: body}, body != ""
}

var errNoText = adhoc.Failed("Ein Text wird gebraucht.", "A text is needed.")

func (n *Node) announce(ctx context.Context, who adhoc.Caller, a form.Answers) (adhoc.Outcome, error) {
	told, ok := written(a)
	if !ok {
		return errNoText, nil
	}
	domain, _ := parts(who.Bare)
	if err := n.audited(ctx, Staff{Actor: who.Bare}, "announce", ""); err != nil {
		return adhoc.Outcome{}, err
	}
	reached := n.Router.Announce(domain, told)
	return adhoc.Done(fmt.Sprintf("An %d Geräte gesendet.", reached), fmt.Sprintf("Sent to %d devices.", reached)), nil
}

// entityNotice is the server's fact of what everybody is told.
const entityNotice = "daily"

// notice returns what everybody is told; nil: nothing.
func (s *Store) notice() (*schemas.DailyNotice, error) {
	server := s.Keys.Server()
	f, found, err := s.State.Get(server.ID(), schemas.Family_ACCOUNT_FACTS, server.Entity(schemas.Family_ACCOUNT_FACTS, entityNotice))
	if err != nil || !found {
		return nil, err
	}
	m, err := eventlog.Open(server, f.About, f.Sealed)
	if err != nil {
		return nil, fmt.Errorf("open the notice: %w", err)
	}
	notice, _ := m.(*schemas.DailyNotice)
	return notice, nil
}

// showNotice lets the router tell what is stored.
func (n *Node) showNotice() error {
	notice, err := n.notice()
	if err != nil || notice == nil {
		return err
	}
	n.Router.Daily(n.cfg.Domains[0].Domain, &router.Announcement{Subject: notice.GetSubject(), Body: notice.GetBody()})
	return nil
}

func (n *Node) noticeForm(ctx context.Context, who adhoc.Caller) (*form.Form, error) {
	notice, err := n.notice()
	if err != nil {
		return nil, err
	}
	title := form.Text{DE: "Mitteilung ändern", EN: "Change the notice"}
	return asking(title, nsAdmin,
		form.Field{Var: "subject", Kind: "text-single", Label: form.Text{DE: "Betreff", EN: "Subject"}, Values: []string{notice.GetSubject()}},
		form.Field{Var: "announcement", Kind: "text-multi", Required: true, Label: form.Text{DE: "Text", EN: "Text"}, Values: strings.Split(notice.GetBody(), "\n")},
	)(ctx, who)
}

func (n *Node) setNotice(ctx context.Context, who adhoc.Caller, a form.Answers) (adhoc.Outcome, error) {
	told, ok := written(a)
	if !ok {
		return errNoText, nil
	}
	fact := eventlog.Set(entityNotice, &schemas.DailyNotice{Subject: told.Subject, Body: told.Body})
	if err := n.stateNotice(ctx, rights.By{Actor: who.Bare}, fact); err != nil {
		return adhoc.Outcome{}, err
	}
	domain, _ := parts(who.Bare)
	n.Router.Daily(domain, &told)
	return adhoc.Done("Gespeichert. Alle sehen die Mitteilung, wenn sie sich das nächste Mal anmelden.", "Saved. Everybody sees the notice when they next come online."), nil
}

func (n *Node) deleteNotice(ctx context.Context, who adhoc.Caller, _ form.Answers) (adhoc.Outcome, error) {
	if notice, err := n.notice(); err != nil || notice == nil {
		return adhoc.Failed("Es gibt keine Mitteilung.", "There is no notice."), err
	}
	if err := n.stateNotice(ctx, rights.By{Actor: who.Bare}, eventlog.End(schemas.Family_ACCOUNT_FACTS, entityNotice)); err != nil {
		return adhoc.Outcome{}, err
	}
	domain, _ := parts(who.Bare)
	n.Router.Daily(domain, nil)
	return adhoc.Done("Entfernt.", "Removed."), nil
}

// stateNotice writes down who changed the notice, and the notice, and returns when the state has it.
func (n *Node) stateNotice(ctx context.Context, by rights.By, fact eventlog.Fact) error {
	if err := n.audited(ctx, Staff{Actor: by.Actor}, "notice", ""); err != nil {
		return err
	}
	receipt := n.Log.Append(eventlog.Command{Owner: n.Keys.Server(), Cause: schemas.Cause_STAFF, Facts: []eventlog.Fact{fact}})
	if err := receipt.Wait(ctx); err != nil {
		return fmt.Errorf("store the notice: %w", err)
	}
	return n.State.Wait(ctx, n.marks()...)
}
