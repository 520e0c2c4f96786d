package caps

import (
	"sync"

	"protokoll/xmpp/features"
)

// DefaultCached is how many hashes a Cache holds at least, and half of how many it holds at most.
const DefaultCached = 2_000

// Cache remembers what stands behind verified hashes. It is safe for many goroutines.
type Cache struct {
	most int

	mu       sync.RWMutex
	new, old map[key]*features.Notify // nil: the client wants to hear of nothing
}

// key is what is hashed; the node says only who is believed to have written the client.
type key struct{ hash, ver string }

// NewCache returns a cache of between n and 2n hashes.
func NewCache(n int) *Cache { return &Cache{most: n, new: map[key]*features.Notify{}} }

// Get returns what stands behind a claim, and false if that is not known.
func (c *Cache) Get(claim Claim) (*features.Notify, bool) {
	k := key{claim.Hash, claim.Ver}
	c.mu.RLock()
	n, ok := c.new[k]
	if !ok {
		if n, ok = c.old[k]; ok {
			defer c.put(k, n) // used: it stays
		}
	}
	c.mu.RUnlock()
	return n, ok
}

// Put remembers an answer if it proves its claim, and tells whether it does. XEP-0115 §5.4
func (c *Cache) Put(claim Claim, i *Info) bool {
	if !i.Proves(claim) {
		return false
	}
	c.put(key{claim.Hash, claim.Ver}, i.Notify())
	return true
}

// put remembers. When there is no room, what nobody asked for since the last time goes.
func (c *Cache) put(k key, n *features.Notify) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.new[k]; !ok && len(c.new) >= c.most {
		c.old, c.new = c.new, make(map[key]*features.Notify, c.most)
	}
	c.new[k] = n
}

// Len returns how many hashes are remembered.
func (c *Cache) Len() int {
	c.mu.RLock()
	defer c.mu.RUnlock()
	n := len(c.new)
	for k := range c.old {
		if _, ok := c.new[k]; !ok {
			n++
		}
	}
	return n
}
