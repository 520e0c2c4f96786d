package features

import (
	"maps"
	"slices"
	"strings"
)

// Blocks is the compiled block list, and the privacy lists of the account. It is immutable and safe for all goroutines; nil
// denies nothing.
type Blocks struct {
	addresses map[string]bool
	own       string           // bare JID: privacy lists do not cut people off from their own account and its server
	standing  *List            // what the default list says beyond the block list
	lists     map[string]*List // by name, to be made active; the default one under its own name
	known     map[string]Acquaintance
}

// BlockChange is a block list before and after a command. The router tells the contacts for whom Hides differs and who may
// see the owner's presence: unavailable to who is blocked now, the current presence to who no longer is. XEP-0191 §3.3, §3.4
type BlockChange struct {
	Before, After *Blocks
	// Switched says that only the sender's resource is concerned: Was was its active list. XEP-0016 §2.4
	Switched bool
	Was      string
}

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
	return eachForm(jid, func(form string) bool { return b.addresses[form] })
}

// Denies tells whether a stanza of a kind from or to a JID is blocked, or denied by the list: that which is active, "" for
// the default one. The block list comes before every list. XEP-0016 §2.2
func (b *Blocks) Denies(list string, k StanzaKind, jid string) bool {
	if b == nil {
		return false
	}
	if b.Match(jid) {
		return true
	}
	l := b.standing
	if active, ok := b.lists[list]; ok && list != "" {
		l = active
	}
	return l != nil && !b.isOwn(jid) && l.denies(k, jid, b.known)
}

func (b *Blocks) isOwn(jid string) bool {
	bare := bareOf(jid)
	_, domain, _ := strings.Cut(b.own, "@")
	return bare == b.own || bare == domain
}

// Empty tells that nothing is denied by anything.
func (b *Blocks) Empty() bool { return b == nil || len(b.addresses) == 0 && len(b.lists) == 0 }

// Looks tells whether a list asks for groups or subscriptions: then Knowing must follow every change of the roster.
func (b *Blocks) Looks() bool {
	if b == nil {
		return false
	}
	for _, l := range b.lists {
		if l.looks {
			return true
		}
	}
	return false
}

// Knowing returns the same lists with another roster, which is not changed any more.
func (b *Blocks) Knowing(roster map[string]Acquaintance) *Blocks {
	c := *b
	c.known = roster
	return &c
}

// Len returns the number of blocked addresses.
func (b *Blocks) Len() int {
	if b == nil {
		return 0
	}
	return len(b.addresses)
}

// Addresses returns the blocked addresses in order.
func (b *Blocks) Addresses() []string {
	if b == nil {
		return nil
	}
	return slices.Sorted(maps.Keys(b.addresses))
}
