package pubsub

import (
	"errors"
	"slices"

	"google.golang.org/protobuf/proto"
	"mellium.im/xmpp/jid"

	"protokoll/schemas"
	"protokoll/xmpp/features"
)

// create answers who wants a node. At a service everybody of this server may have some; at a bare JID the owner only.
// XEP-0060 §8.1
func create(a *asked) (features.Reply, error) {
	if a.host == "" && a.bare != bareOf(a.To) {
		return features.Reply{}, features.Forbidden()
	}
	made := a.Node == ""
	if made {
		a.Node = newID() // XEP-0060 §8.1.2
	}
	if a.host != "" && !a.claim() {
		return features.Reply{}, conflict()
	}
	reply, err := a.change(a.bare, schemas.Cause_CLIENT, func(d *Draft) error {
		c := Defaults(a.host)
		if a.Form != nil && a.Form.Type != "cancel" {
			if err := a.Form.check(FormConfig); err != nil {
				return err
			}
			wanted, err := apply(c, a.Form)
			if err != nil {
				return err
			}
			c = wanted
		}
		return d.Create(a.ref(), c)
	})
	a.keepClaim(reply, err)
	if made {
		b := appendAttr([]byte("<pubsub xmlns='"+NS+"'><create"), "node", a.Node)
		reply.Payload = append(b, "/></pubsub>"...)
	}
	return reply, err
}

// claim takes the name of a node at a service, also that of an owner who is gone.
func (a *asked) claim() bool {
	if a.hosted.claim(a.ref(), a.bare) {
		return true
	}
	owner, _ := a.hosted.owner(a.ref())
	err := a.owners.Read(owner, func(Owner) error { return nil })
	a.forget(err)
	return errors.Is(err, ErrNoOwner) && a.hosted.claim(a.ref(), a.bare)
}

// keepClaim gives a name back if the node did not come to be.
func (a *asked) keepClaim(reply features.Reply, err error) {
	switch r := a.ref(); {
	case a.host == "":
	case err != nil:
		a.hosted.release(r)
	case reply.After != nil:
		reply.After.Then(func(err error) {
			if err != nil {
				a.hosted.release(r)
			}
		})
	}
}

// defaults answers with how a node is configured that nobody configured. XEP-0060 §8.3
func defaults(a *asked) (features.Reply, error) {
	b := appendForm([]byte("<pubsub xmlns='"+NSOwner+"'><default>"), "form", FormConfig, Defaults(a.host), a.Lang)
	return features.Reply{Payload: append(b, "</default></pubsub>"...)}, nil
}

// getConfiguration answers with the form of a node. XEP-0060 §8.2.1
func getConfiguration(a *asked) (features.Reply, error) {
	b := append(appendAttr([]byte("<pubsub xmlns='"+NSOwner+"'><configure"), "node", a.Node), '>')
	err := a.reading(func(o Owner, n *Node) error {
		if err := a.owning(o, n); err != nil {
			return err
		}
		b = appendForm(b, "form", FormConfig, n.Config, a.Lang)
		return nil
	})
	return features.Reply{Payload: append(b, "</configure></pubsub>"...)}, err
}

// setConfiguration takes a form over. XEP-0060 §8.2.4
func setConfiguration(a *asked) (features.Reply, error) {
	switch {
	case a.Form == nil:
		return features.Reply{}, features.BadRequest("a form is needed")
	case a.Form.Type == "cancel":
		return features.Reply{}, nil // XEP-0060 §8.2.2
	}
	if err := a.Form.check(FormConfig); err != nil {
		return features.Reply{}, err
	}
	return a.onNode(a.mayOwn, func(d *Draft, r Ref, n *Node) error {
		wanted, err := apply(n.Config, a.Form)
		if err == nil {
			d.Configure(r, wanted)
		}
		return err
	})
}

// remove deletes a node. XEP-0060 §8.4
func remove(a *asked) (features.Reply, error) {
	reply, err := a.onNode(a.mayOwn, func(d *Draft, r Ref, n *Node) error {
		d.Delete(r)
		return a.follow(d, Change{Ref: r, Emptied: true})
	})
	if r := a.ref(); err == nil && a.host != "" {
		reply.After.Then(func(err error) {
			if err == nil {
				a.hosted.release(r)
			}
		})
	}
	return reply, err
}

// purge takes all items out. XEP-0060 §8.5
func purge(a *asked) (features.Reply, error) {
	return a.onNode(a.mayOwn, func(d *Draft, r Ref, n *Node) error {
		if n.Config.GetVolatile() {
			return unsupported("persistent-items") // XEP-0060 §8.5.3.3
		}
		d.Purge(r)
		return a.follow(d, Change{Ref: r, Emptied: true})
	})
}

// nodeAffiliations lists what others are to a node. XEP-0060 §8.9.1
func nodeAffiliations(a *asked) (features.Reply, error) {
	return a.listNode("affiliations", func(o Owner, n *Node, b []byte) []byte {
		b = appendGrant(b, o.Bare(), "affiliation", "owner")
		for _, g := range n.Config.GetAffiliations() {
			b = appendGrant(b, g.GetPerson(), "affiliation", roleWord(g.GetRole()))
		}
		return b
	})
}

// nodeSubscriptions lists who is told of a node. XEP-0060 §8.8.1
func nodeSubscriptions(a *asked) (features.Reply, error) {
	return a.listNode("subscriptions", func(o Owner, n *Node, b []byte) []byte {
		for _, s := range n.subscribers {
			b = appendGrant(b, s, "subscription", "subscribed")
		}
		return b
	})
}

func appendGrant(dst []byte, address, name, word string) []byte {
	dst = appendAttr(append(append(dst, '<'), name...), "jid", address)
	return append(appendAttr(dst, name, word), "/>"...)
}

// listNode answers an owner with a list of addresses.
func (a *asked) listNode(name string, list func(o Owner, n *Node, b []byte) []byte) (features.Reply, error) {
	b := append(appendAttr([]byte("<pubsub xmlns='"+NSOwner+"'><"+name), "node", a.Node), '>')
	err := a.reading(func(o Owner, n *Node) error {
		if err := a.owning(o, n); err != nil {
			return err
		}
		b = list(o, n, b)
		return nil
	})
	b = append(append(append(b, "</"...), name...), "></pubsub>"...)
	return features.Reply{Payload: b}, err
}

// setAffiliations changes what others are to a node, all or none. XEP-0060 §8.9.2
func setAffiliations(a *asked) (features.Reply, error) {
	if len(a.Affiliations) > MaxAffiliations {
		return features.Reply{}, features.LimitReached()
	}
	return a.onNode(a.mayOwn, func(d *Draft, r Ref, n *Node) error {
		c := proto.CloneOf(n.Config)
		for _, g := range a.Affiliations {
			if err := grant(d, c, g); err != nil {
				return err
			}
		}
		if len(c.Affiliations) > MaxAffiliations {
			return features.LimitReached()
		}
		d.Configure(r, c)
		return nil
	})
}

// grant changes one affiliation of a configuration.
func grant(d *Draft, c *schemas.NodeConfigured, g grantX) error {
	j, err := jid.Parse(g.JID)
	role, ok := roles[g.Affiliation]
	if err != nil || g.JID == "" || !ok {
		return features.BadRequest("")
	}
	bare := j.Bare().String()
	if bare == d.Bare() {
		if role == schemas.NodeRole_NODE_OWNER {
			return nil
		}
		return features.NotAcceptable("the node belongs to its owner's account") // XEP-0060 §8.9.2.4
	}
	c.Affiliations = slices.DeleteFunc(c.Affiliations, func(x *schemas.NodeAffiliation) bool { return x.GetPerson() == bare })
	if role != schemas.NodeRole_NODE_ROLE_UNSPECIFIED {
		c.Affiliations = append(c.Affiliations, &schemas.NodeAffiliation{Person: bare, Role: role})
	}
	return nil
}

// setSubscriptions lets the owner end the subscriptions of others. Nobody is subscribed who did not ask for it.
// XEP-0060 §8.8.2
func setSubscriptions(a *asked) (features.Reply, error) {
	if len(a.Subscriptions) > MaxSubscriptions {
		return features.Reply{}, tooManySubscriptions()
	}
	return a.onNode(a.mayOwn, func(d *Draft, r Ref, n *Node) error {
		for _, g := range a.Subscriptions {
			j, err := jid.Parse(g.JID)
			if err != nil || g.JID == "" {
				return invalidJID()
			}
			switch g.Subscription {
			case "none":
				d.Unsubscribe(r, j.String())
			case "subscribed":
				if !slices.Contains(n.subscribers, j.String()) {
					return features.NotAcceptable("only they can subscribe") // XEP-0060 §8.8.2.3
				}
			default:
				return features.BadRequest("")
			}
		}
		return nil
	})
}
