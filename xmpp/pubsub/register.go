package pubsub

import (
	"log/slog"

	"protokoll/xmpp/features"
)

// Personal Eventing, XEP-0163 version 1.2.2, and Publish-Subscribe, XEP-0060 version 1.28.0: what is answered where, and what disco
// says of it.

// abilities are the features of both faces. XEP-0060 §10
var abilities = []string{
	"access-open", "access-presence", "access-roster", "access-whitelist", "config-node", "config-node-max", "create-and-configure",
	"create-nodes", "delete-items", "delete-nodes", "instant-nodes", "item-ids", "last-published", "manage-subscriptions",
	"member-affiliation", "meta-data", "modify-affiliations", "multi-items", "outcast-affiliation", "persistent-items", "publish",
	"publish-only-affiliation", "publish-options", "publisher-affiliation", "purge-nodes", "retract-items", "retrieve-affiliations",
	"retrieve-default", "retrieve-items", "retrieve-subscriptions", "subscribe",
}

// personal are those that a bare JID has beside them. XEP-0163 §6
var personal = []string{"auto-create", "auto-subscribe", "filtered-notifications", "presence-notifications", "presence-subscribe"}

func (f face) features() []string {
	all := []string{NS, NSOwner, NSRSM}
	for _, a := range abilities {
		all = append(all, NS+"#"+a)
	}
	if f.host == "" {
		for _, a := range personal {
			all = append(all, NS+"#"+a)
		}
	}
	return all
}

// Register answers at the bare JIDs of accounts. The domain says so too: Profanity asks it before it publishes, and XEP-0163 §6
// lets a server say it there.
func (c *Core) Register(r *features.Registry) {
	f := face{c, ""}
	for _, t := range []features.Target{features.Self, features.Contact} {
		f.register(r, t)
		r.Identity(t, features.Identity{Category: "pubsub", Type: "pep"})
	}
	r.Feature(features.Server, f.features()...)
	r.Identity(features.Server, features.Identity{Category: "pubsub", Type: "pep"})
}

// Service returns what answers at a host of its own.
func (c *Core) Service(host, name string, logger *slog.Logger) *features.Registry {
	r := features.NewRegistry(logger)
	f := face{c, host}
	f.register(r, features.Server)
	r.Identity(features.Server, features.Identity{Category: "pubsub", Type: "service", Name: name})
	return r
}

func (f face) register(r *features.Registry, t features.Target) {
	r.Handle(features.Set, t, NS, "pubsub", f.handle(NS, answers{
		"publish": publish, "retract": retract, "subscribe": subscribe, "unsubscribe": unsubscribe, "create": create,
	}))
	r.Handle(features.Get, t, NS, "pubsub", f.handle(NS, answers{
		"items": items, "subscriptions": subscriptions, "affiliations": affiliations,
	}))
	r.Handle(features.Set, t, NSOwner, "pubsub", f.handle(NSOwner, answers{
		"configure": setConfiguration, "delete": remove, "purge": purge, "affiliations": setAffiliations, "subscriptions": setSubscriptions,
	}))
	r.Handle(features.Get, t, NSOwner, "pubsub", f.handle(NSOwner, answers{
		"configure": getConfiguration, "default": defaults, "affiliations": nodeAffiliations, "subscriptions": nodeSubscriptions,
	}))
	r.Feature(t, f.features()...)
	r.Published(t, f)
}
