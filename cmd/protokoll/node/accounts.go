package node

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"mellium.im/xmpp/jid"

	"protokoll/accounts"
	"protokoll/internal/control"
	"protokoll/schemas"
	"protokoll/xmpp/sasl"
)

// AccountArguments names an account and, where one is set, its password.
type AccountArguments struct {
	Address  string `json:"address"`
	Password string `json:"password,omitempty"`
}

// AccountView is what operators see of an account: no content.
type AccountView struct {
	Address  string    `json:"address"`
	Kind     string    `json:"kind"` // local or directory
	Owner    string    `json:"owner,omitempty"`
	Opened   time.Time `json:"opened,omitzero"`
	Contacts int       `json:"contacts"`
	Offline  int       `json:"offline"`
	Sessions int       `json:"sessions"`
}

func (s *Store) accountAdd(ctx context.Context, input json.RawMessage, _ func(control.Progress)) (any, error) {
	a, address, err := arguments(input)
	if err != nil {
		return nil, err
	}
	verifiers, err := sasl.NewVerifiers(a.Password, sasl.DefaultIterations)
	if err != nil {
		return nil, err
	}
	n := accounts.NewAccount{Localpart: address.Localpart(), Domain: address.Domainpart(), Verifiers: verifiers}
	if err := s.Accounts.Open(ctx, schemas.Cause_STAFF, n); err != nil {
		return nil, err
	}
	return AccountView{Address: address.String(), Kind: "local"}, nil
}

func (s *Store) accountPasswd(ctx context.Context, input json.RawMessage, _ func(control.Progress)) (any, error) {
	a, address, err := arguments(input)
	if err != nil {
		return nil, err
	}
	account, err := s.Accounts.Find(address.Domainpart(), address.Localpart())
	if err != nil {
		return nil, err
	}
	if !account.Local() {
		return nil, errors.New("the password of this account is the directory's")
	}
	verifiers, err := sasl.NewVerifiers(a.Password, sasl.DefaultIterations)
	if err != nil {
		return nil, err
	}
	if err := s.Accounts.SetVerifiers(ctx, schemas.Cause_STAFF, account, verifiers); err != nil {
		return nil, err
	}
	return AccountView{Address: address.String(), Kind: "local"}, nil
}

func (s *Store) accountList(context.Context, json.RawMessage, func(control.Progress)) (any, error) {
	all := []AccountView{}
	err := s.Accounts.List(func(a accounts.Account) error {
		all = append(all, AccountView{Address: a.Address(), Kind: kind(a)})
		return nil
	})
	slices.SortFunc(all, func(a, b AccountView) int { return strings.Compare(a.Address, b.Address) })
	return all, err
}

func (s *Store) accountShow(_ context.Context, input json.RawMessage, _ func(control.Progress)) (any, error) {
	_, address, err := arguments(input)
	if err != nil {
		return nil, err
	}
	account, err := s.Accounts.Find(address.Domainpart(), address.Localpart())
	if err != nil {
		return nil, err
	}
	view := AccountView{Address: account.Address(), Kind: kind(account), Owner: account.Owner.ID().String()}
	for family, count := range map[schemas.Family]*int{
		schemas.Family_ROSTER_FACTS: &view.Contacts, schemas.Family_OFFLINE_FACTS: &view.Offline,
	} {
		facts, err := s.State.Facts(account.Owner.ID(), family)
		if err != nil {
			return nil, err
		}
		*count = len(facts)
	}
	facts, err := s.State.Facts(account.Owner.ID(), schemas.Family_ACCOUNT_FACTS)
	if err != nil {
		return nil, err
	}
	for _, f := range facts {
		if t := time.UnixMilli(f.Time); view.Opened.IsZero() || t.Before(view.Opened) {
			view.Opened = t
		}
	}
	return view, nil
}

func arguments(input json.RawMessage) (AccountArguments, jid.JID, error) {
	var a AccountArguments
	if err := json.Unmarshal(input, &a); err != nil {
		return a, jid.JID{}, fmt.Errorf("read the arguments: %w", err)
	}
	address, err := jid.Parse(a.Address)
	if err != nil || address.Localpart() == "" || address.Resourcepart() != "" {
		return a, jid.JID{}, fmt.Errorf("%q is no address such as anna@example.org", a.Address)
	}
	return a, address, nil
}

func kind(a accounts.Account) string {
	if a.Local() {
		return "local"
	}
	return "directory"
}
