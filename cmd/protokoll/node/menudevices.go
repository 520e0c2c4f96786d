package node

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"protokoll/accounts"
	"protokoll/schemas"
	"protokoll/xmpp/adhoc"
	"protokoll/xmpp/features"
	"protokoll/xmpp/form"
)

// deviceMenu is what people can do about the devices that have access to their account, in a client that has no dialogue for XEP-0494.
func (n *Node) deviceMenu() []adhoc.Command {
	password := form.Text{DE: "Passwort für ein einzelnes Gerät erstellen", EN: "Make a password for one device"}
	return []adhoc.Command{
		{Node: "my-devices", Name: form.Text{DE: "Geräte mit Zugang zu meinem Konto", EN: "Devices with access to my account"}, Form: n.deviceForm, Run: n.revokeDevices},
		{Node: "my-device-password", Name: password, Allowed: n.makesDevicePasswords, Run: n.newDevicePassword, Form: asking(password, "",
			form.Field{Var: "label", Kind: "text-single", Required: true, Label: form.Text{DE: "Für welches Gerät", EN: "For which device"},
				Help: form.Text{DE: "Damit Sie es in der Liste wiedererkennen, zum Beispiel „Monal auf dem iPhone“.", EN: "So that you recognise it in the list, such as “Monal on the iPhone”."}})},
	}
}

func (n *Node) deviceForm(ctx context.Context, who adhoc.Caller) (*form.Form, error) {
	all, err := n.access.Devices(ctx, who.Bare)
	if err != nil {
		return nil, err
	}
	field := form.Field{Var: "revoke", Kind: "list-multi", Label: form.Text{DE: "Den Zugang entziehen", EN: "Take access away from"}}
	for _, d := range all {
		field.Options = append(field.Options, form.Option{Value: d.ID, Label: form.Text{
			DE: deviceWords(d, "ein Gerät", "verbunden", "zuletzt am ", "Passwort", "Gerätepasswort", "Token"),
			EN: deviceWords(d, "a device", "connected", "last seen on ", "password", "device password", "token"),
		}})
	}
	return &form.Form{Kind: "form", Title: form.Text{DE: "Geräte", EN: "Devices"}, Fields: []form.Field{field}, Instructions: form.Text{
		DE: "Gewählte Geräte werden abgemeldet. Wer das Passwort des Kontos kennt, kommt nur mit einem neuen Passwort nicht mehr hinein.",
		EN: "Chosen devices are signed out. Who knows the account's password is kept out by a new password only.",
	}}, nil
}

// deviceWords describes a device: what it says of itself, when it was seen, by what it signs in.
func deviceWords(d features.AccessDevice, unnamed, connected, seen, password, grant, token string) string {
	var words []string
	for _, text := range []string{d.Software, d.Device} {
		if text != "" {
			words = append(words, text)
		}
	}
	if len(words) == 0 {
		words = append(words, unnamed)
	}
	switch {
	case d.Connected:
		words = append(words, connected)
	case !d.LastSeen.IsZero():
		words = append(words, seen+d.LastSeen.Format(time.DateOnly))
	}
	for _, way := range []struct {
		has  bool
		name string
	}{{d.Password, password}, {d.Grant, grant}, {d.Tokens, token}} {
		if way.has {
			words = append(words, way.name)
		}
	}
	return strings.Join(words, " · ")
}

// revokeDevices takes access away. A device that is gone meanwhile is no error.
func (n *Node) revokeDevices(ctx context.Context, who adhoc.Caller, a form.Answers) (adhoc.Outcome, error) {
	done, needed := 0, false
	for _, id := range a.All("revoke") {
		switch err := n.access.Revoke(ctx, who.Bare, id); {
		case errors.Is(err, features.ErrNoDevice):
			continue
		case errors.Is(err, features.ErrPasswordNeeded):
			needed = true
		case err != nil:
			return adhoc.Outcome{}, err
		}
		done++
	}
	o := adhoc.Done(fmt.Sprintf("Abgemeldet: %d.", done), fmt.Sprintf("Signed out: %d.", done))
	if needed {
		o.Level = adhoc.Warning
		o.Note.DE += " Ein Gerät davon kennt das Passwort des Kontos: Nur ein neues Passwort hält es draußen."
		o.Note.EN += " One of them knows the password of the account: only another password keeps it out."
	}
	return o, nil
}

// makesDevicePasswords tells whether the caller's domain takes passwords for single devices.
func (n *Node) makesDevicePasswords(who adhoc.Caller) bool {
	domain, _ := parts(who.Bare)
	return scramDomains(n.cfg.Domains)[domain]
}

func (n *Node) newDevicePassword(ctx context.Context, who adhoc.Caller, a form.Answers) (adhoc.Outcome, error) {
	domain, localpart := parts(who.Bare)
	account, err := n.Accounts.Find(domain, localpart)
	if err != nil {
		return explained(err)
	}
	_, password, err := n.MakeDevicePassword(ctx, schemas.Cause_CLIENT, account, strings.TrimSpace(a.Get("label")))
	switch {
	case errors.Is(err, accounts.ErrLabel):
		return adhoc.Failed("Bitte nennen Sie das Gerät in wenigen Worten.", "Please name the device in a few words."), nil
	case errors.Is(err, accounts.ErrTooManyDevicePasswords):
		return adhoc.Failed("Mehr Gerätepasswörter gibt es für ein Konto nicht. Entziehen Sie erst einem Gerät den Zugang.",
			"An account has no more device passwords. Take access away from a device first."), nil
	case errors.Is(err, accounts.ErrLocalAccount):
		return adhoc.Failed("Ihr Konto braucht keines: Sein Passwort gilt nur hier.", "Your account needs none: its password is good here only."), nil
	case err != nil:
		return adhoc.Outcome{}, err
	}
	return adhoc.Outcome{Form: &form.Form{Kind: "result", Title: form.Text{DE: "Ihr Gerätepasswort", EN: "Your device password"},
		Instructions: form.Text{
			DE: "Geben Sie es auf dem Gerät anstelle Ihres Passworts ein. Es wird nur dieses eine Mal gezeigt.",
			EN: "Enter it on the device in place of your password. It is shown this once.",
		},
		Fields: []form.Field{{Var: "password", Kind: "text-single", Values: []string{password}, Label: form.Text{DE: "Passwort", EN: "Password"}}},
	}}, nil
}
