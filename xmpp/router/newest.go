package router

import (
	"hash/maphash"
	"sync"

	"protokoll/xmpp/pubsub"
)

// newest says for owners, whether they are in memory or not, what goes to a contact who comes online. Without it every sign-in
// would read the nodes of all contacts. It holds what was looked at since the start: some 100 bytes for a node.
type newest struct{ shards [shardCount]newestShard }

type newestShard struct {
	mu  sync.RWMutex
	all map[string][]pubsub.Newest // by bare JID; the slices are not changed any more
}

func (n *newest) shard(bare string) *newestShard {
	return &n.shards[maphash.String(seed, bare)%shardCount]
}

// of returns what an owner has, and whether that is known.
func (n *newest) of(bare string) ([]pubsub.Newest, bool) {
	s := n.shard(bare)
	s.mu.RLock()
	defer s.mu.RUnlock()
	all, known := s.all[bare]
	return all, known
}

func (n *newest) set(bare string, all []pubsub.Newest) {
	s := n.shard(bare)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.all == nil {
		s.all = map[string][]pubsub.Newest{}
	}
	s.all[bare] = all
}

func (n *newest) drop(bare string) {
	s := n.shard(bare)
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.all, bare)
}
