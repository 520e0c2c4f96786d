package retention

import (
	_ "embed"
	"fmt"

	"protokoll/internal/strict"
)

//go:embed policy.toml
var builtIn []byte

// Default returns the policy that is built in: complete for Universität Duisburg-Essen. A test makes sure that it is valid.
func Default() *Policy {
	p, err := Parse("policy.toml", builtIn)
	if err != nil {
		panic(fmt.Sprintf("the policy that is built in: %v", err))
	}
	return p
}

// Load reads and checks a policy file; "" is the one that is built in. What is wrong inside the file comes back as strict.Faults,
// all at once, each with file, line and key.
func Load(file string) (*Policy, error) {
	if file == "" {
		return Parse("policy.toml", builtIn)
	}
	data, err := strict.Load(file)
	if err != nil {
		return nil, fmt.Errorf("read the policy: %w", err)
	}
	return Parse(file, data)
}

// Parse checks the contents of a policy file; name is what faults call it.
func Parse(name string, data []byte) (*Policy, error) {
	p := &Policy{text: data}
	f, err := strict.Parse(name, data, p)
	if err == nil {
		check{f}.policy(p)
		err = f.Err()
	}
	if err != nil {
		return nil, fmt.Errorf("the policy has faults:\n%w", err)
	}
	p.rules = rulesOf(p.Kinds)
	return p, nil
}
