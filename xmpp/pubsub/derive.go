package pubsub

import (
	"context"

	"google.golang.org/protobuf/proto"

	"protokoll/schemas"
	"protokoll/xmpp/features"
)

// Derived finds the items of a node that an owner does not have, the oldest first; none: there is no such node. It may wait, and
// is asked without a lock.
type Derived func(ctx context.Context, owner string) ([]*schemas.ItemPublished, error)

// Derive lets fn answer for a node at the addresses of owners who have no such node of their own. Who may read it is who may
// read nodes as they are made: who sees the owner's presence. Nothing of it is stored, listed by disco, or subscribed to.
func (c *Core) Derive(node string, fn Derived) { c.derived[node] = fn }

// Read calls read under the lock of the account of a bare JID.
func (c *Core) Read(bare string, read func(Owner) error) error { return c.owners.Read(bare, read) }

// deriving returns what finds the items of a node that is not there; nil if nothing does, or the asker may not know.
func (a *asked) deriving(o Owner) Derived {
	fn := a.derived[a.Node]
	if fn == nil || a.host != "" || mayRead(o, Defaults(""), a.bare) != nil {
		return nil
	}
	return fn
}

// later answers with items that must be found first.
func (a *asked) later(fn Derived, limit int) features.Reply {
	owner := bareOf(a.To)
	return features.Reply{Later: func(ctx context.Context) (features.Reply, error) {
		found, err := fn(ctx, owner)
		if err != nil {
			return features.Reply{}, err
		}
		if len(found) == 0 {
			return features.Reply{}, telling(features.ItemNotFound())
		}
		n, at := &Node{}, derivedItems{}
		for i, item := range found {
			n.items = append(n.items, entry{item.GetItemId(), uint64(i), len(item.GetPayload())})
			at[a.ref().item(item.GetItemId())] = item
		}
		b, err := a.answerItems(at, n, limit)
		if err != nil {
			return features.Reply{}, telling(err)
		}
		return features.Reply{Payload: b}, nil
	}}
}

// derivedItems are items that no fact holds, by their natural keys.
type derivedItems map[string]*schemas.ItemPublished

func (d derivedItems) Get(_ schemas.Family, entity string) (proto.Message, error) {
	if i := d[entity]; i != nil {
		return i, nil
	}
	return nil, nil
}

func (derivedItems) All(schemas.Family) ([]proto.Message, error) { return nil, nil }

// Changed is the notification of an item that no fact holds. It is for those whom the caller names.
func Changed(owner, node, id string, payload []byte) *features.Notice {
	i := &schemas.ItemPublished{Node: node, ItemId: id, Payload: payload}
	return &features.Notice{Owner: owner, From: owner, Node: node, Type: messageType(Defaults("")), Payload: publishedEvent(Defaults(""), i)}
}
