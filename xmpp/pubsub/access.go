package pubsub

import (
	"strings"

	"protokoll/schemas"
	"protokoll/xmpp/features"
)

// roleOf returns what a bare JID is to a node. XEP-0060 §4.1
func roleOf(o Owner, c *schemas.NodeConfigured, bare string) schemas.NodeRole {
	if bare == o.Bare() {
		return schemas.NodeRole_NODE_OWNER
	}
	for _, a := range c.GetAffiliations() {
		if a.GetPerson() == bare {
			return a.GetRole()
		}
	}
	return schemas.NodeRole_NODE_ROLE_UNSPECIFIED
}

// mayRead returns nil if a bare JID may subscribe to a node and retrieve its items, else the refusal. XEP-0060 §6.1.3, §6.5.9
func mayRead(o Owner, c *schemas.NodeConfigured, bare string) *features.Error {
	if c.GetService() == "" && o.Blocks(bare) {
		return features.ItemNotFound() // XEP-0191 §3.3: as if there were nobody
	}
	switch roleOf(o, c, bare) {
	case schemas.NodeRole_NODE_OWNER, schemas.NodeRole_NODE_PUBLISHER, schemas.NodeRole_NODE_MEMBER:
		return nil
	case schemas.NodeRole_NODE_OUTCAST, schemas.NodeRole_NODE_PUBLISH_ONLY:
		return features.Forbidden() // XEP-0060 §6.1.3.8
	}
	switch c.GetAccess() {
	case schemas.NodeAccess_ACCESS_OPEN:
		return nil
	case schemas.NodeAccess_ACCESS_PRESENCE:
		if o.Shows(bare) {
			return nil
		}
		return notAuthorized("presence-subscription-required") // XEP-0060 §6.1.3.2
	case schemas.NodeAccess_ACCESS_ROSTER:
		if o.Shows(bare) && o.InGroup(bare, c.GetGroups()) {
			return nil
		}
		return notAuthorized("not-in-roster-group") // XEP-0060 §6.1.3.3
	}
	return closedNode()
}

// mayPublish tells whether a bare JID may publish. XEP-0060 §7.1.3.1
func mayPublish(o Owner, n *Node, bare string) bool {
	switch roleOf(o, n.Config, bare) {
	case schemas.NodeRole_NODE_OWNER, schemas.NodeRole_NODE_PUBLISHER, schemas.NodeRole_NODE_PUBLISH_ONLY:
		return true
	case schemas.NodeRole_NODE_OUTCAST:
		return false
	}
	switch n.Config.GetPublishers() {
	case schemas.NodePublishers_PUBLISHERS_ANYBODY:
		return mayRead(o, n.Config, bare) == nil
	case schemas.NodePublishers_PUBLISHERS_SUBSCRIBERS:
		return n.subscribed(bare) && mayRead(o, n.Config, bare) == nil
	}
	return false
}

// subscribed tells whether a bare JID, or a resource of it, subscribed.
func (n *Node) subscribed(bare string) bool {
	for _, s := range n.subscribers {
		if bareOf(s) == bare {
			return true
		}
	}
	return false
}

// hidden replaces a refusal towards somebody who must not learn what there is: for them PEP nodes that are not theirs to read
// are as absent as the account may be. RFC 6121 §8.5.1
func hidden(o Owner, host, bare string, refusal *features.Error) error {
	if refusal == nil {
		return nil
	}
	if host == "" && !o.Shows(bare) {
		return features.ItemNotFound()
	}
	return refusal
}

// bareOf cuts the resource off a canonical JID.
func bareOf(jid string) string {
	bare, _, _ := strings.Cut(jid, "/")
	return bare
}
