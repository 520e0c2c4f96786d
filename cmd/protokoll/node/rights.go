package node

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"

	"mellium.im/xmpp/jid"

	"protokoll/accounts"
	"protokoll/internal/control"
	"protokoll/rights"
	"protokoll/schemas"
	"protokoll/xmpp/features"
	"protokoll/xmpp/router"
)

// RightsArguments are those of the commands about what a person may ask for.
type RightsArguments struct {
	Staff
	Address  string `json:"address"`
	To       string `json:"to,omitempty"`       // what is objected to
	Withdraw bool   `json:"withdraw,omitempty"` // the objection is taken back
}

// newRights carries out rights through a router: the live one, or one over a stopped folder.
func (s *Store) newRights(r *router.Router) *rights.Rights {
	return rights.New(rights.Config{
		Log: s.Log, State: s.facts(), Keys: s.Keys, Accounts: s.Accounts, Router: r, Logger: s.logger,
		Audited: func(ctx context.Context, by rights.By, action, detail string, subjects ...schemas.OwnerID) error {
			return s.audited(ctx, Staff{Actor: by.Actor, Reason: by.Reason}, action, detail, subjects...)
		},
		Reserve: s.reserve, KeyPlace: s.keyPlace(), Ledger: s.Ledger, Clock: s.clock, Whole: s.whole.RLocker(), Unlink: s.unlinkAll, Shown: s.shownAnew,
	})
}

// keyPlace says what holds the root key: forgetting is as strong as that. DESIGN §7
func (s *Store) keyPlace() string {
	switch enciphered, err := RootKey(s.Folder); {
	case err != nil:
		return "in a file; what lies below it is not known"
	case enciphered:
		return "in a file on an enciphered disk"
	}
	return "in a file on a disk that is not known to be enciphered: whoever kept an older copy of the data folder could still read"
}

// asked is a command about a person's rights.
type asked func(ctx context.Context, r *rights.Rights, by rights.By, address jid.JID, a RightsArguments) (any, error)

// rightsCommand makes a command of it, on the running server or on the stopped folder.
func (s *Store) rightsCommand(do asked) control.Handler {
	return func(ctx context.Context, input json.RawMessage, _ func(control.Progress)) (any, error) {
		var a RightsArguments
		if err := json.Unmarshal(input, &a); err != nil {
			return nil, fmt.Errorf("read the arguments: %w", err)
		}
		_, address, err := arguments(input)
		if err != nil {
			return nil, err
		}
		by := rights.By{Actor: a.Actor, Reason: a.Reason}
		if s.rights != nil {
			return s.andKept(ctx, do, s.rights, by, address, a)
		}
		r, err := s.stoppedRouter()
		if err != nil {
			return nil, err
		}
		defer r.Close()
		all := s.newRights(r)
		if _, err := all.Finish(ctx); err != nil {
			return nil, err
		}
		return s.andKept(ctx, do, all, by, address, a)
	}
}

// andKept answers only when a restore would know of the order.
func (s *Store) andKept(ctx context.Context, do asked, r *rights.Rights, by rights.By, address jid.JID, a RightsArguments) (any, error) {
	result, err := do(ctx, r, by, address, a)
	if err != nil {
		return nil, err
	}
	return result, s.awaitOrders(ctx)
}

// stoppedRouter is a router over a folder that no server runs on: the same locks and rules, and nobody online. Which domains
// are served the configuration knows, else the accounts tell.
func (s *Store) stoppedRouter() (*router.Router, error) {
	domains := s.domains
	if domains == nil {
		seen := map[string]bool{}
		err := s.Accounts.List(func(a accounts.Account) error {
			if !seen[a.Domain] {
				seen[a.Domain] = true
				domains = append(domains, a.Domain)
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	logger := s.logger
	if logger == nil {
		logger = slog.New(slog.DiscardHandler)
	}
	return router.New(router.Config{
		Log: s.Log, State: s.facts(), Accounts: s.Accounts, Domains: domains, Logger: logger,
		Registry: features.NewRegistry(logger),
	}), nil
}

func erasePlan(_ context.Context, r *rights.Rights, _ rights.By, address jid.JID, _ RightsArguments) (any, error) {
	return r.Plan(address.Domainpart(), address.Localpart())
}

func erase(ctx context.Context, r *rights.Rights, by rights.By, address jid.JID, _ RightsArguments) (any, error) {
	return r.Erase(ctx, by, address.Domainpart(), address.Localpart())
}

func restrict(ctx context.Context, r *rights.Rights, by rights.By, address jid.JID, _ RightsArguments) (any, error) {
	return r.Restrict(ctx, by, address.Domainpart(), address.Localpart())
}

func unrestrict(ctx context.Context, r *rights.Rights, by rights.By, address jid.JID, _ RightsArguments) (any, error) {
	return r.Unrestrict(ctx, by, address.Domainpart(), address.Localpart())
}

func rectify(ctx context.Context, r *rights.Rights, by rights.By, address jid.JID, _ RightsArguments) (any, error) {
	return r.Rectify(ctx, by, address.Domainpart(), address.Localpart())
}

func object(ctx context.Context, r *rights.Rights, by rights.By, address jid.JID, a RightsArguments) (any, error) {
	kind, ok := schemas.ObjectionKind_value[strings.ToUpper(strings.ReplaceAll(a.To, "-", "_"))]
	if !ok || kind == 0 {
		return nil, fmt.Errorf("%q is nothing to object to", a.To)
	}
	return r.Object(ctx, by, address.Domainpart(), address.Localpart(), schemas.ObjectionKind(kind), a.Withdraw)
}

// objectionName is how commands call it.
func objectionName(kind schemas.ObjectionKind) string {
	return strings.ToLower(strings.ReplaceAll(kind.String(), "_", "-"))
}
