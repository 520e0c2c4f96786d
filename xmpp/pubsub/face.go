package pubsub

import (
	"errors"

	"protokoll/schemas"
	"protokoll/xmpp/features"
)

// face is where a request arrives: the bare JID of an account, or the host of a service.
type face struct {
	*Core
	host string // empty: bare JIDs
}

// asked is a request while it is answered.
type asked struct {
	face
	*features.Request
	*action
	body *payload
	bare string // who asks
}

type answer func(a *asked) (features.Reply, error)

// answers are the actions by their name, in the namespaces and kinds of request where they stand.
type answers map[string]answer

// handle makes a handler of the actions of one namespace and kind.
func (f face) handle(ns string, all answers) features.Handler {
	return func(req *features.Request) (features.Reply, error) {
		reply, err := f.answer(req, ns, all)
		if err != nil {
			return features.Reply{}, telling(err)
		}
		return reply, nil
	}
}

func (f face) answer(req *features.Request, ns string, all answers) (features.Reply, error) {
	body, err := parse(req.Payload.Raw)
	if err != nil {
		return features.Reply{}, err
	}
	act, err := body.action(ns)
	if err != nil {
		return features.Reply{}, err
	}
	do := all[act.XMLName.Local]
	if do == nil {
		return features.Reply{}, unsupported(act.XMLName.Local)
	}
	return do(&asked{f, req, act, body, bareOf(req.From)})
}

// ref names the node that is asked about.
func (a *asked) ref() Ref { return Ref{a.host, a.Node} }

// owner returns the bare JID of the owner of the node. XEP-0060 §5.3: a service knows its nodes.
func (a *asked) owner() (string, error) {
	if a.host == "" {
		return bareOf(a.To), nil
	}
	if owner, ok := a.hosted.owner(a.ref()); ok {
		return owner, nil
	}
	return "", ErrNoOwner
}

// onNode changes a node that must be there, if the asker may do so.
func (a *asked) onNode(may func(d *Draft, n *Node) error, do func(d *Draft, r Ref, n *Node) error) (features.Reply, error) {
	if a.Node == "" {
		return features.Reply{}, nodeRequired()
	}
	owner, err := a.owner()
	if err != nil {
		return features.Reply{}, err
	}
	reply, err := a.change(owner, a.cause(owner), func(d *Draft) error {
		n := d.Node(a.ref())
		if n == nil {
			return features.ItemNotFound()
		}
		if err := may(d, n); err != nil {
			return err
		}
		return do(d, a.ref(), n)
	})
	a.forget(err)
	return reply, err
}

// cause says who changes the owner's facts.
func (a *asked) cause(owner string) schemas.Cause {
	if owner == a.bare {
		return schemas.Cause_CLIENT
	}
	return schemas.Cause_CONTACT
}

// reading calls read under the lock of the node's owner.
func (a *asked) reading(read func(o Owner, n *Node) error) error {
	return a.readingOr(func(Owner) {}, read)
}

// readingOr calls absent where there is no such node, before that is said.
func (a *asked) readingOr(absent func(o Owner), read func(o Owner, n *Node) error) error {
	if a.Node == "" {
		return nodeRequired()
	}
	owner, err := a.owner()
	if err != nil {
		return err
	}
	err = a.owners.Read(owner, func(o Owner) error {
		c, err := o.Nodes()
		if err != nil {
			return err
		}
		n := c.Node(a.ref())
		if n == nil {
			absent(o)
			return features.ItemNotFound()
		}
		return read(o, n)
	})
	a.forget(err)
	return err
}

// forget gives back the name of a node whose owner is gone.
func (a *asked) forget(err error) {
	if errors.Is(err, ErrNoOwner) && a.host != "" {
		a.hosted.release(a.ref())
	}
}

// owning returns nil if the asker owns the node, else the refusal. XEP-0060 §8
func (a *asked) owning(o Owner, n *Node) error {
	if roleOf(o, n.Config, a.bare) == schemas.NodeRole_NODE_OWNER {
		return nil
	}
	return hidden(o, a.host, a.bare, features.Forbidden())
}

// may is owning for onNode.
func (a *asked) mayOwn(d *Draft, n *Node) error { return a.owning(d, n) }
