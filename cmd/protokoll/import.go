package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"
	"mellium.im/xmpp/jid"

	"protokoll/cmd/protokoll/node"
	"protokoll/internal/progress"
	"protokoll/portability"
	"protokoll/portability/pie"
	"protokoll/schemas"
)

type importCmd struct {
	where      `embed:""`
	staff      `embed:""`
	consent    `embed:""`
	File       string `arg:"" type:"existingfile" help:"The file: XEP-0227, such as ejabberdctl export_piefxis writes; files that it includes lie beside it."`
	DryRun     bool   `help:"Say what would change, account by account, and change nothing."`
	Domain     string `placeholder:"NAME" help:"Only the accounts of this domain."`
	Overwrite  bool   `help:"Replace what is here and differs. Without it what is here stays."`
	Create     bool   `help:"Open local accounts for addresses that the domain's directory does not know."`
	SkipFaults bool   `help:"Leave out what cannot be used instead of refusing the whole file."`
}

// Batches are as large as the control socket likes them.
const (
	batchAccounts = 500
	batchBytes    = 4 << 20
	shownFaults   = 20
)

var (
	// errFaulty is returned when something in the file cannot be used.
	errFaulty = errors.New("nothing was imported: the file has faults (--skip-faults leaves out what they are about)")
	// errChanged is returned when a file was changed between the two readings.
	errChanged = errors.New("the file was changed meanwhile: import it again")
	// errLeftOut is returned when accounts are in use.
	errLeftOut = errors.New("some accounts were left out because somebody is signed in: import again when they are away")
)

func (c *importCmd) Run(ctx context.Context) (err error) {
	if c.Domain != "" {
		domain, err := jid.Parse(c.Domain)
		if err != nil || domain.Domainpart() != domain.String() {
			return usageError{fmt.Errorf("--domain: %q is no domain", c.Domain)}
		}
		c.Domain = domain.String()
	}
	target, err := c.target(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, target.close()) }()
	r := &importRun{importCmd: c, ctx: ctx, target: target, bar: progress.New(os.Stderr), tally: portability.Tally{}}
	defer r.bar.Done()
	return r.run()
}

// importRun is an import on its way.
type importRun struct {
	*importCmd
	ctx    context.Context
	target *target
	bar    *progress.Bar

	step     string
	command  string
	batch    []node.ImportAccount
	bytes    int
	sums     importSums
	tally    portability.Tally
	left     map[string]int // accounts left out, by reason
	inUse    int
	sameFile fingerprint
}

// importSums count accounts.
type importSums struct{ accounts, opened, changed, weak, unusable int }

func (r *importRun) run() error {
	if err := r.check(); err != nil {
		return err
	}
	if err := r.pass("comparing", node.CommandImportPlan); err != nil {
		return err
	}
	r.bar.Done()
	r.report()
	if r.DryRun {
		fmt.Println("dry run: nothing was changed")
		return nil
	}
	if r.changes() == 0 {
		fmt.Println("nothing to import: everything is here already")
		if err := r.target.call(r.ctx, node.CommandImport, node.ImportArguments{Staff: r.who()}, nil); err != nil { // it was looked at
			return err
		}
		return r.leftOut()
	}
	if err := r.ask("Import this?"); err != nil {
		return err
	}
	if err := r.pass("importing", node.CommandImport); err != nil {
		return err
	}
	r.bar.Done()
	fmt.Printf("imported: %d accounts opened, %d facts added, %d replaced\n", r.sums.opened, r.tally.Of(portability.Added), r.tally.Of(portability.Replaced))
	return r.leftOut()
}

func (r *importRun) leftOut() error {
	if r.inUse > 0 {
		return errLeftOut
	}
	return nil
}

// changes counts what an import would do.
func (r *importRun) changes() int {
	return r.sums.opened + r.sums.changed + r.tally.Of(portability.Added) + r.tally.Of(portability.Replaced)
}

// document is the file with the switches of the command line.
func (r *importRun) document() pie.Document {
	d := pie.Document{Path: r.File, Progress: func(done, total uint64) { r.bar.Show(r.step, done, total) }, Hash: r.sameFile.begin()}
	if r.Domain != "" {
		d.Domains = func(domain string) bool { return domain == r.Domain }
	}
	return d
}

// check reads everything once, before anybody is asked for anything.
func (r *importRun) check() error {
	r.step = "checking"
	seen, faults, ignored := map[string]bool{}, 0, map[string]int{}
	fault := func(f pie.Fault) {
		if faults++; faults <= shownFaults {
			r.bar.Done()
			fmt.Fprintln(os.Stderr, f)
		}
	}
	err := r.document().Read(r.ctx, func(u *pie.User) error {
		for _, f := range u.Faults {
			fault(f)
		}
		faults += u.Faulty - len(u.Faults)
		if u.Localpart != "" && seen[u.Address()] {
			fault(pie.Fault{Place: u.Place, Text: "an account for the second time"})
		}
		seen[u.Address()] = true
		for name, n := range u.Ignored {
			ignored[name] += n
		}
		return nil
	})
	r.bar.Done()
	if err != nil {
		return fmt.Errorf("nothing was imported: %w", err)
	}
	r.sameFile.keep()
	for _, name := range sortedKeys(ignored) {
		fmt.Printf("not taken over: %d × %s\n", ignored[name], name)
	}
	if faults == 0 {
		return nil
	}
	fmt.Fprintf(os.Stderr, "%d faults\n", faults)
	if !r.SkipFaults {
		return errFaulty
	}
	return nil
}

// pass reads the file and sends it, batch by batch.
func (r *importRun) pass(step, command string) error {
	r.step, r.command, r.sums, r.tally, r.left, r.inUse = step, command, importSums{}, portability.Tally{}, map[string]int{}, 0
	seen := map[string]bool{}
	err := r.document().Read(r.ctx, func(u *pie.User) error {
		if u.Localpart == "" || seen[u.Address()] {
			return nil
		}
		seen[u.Address()] = true
		return r.add(u)
	})
	if err == nil {
		err = r.send()
	}
	if err == nil && !r.sameFile.same() {
		err = errChanged
	}
	return err
}

// add puts an account into the batch, in parts if it is large.
func (r *importRun) add(u *pie.User) error {
	r.sums.accounts++
	a := node.ImportAccount{Domain: u.Domain, Localpart: u.Localpart, Password: u.Password}
	if u.Credentials != nil {
		keys, err := proto.Marshal(u.Credentials)
		if err != nil {
			return err
		}
		a.Keys = keys
	}
	for _, v := range portability.Values(u) {
		t, err := schemas.TypeOf(v)
		if err != nil {
			return err
		}
		payload, err := proto.Marshal(v)
		if err != nil {
			return err
		}
		if r.bytes += len(payload) + len(t.Name); r.bytes > batchBytes {
			r.batch = append(r.batch, a)
			if err := r.send(); err != nil {
				return err
			}
			a = node.ImportAccount{Domain: u.Domain, Localpart: u.Localpart, Part: a.Part + 1}
			r.bytes = len(payload)
			if _, item := v.(*schemas.ItemPublished); item { // each part must say who may read what is in it
				for _, c := range u.Nodes {
					if err := appendFact(&a, c); err != nil {
						return err
					}
				}
			}
		}
		a.Facts = append(a.Facts, node.ImportFact{Type: t.Name, Version: t.Version, Payload: payload})
	}
	if r.batch = append(r.batch, a); len(r.batch) >= batchAccounts {
		return r.send()
	}
	return nil
}

func appendFact(a *node.ImportAccount, v proto.Message) error {
	t, err := schemas.TypeOf(v)
	if err != nil {
		return err
	}
	payload, err := proto.Marshal(v)
	if err != nil {
		return err
	}
	a.Facts = append(a.Facts, node.ImportFact{Type: t.Name, Version: t.Version, Payload: payload})
	return nil
}

func (r *importRun) send() error {
	if len(r.batch) == 0 {
		return nil
	}
	arguments := node.ImportArguments{Staff: r.who(), Accounts: r.batch, Overwrite: r.Overwrite, Create: r.Create, DryRun: r.DryRun}
	var outcomes []node.Outcome
	if err := r.target.call(r.ctx, r.command, arguments, &outcomes); err != nil {
		return err
	}
	for i, o := range outcomes {
		r.take(o, r.batch[i].Part)
	}
	r.batch, r.bytes = nil, 0
	return nil
}

// take adds up what the server says of an account, and tells of it in a dry run.
func (r *importRun) take(o node.Outcome, part int) {
	if o.LeftOut != "" {
		r.left[o.LeftOut]++
		if strings.HasPrefix(o.LeftOut, "somebody is signed in") {
			r.inUse++
		}
	} else {
		r.tally.Add(o.Tally)
		if part == 0 {
			r.sums.add(o)
		}
	}
	if r.DryRun {
		r.line(o)
	}
}

func (s *importSums) add(o node.Outcome) {
	switch {
	case o.New:
		s.opened++
		if o.Password == "none" {
			s.unusable++
		}
	case o.Password == "added", o.Password == "replaced":
		s.changed++
	}
	if o.Weak && o.Password != "kept" {
		s.weak++
	}
}

// line tells of one account.
func (r *importRun) line(o node.Outcome) {
	r.bar.Done()
	state := "there"
	switch {
	case o.LeftOut != "":
		fmt.Printf("%s: left out: %s\n", o.Address, o.LeftOut)
		return
	case o.New && o.Local:
		state = "new, local"
	case o.New:
		state = "new, of the directory"
	}
	fmt.Printf("%s: %s; password %s; %s\n", o.Address, state, o.Password, differences(o.Tally))
}

// fates are in the order of portability's.
var fates = [...]string{"added", "replaced", "same", "kept", "beyond the limits"}

func differences(t portability.Tally) string {
	var parts []string
	for fate, name := range fates {
		if n := t.Of(portability.Fate(fate)); n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, name))
		}
	}
	if len(parts) == 0 {
		return "no facts"
	}
	return strings.Join(parts, ", ")
}

// report tells the sums.
func (r *importRun) report() {
	fmt.Printf("accounts %d: %d to be opened\n", r.sums.accounts, r.sums.opened)
	for _, name := range sortedKeys(r.tally) {
		fmt.Printf("%-20s %s\n", name, differences(portability.Tally{name: r.tally[name]}))
	}
	for _, reason := range sortedKeys(r.left) {
		fmt.Printf("left out: %d accounts: %s\n", r.left[reason], reason)
	}
	if r.sums.weak > 0 {
		fmt.Printf("%d accounts bring keys for some SCRAM mechanisms only: clients that prefer another must be given a new password\n", r.sums.weak)
	}
	if r.sums.unusable > 0 {
		fmt.Printf("%d local accounts bring no password: nobody can sign in to them before `account passwd`\n", r.sums.unusable)
	}
}

func sortedKeys[V any](m map[string]V) (keys []string) {
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
