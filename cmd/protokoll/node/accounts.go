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

	Restricted time.Time `json:"restricted,omitzero"` // since when nobody may sign in (GDPR Art. 18)
	Closing    time.Time `json:"closing,omitzero"`    // since when it is being erased
	Objections []string  `json:"objections,omitempty"`
}

func (s *Store) accountAdd(ctx context.Context, input json.RawMessage, _ func(control.Progress)) (any, error) {
	a, address, err := arguments(input)
	if err != nil {
		return nil, err
	}
	if err := s.served(address.Domainpart()); err != nil {
		return nil, err
	}
	verifiers, err := newVerifiers(a.Password)
	if err != nil {
		return nil, err
	}
	n := accounts.NewAccount{Localpart: address.Localpart(), Domain: address.Domainpart(), Verifiers: verifiers}
	if err := s.Accounts.Open(ctx, schemas.Cause_STAFF, n); err != nil {
		return nil, err
	}
	return AccountView{Address: address.String(), Kind: "local"}, nil
}

// served refuses domains that nobody can sign in to.
func (s *Store) served(domain string) error {
	if s.domains == nil || slices.Contains(s.domains, domain) {
		return nil
	}
	return fmt.Errorf("%q is not served here, only %s", domain, strings.Join(s.domains, ", "))
}

func newVerifiers(password string) ([]sasl.Verifier, error) {
	verifiers, err := sasl.NewVerifiers(password, sasl.DefaultIterations)
	if errors.Is(err, sasl.ErrPassword) {
		return nil, errors.New("this text cannot be a password")
	}
	return verifiers, err
}

// accountAdd is the store's, but for addresses of directory persons: a local account would take what is theirs before they
// sign in for the first time.
func (n *Node) accountAdd(ctx context.Context, input json.RawMessage, progress func(control.Progress)) (any, error) {
	_, address, err := arguments(input)
	if err != nil {
		return nil, err
	}
	if err := n.vacant(ctx, address); err != nil {
		return nil, err
	}
	return n.Store.accountAdd(ctx, input, progress)
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
	verifiers, err := newVerifiers(a.Password)
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
		all = append(all, AccountView{Address: a.Address(), Kind: kind(a), Restricted: a.Restricted, Closing: a.Closing})
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
	return s.view(account)
}

// view counts an account's facts. A session is one fact, and one more tells of the last login.
func (s *Store) view(account accounts.Account) (AccountView, error) {
	owner := account.Owner.ID()
	view := AccountView{Address: account.Address(), Kind: kind(account), Owner: owner.String(),
		Restricted: account.Restricted, Closing: account.Closing}
	objections, err := s.newRights(nil).Objections(account)
	if err != nil {
		return view, err
	}
	for _, o := range objections {
		view.Objections = append(view.Objections, objectionName(o.Kind))
	}
	for family, count := range map[schemas.Family]*int{
		schemas.Family_ROSTER_FACTS: &view.Contacts, schemas.Family_OFFLINE_FACTS: &view.Offline,
		schemas.Family_SESSION_FACTS: &view.Sessions,
	} {
		facts, err := s.State.Facts(owner, family)
		if err != nil {
			return view, err
		}
		for _, f := range facts {
			if f.Type != lastLogin {
				*count++
			}
		}
	}
	facts, err := s.State.Facts(owner, schemas.Family_ACCOUNT_FACTS)
	if err != nil {
		return view, err
	}
	for _, f := range facts {
		if t := time.UnixMilli(f.Time); view.Opened.IsZero() || t.Before(view.Opened) {
			view.Opened = t
		}
	}
	return view, nil
}

// lastLogin is the fact of family session that is no session.
const lastLogin = "session.last_login"

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
