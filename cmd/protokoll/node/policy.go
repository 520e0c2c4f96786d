package node

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"protokoll/eventlog"
	"protokoll/internal/durable"
	"protokoll/retention"
	"protokoll/schemas"
	"protokoll/xmpp/features"
)

// PolicyFile is where a data folder keeps the policy that its last server obeyed, for commands that work on the stopped folder.
const PolicyFile = "policy.toml"

// PolicyOf returns the policy that was last in force in a data folder: the one that is built in for a folder that was never served.
func PolicyOf(folder string) (*retention.Policy, error) {
	path := filepath.Join(folder, PolicyFile)
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		path = "" // what is built in
	}
	return retention.Load(path)
}

// adopt puts a policy in force. If it is another one than before, that is written into the log first: a crash in between
// writes it there again, and never leaves a policy in force that the log does not know.
func (s *Store) adopt(ctx context.Context, p *retention.Policy) error {
	before, err := os.ReadFile(filepath.Join(s.Folder, PolicyFile))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("read the policy in force: %w", err)
	}
	if err == nil && bytes.Equal(before, p.File()) {
		return nil
	}
	digest := p.Digest()
	receipt := s.Log.Append(eventlog.Command{Owner: s.Keys.Server(), Cause: schemas.Cause_STAFF, Facts: []eventlog.Fact{
		eventlog.Set("policy", &schemas.PolicyChanged{Sha256: digest[:], At: s.clock().UnixMilli()}),
	}})
	if err := receipt.Wait(ctx); err != nil {
		return fmt.Errorf("write down the new policy: %w", err)
	}
	if err := durable.Replace(filepath.Join(s.Folder, PolicyFile), p.File()); err != nil {
		return fmt.Errorf("put the policy in force: %w", err)
	}
	return nil
}

// dataPolicy is what clients are told of the policy. XEP-0504 §3
func dataPolicy(p *retention.Policy) (fields []features.Field) {
	for _, f := range p.Disclosure() {
		fields = append(fields, features.Field{Var: f.Var, Type: f.Type, Values: f.Values})
	}
	return fields
}
