package features

import (
	"maps"
	"slices"
	"strings"
)

// Blocks is a compiled block list. It is immutable and safe for all goroutines; nil matches nothing.
type Blocks struct{ addresses map[string]bool }

// BlockChange is a block list before and after a command. The router tells the contacts for whom Match differs and who may
// see the owner's presence: unavailable to who is blocked now, the current presence to who no longer is. XEP-0191 §3.3, §3.4
type BlockChange struct{ Before, After *Blocks }

// NewBlocks compiles canonical addresses.
func NewBlocks(addresses ...string) *Blocks {
	b := &Blocks{addresses: make(map[string]bool, len(addresses))}
	for _, a := range addresses {
		b.addresses[a] = true
	}
	return b
}

// Match tells whether the canonical JID is blocked. In the order of XEP-0191 §6: user@domain/resource, user@domain,
// domain/resource, domain.
func (b *Blocks) Match(jid string) bool {
	if b == nil || len(b.addresses) == 0 {
		return false
	}
	if b.addresses[jid] {
		return true
	}
	bare, resource, full := strings.Cut(jid, "/")
	if full && b.addresses[bare] {
		return true
	}
	local, domain, person := strings.Cut(bare, "@")
	if !person {
		domain = local
	}
	return person && full && b.addresses[domain+"/"+resource] || b.addresses[domain]
}

// Len returns the number of addresses.
func (b *Blocks) Len() int {
	if b == nil {
		return 0
	}
	return len(b.addresses)
}

// Addresses returns the addresses in order.
func (b *Blocks) Addresses() []string {
	if b == nil {
		return nil
	}
	return slices.Sorted(maps.Keys(b.addresses))
}
