package node

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"time"

	"google.golang.org/protobuf/proto"

	"protokoll/accounts"
	"protokoll/directory"
	"protokoll/eventlog"
	"protokoll/internal/control"
	"protokoll/portability"
	"protokoll/rights"
	"protokoll/schemas"
	"protokoll/xmpp/features"
	"protokoll/xmpp/profile"
	"protokoll/xmpp/router"
	"protokoll/xmpp/sasl"
)

// An import comes in batches of accounts, which the command line has read and checked. First all of them are looked at
// (CommandImportPlan), then all of them are taken over (CommandImport), so that what cannot be is known before anything is.
const (
	CommandImportPlan = "import.plan"
	CommandImport     = "import"
)

// ImportArguments are one batch.
type ImportArguments struct {
	Staff
	Accounts  []ImportAccount `json:"accounts"`
	Overwrite bool            `json:"overwrite"` // replace what differs
	Create    bool            `json:"create"`    // also for addresses that the directory does not know, as local accounts
	DryRun    bool            `json:"dry_run"`   // of a plan: nothing follows, so it is written down by itself
}

// ImportAccount is one account, or a part of a large one.
type ImportAccount struct {
	Domain    string       `json:"domain"`
	Localpart string       `json:"localpart"`
	Part      int          `json:"part,omitempty"` // from 0; what opens the account is in the first
	Password  string       `json:"password,omitempty"`
	Keys      []byte       `json:"keys,omitempty"` // schemas.AccountCredentials
	Facts     []ImportFact `json:"facts"`
}

// ImportFact is one event's payload.
type ImportFact struct {
	Type    string `json:"type"`
	Version uint32 `json:"version"`
	Payload []byte `json:"payload"`
}

// Outcome says what an import means for an account.
type Outcome struct {
	Address  string            `json:"address"`
	New      bool              `json:"new"`                // it is opened
	Local    bool              `json:"local"`              // its password is checked here
	Password string            `json:"password,omitempty"` // added, replaced, kept, none, or the directory's
	Weak     bool              `json:"weak,omitempty"`     // the password's keys are not there for every mechanism
	LeftOut  string            `json:"left_out,omitempty"` // why nothing of it is taken over
	Tally    portability.Tally `json:"tally"`
}

func (s *Store) importPlan(ctx context.Context, input json.RawMessage, _ func(control.Progress)) (any, error) {
	return s.planImport(ctx, input, func(accounts.Account) bool { return false })
}

func (n *Node) importPlan(ctx context.Context, input json.RawMessage, _ func(control.Progress)) (any, error) {
	return n.planImport(ctx, input, n.Router.SignedIn)
}

func (s *Store) planImport(ctx context.Context, input json.RawMessage, signedIn func(accounts.Account) bool) (any, error) {
	i, err := s.newImporter(ctx, input)
	if err != nil {
		return nil, err
	}
	outcomes := make([]Outcome, len(i.Accounts))
	for n := range i.Accounts {
		c, err := i.candidate(ctx, &i.Accounts[n])
		if err != nil {
			return nil, err
		}
		if c.there && signedIn(c.account) {
			c.LeftOut = router.ErrSignedIn.Error()
		}
		if c.LeftOut == "" {
			if _, c.Tally, err = portability.Merge(s.factsOf(c), c.values, i.Overwrite, time.Now()); err != nil {
				return nil, err
			}
		}
		outcomes[n] = c.Outcome
	}
	if i.DryRun {
		return outcomes, s.audited(ctx, i.Staff, CommandImport, fmt.Sprintf("dry run, %d accounts", len(outcomes)), i.seen...)
	}
	return outcomes, nil
}

// stored reads the state, for what nobody changes meanwhile or where it does not matter.
type stored struct {
	s *Store
	a accounts.Account
}

func (f stored) All(family schemas.Family) (all []proto.Message, err error) {
	facts, err := f.s.facts().Facts(f.a.Owner.ID(), family)
	for _, fact := range facts {
		m, err := eventlog.Open(f.a.Owner, fact.About, fact.Sealed)
		if err != nil {
			return nil, err
		}
		all = append(all, m)
	}
	return all, err
}

// nothing are the facts of an account that is not opened yet.
type nothing struct{}

func (nothing) All(schemas.Family) ([]proto.Message, error) { return nil, nil }

func (s *Store) factsOf(c *candidate) portability.Facts {
	if !c.there {
		return nothing{}
	}
	return stored{s, c.account}
}

// importer is one batch at work.
type importer struct {
	ImportArguments
	store *Store
	seen  []schemas.OwnerID // whose data was looked at
}

func (s *Store) newImporter(ctx context.Context, input json.RawMessage) (*importer, error) {
	i := &importer{store: s}
	if err := json.Unmarshal(input, &i.ImportArguments); err != nil {
		return nil, fmt.Errorf("read the arguments: %w", err)
	}
	return i, s.facts().Wait(ctx, s.marks()...)
}

// candidate is an account of a batch.
type candidate struct {
	Outcome
	account     accounts.Account // if it is there
	there       bool
	open        accounts.NewAccount // else
	credentials *schemas.AccountCredentials
	clear       string // the password in clear
	values      []proto.Message
}

// candidate finds out what there is, and what would have to be opened.
func (i *importer) candidate(ctx context.Context, a *ImportAccount) (*candidate, error) {
	if err := i.store.served(a.Domain); err != nil {
		return nil, err
	}
	c := &candidate{Outcome: Outcome{Address: a.Localpart + "@" + a.Domain, Tally: portability.Tally{}}, clear: a.Password}
	for _, f := range a.Facts {
		m, err := schemas.Decode(f.Type, f.Version, f.Payload)
		if err != nil {
			return nil, err
		}
		c.values = append(c.values, m)
	}
	if len(a.Keys) > 0 {
		c.credentials = &schemas.AccountCredentials{}
		if err := proto.Unmarshal(a.Keys, c.credentials); err != nil {
			return nil, fmt.Errorf("read the keys of an account: %w", err)
		}
	}
	account, err := i.store.Accounts.Find(a.Domain, a.Localpart)
	switch {
	case err == nil:
		c.there, c.account, c.Local = true, account, account.Local()
		i.seen = append(i.seen, account.Owner.ID())
		switch {
		case !account.Closing.IsZero():
			c.LeftOut = "it is being erased"
		case !account.Restricted.IsZero() && !onlyRepeats(i.store, c):
			c.LeftOut = "its processing is restricted"
		}
		return c, i.password(c)
	case !errors.Is(err, accounts.ErrNoAccount):
		return nil, err
	}
	return c, i.newcomer(ctx, a, c)
}

// onlyRepeats tells whether an import brings a restricted account nothing that it does not have.
func onlyRepeats(s *Store, c *candidate) bool {
	_, tally, err := portability.Merge(stored{s, c.account}, c.values, false, time.Now())
	return err == nil && tally.Of(portability.Added)+tally.Of(portability.Replaced)+tally.Of(portability.Kept) == 0
}

// newcomer decides about an account that is not there.
func (i *importer) newcomer(ctx context.Context, a *ImportAccount, c *candidate) error {
	c.New, c.Local = a.Part == 0, true // in a plan the first part has not opened it yet
	c.open = accounts.NewAccount{Localpart: a.Localpart, Domain: a.Domain}
	if ldap := i.store.directories[a.Domain]; ldap != nil {
		entry, err := ldap.Lookup(ctx, a.Localpart)
		switch {
		case err == nil && entry.Localpart == a.Localpart:
			c.open.DirectoryID, c.Local = entry.ID, false
		case errors.Is(err, directory.ErrUnavailable), errors.Is(err, directory.ErrClosed):
			return fmt.Errorf("ask the directory: %w", err)
		case !i.Create:
			c.LeftOut = "the directory does not know it"
			return nil
		}
	}
	if c.open.DirectoryID != "" {
		if _, err := i.store.Accounts.FindByDirectory(a.Domain, c.open.DirectoryID); err == nil {
			c.LeftOut = "its directory entry has an account under another address"
			return nil
		}
	}
	until, err := i.store.Accounts.Reserved(a.Domain, a.Localpart)
	if err != nil {
		return err
	}
	if !until.IsZero() && c.open.DirectoryID == "" {
		c.LeftOut = "its address is kept free after an erasure"
		return nil
	}
	return i.password(c)
}

// password decides about the keys that check a local account's password.
func (i *importer) password(c *candidate) error {
	c.Password = "none"
	if !c.Local {
		c.Password = "the directory's"
		return nil
	}
	var before []sasl.Verifier
	if c.there {
		var err error
		if before, err = i.store.Accounts.Verifiers(c.account); err != nil {
			return err
		}
	}
	c.Weak = c.clear == "" && c.credentials != nil && len(c.credentials.GetVerifiers()) < len(sasl.Hashes())
	brings := c.clear != "" || c.credentials != nil
	switch {
	case !brings && len(before) == 0:
	case !brings, len(before) > 0 && !i.Overwrite, c.clear != "" && len(before) > 0 && before[0].CheckPassword(c.clear),
		c.clear == "" && len(before) > 0 && sameKeys(before, accounts.VerifiersOf(c.credentials)):
		c.Password = "kept"
	case len(before) > 0:
		c.Password = "replaced"
	default:
		c.Password = "added"
	}
	return nil
}

// sameKeys compares keys, whatever their order.
func sameKeys(before, after []sasl.Verifier) bool {
	if len(before) != len(after) {
		return false
	}
	for _, b := range before {
		if !slices.ContainsFunc(after, func(a sasl.Verifier) bool { return reflect.DeepEqual(a, b) }) {
			return false
		}
	}
	return true
}

// verifiers makes the keys, from the password if it is known: then every mechanism can be used.
func (c *candidate) verifiers() ([]sasl.Verifier, error) {
	if c.clear != "" {
		return newVerifiers(c.clear)
	}
	return accounts.VerifiersOf(c.credentials), nil
}

func (s *Store) importAccounts(ctx context.Context, input json.RawMessage, _ func(control.Progress)) (any, error) {
	r := s.quietRouter()
	defer r.Close()
	return s.takeOver(ctx, input, r)
}

func (n *Node) importAccounts(ctx context.Context, input json.RawMessage, _ func(control.Progress)) (any, error) {
	return n.takeOver(ctx, input, n.Router)
}

// quietRouter holds the accounts of a folder on which no server runs.
func (s *Store) quietRouter() *router.Router {
	return router.New(router.Config{
		Log: s.Log, State: s.facts(), Accounts: s.Accounts, Domains: s.domains, Logger: s.logger,
		Registry: features.NewRegistry(s.logger), Limits: router.Limits{Idle: time.Second},
	})
}

// takeOver carries out one batch and returns when all of it is on disk.
func (s *Store) takeOver(ctx context.Context, input json.RawMessage, r *router.Router) (any, error) {
	i, err := s.newImporter(ctx, input)
	if err != nil {
		return nil, err
	}
	all := make([]*candidate, len(i.Accounts))
	for n := range i.Accounts {
		if all[n], err = i.candidate(ctx, &i.Accounts[n]); err != nil {
			return nil, err
		}
	}
	if err := i.open(ctx, all); err != nil {
		return nil, err
	}
	if err := s.audited(ctx, i.Staff, CommandImport, fmt.Sprintf("%d accounts, overwrite %t", len(all), i.Overwrite), i.seen...); err != nil {
		return nil, err
	}
	var receipts []*eventlog.Receipt
	for _, c := range all {
		rcs, err := i.append(ctx, r, c)
		if err != nil {
			return nil, err
		}
		receipts = append(receipts, rcs...)
	}
	outcomes := make([]Outcome, len(all))
	for n, c := range all {
		outcomes[n] = c.Outcome
	}
	for _, rc := range receipts {
		if err := rc.Wait(ctx); err != nil {
			return nil, fmt.Errorf("import: %w", err)
		}
	}
	return outcomes, nil
}

// open opens the accounts that are missing, in one go.
func (i *importer) open(ctx context.Context, all []*candidate) error {
	var batch []accounts.NewAccount
	for _, c := range all {
		if !c.New || c.LeftOut != "" {
			continue
		}
		if c.Password == "added" {
			var err error
			if c.open.Verifiers, err = c.verifiers(); err != nil {
				return err
			}
		}
		batch = append(batch, c.open)
	}
	if len(batch) > 0 {
		if err := i.store.Accounts.Open(ctx, schemas.Cause_IMPORT, batch...); err != nil {
			return err
		}
	}
	for _, c := range all {
		if !c.New || c.LeftOut != "" {
			continue
		}
		var err error
		if c.account, err = i.store.Accounts.Find(c.open.Domain, c.open.Localpart); err != nil {
			return err
		}
		i.seen = append(i.seen, c.account.Owner.ID())
	}
	return nil
}

// append appends what an account brings.
func (i *importer) append(ctx context.Context, r *router.Router, c *candidate) (receipts []*eventlog.Receipt, err error) {
	if c.LeftOut != "" {
		return nil, nil
	}
	if !c.New && (c.Password == "added" || c.Password == "replaced") {
		vs, err := c.verifiers()
		if err == nil {
			err = i.store.Accounts.SetVerifiers(ctx, schemas.Cause_IMPORT, c.account, vs)
		}
		if err != nil {
			return nil, err
		}
	}
	rc, err := r.Import(c.account, func(now features.Facts) (facts []eventlog.Fact, err error) {
		if facts, c.Tally, err = portability.Merge(now, c.values, i.Overwrite, time.Now()); err != nil {
			return nil, err
		}
		orders := i.orders(c, facts)
		if orders != nil {
			receipts = append(receipts, orders)
		}
		return facts, nil
	})
	switch {
	case errors.Is(err, router.ErrSignedIn):
		c.LeftOut = router.ErrSignedIn.Error()
		return nil, nil
	case err != nil:
		return nil, err
	case rc != nil:
		receipts = append(receipts, rc)
		more, err := complete(r, c)
		return append(receipts, more...), err
	}
	return receipts, nil
}

// complete makes the forms of photos and bookmarks that the import does not have. A restricted account is left as it came.
func complete(r *router.Router, c *candidate) ([]*eventlog.Receipt, error) {
	if slices.ContainsFunc(c.values, func(v proto.Message) bool { _, restricted := v.(*schemas.AccountRestricted); return restricted }) {
		return nil, nil
	}
	receipts, err := profile.Complete(r.Owners(), c.account.Address(), time.Now())
	if stanza := (*features.Error)(nil); errors.As(err, &stanza) {
		return receipts, nil // no room for the other form
	}
	return receipts, err
}

// orders write down restrictions and objections where a restore finds them.
func (i *importer) orders(c *candidate, facts []eventlog.Fact) *eventlog.Receipt {
	id := c.account.Owner.ID()
	var orders []eventlog.Fact
	for _, f := range facts {
		o := &schemas.Ordered{Owner: id[:], At: time.Now().UnixMilli()}
		switch m := f.Value.(type) {
		case *schemas.AccountRestricted:
			o.Kind = schemas.OrderKind_RESTRICTION
		case *schemas.AccountObjection:
			o.Kind, o.Objection = schemas.OrderKind_OBJECTION, m.GetKind()
		default:
			continue
		}
		orders = append(orders, eventlog.Set(rights.OrderEntity(o), o))
	}
	if len(orders) == 0 {
		return nil
	}
	return i.store.Log.Append(eventlog.Command{Owner: i.store.Keys.Server(), Cause: schemas.Cause_IMPORT, Facts: orders})
}
