package compliance

import (
	"fmt"
	"slices"
	"strings"

	"protokoll/test/wire"
)

// probe asks for one thing that must be announced; empty: it is.
type probe struct {
	what string
	ask  func(*seen) bool
}

// announced is what disco said about one entity.
type announced struct {
	jid        string
	identities [][2]string // category, type
	features   []string
}

// seen is all that a server said of itself to one client.
type seen struct {
	before, after   *wire.Node // stream features
	domain, account announced
	services        []announced
}

func atDomain(features ...string) []probe {
	return at("domain", func(s *seen) announced { return s.domain }, features)
}

func atAccount(features ...string) []probe {
	return at("account", func(s *seen) announced { return s.account }, features)
}

func at(where string, which func(*seen) announced, features []string) (probes []probe) {
	for _, f := range features {
		probes = append(probes, probe{fmt.Sprintf("%s: `%s`", where, f), func(s *seen) bool { return slices.Contains(which(s).features, f) }})
	}
	return probes
}

// is asks for an identity of the account.
func is(category, kind string) probe {
	return probe{fmt.Sprintf("account: %s/%s", category, kind), func(s *seen) bool {
		return slices.Contains(s.account.identities, [2]string{category, kind})
	}}
}

// service asks for a host of its own that announces a feature.
func service(feature string) probe {
	return probe{fmt.Sprintf("a service: `%s`", feature), func(s *seen) bool {
		return slices.ContainsFunc(s.services, func(a announced) bool { return slices.Contains(a.features, feature) })
	}}
}

// stream asks for a feature of the stream after sign-in.
func stream(space, local string) probe {
	return probe{fmt.Sprintf("stream: `%s`", space), func(s *seen) bool { return s.after.Child(space, local) != nil }}
}

// before asks for a feature of the stream ahead of sign-in.
func before(space, local string) probe {
	return probe{fmt.Sprintf("stream: `%s`", space), func(s *seen) bool { return s.before.Child(space, local) != nil }}
}

// inline asks for what can be done within SASL2.
func inline(space, local string) probe {
	return probe{fmt.Sprintf("inline: `%s`", space), func(s *seen) bool { return s.before.Find(space, local) != nil }}
}

// look reads what is offered before the sign-in, signs in and asks everything.
func look(t wire.Target, user, password string) (*seen, error) {
	s := &seen{}
	c, err := wire.Dial(t)
	if err != nil {
		return nil, err
	}
	defer c.Drop()
	if err := c.StartTLS(); err != nil {
		return nil, err
	}
	if s.before, err = c.Open(); err != nil {
		return nil, err
	}
	in, after, err := wire.SignIn(t, user, password)
	if err != nil {
		return nil, err
	}
	defer in.Drop()
	s.after = after
	full, err := in.Bind("look")
	if err != nil {
		return nil, err
	}
	return s, s.discover(in, t.Domain, full)
}

func (s *seen) discover(c *wire.Conn, domain, full string) (err error) {
	bare, _, _ := strings.Cut(full, "/")
	if s.domain, err = info(c, domain); err != nil {
		return err
	}
	if s.account, err = info(c, bare); err != nil {
		return err
	}
	items, err := ask(c, domain, "http://jabber.org/protocol/disco#items")
	if err != nil {
		return err
	}
	for _, item := range items.Elements() {
		a, err := info(c, item.Get("jid"))
		if err != nil {
			return err
		}
		s.services = append(s.services, a)
	}
	return nil
}

func info(c *wire.Conn, jid string) (announced, error) {
	a := announced{jid: jid}
	query, err := ask(c, jid, "http://jabber.org/protocol/disco#info")
	if err != nil {
		return a, err
	}
	for _, n := range query.Elements() {
		switch n.Name.Local {
		case "identity":
			a.identities = append(a.identities, [2]string{n.Get("category"), n.Get("type")})
		case "feature":
			a.features = append(a.features, n.Get("var"))
		}
	}
	return a, nil
}

// ask sends one disco query and returns the <query/> of the answer.
func ask(c *wire.Conn, jid, space string) (*wire.Node, error) {
	if err := c.Write("<iq type='get' id='" + jid + "' to='" + jid + "'><query xmlns='" + space + "'/></iq>"); err != nil {
		return nil, err
	}
	for {
		n, err := c.Next()
		if err != nil {
			return nil, fmt.Errorf("ask %s: %w", jid, err)
		}
		if n.Get("id") != jid {
			continue
		}
		query := n.Child(space, "query")
		if query == nil || n.Get("type") != "result" {
			return nil, fmt.Errorf("%s answers\n%v", jid, n)
		}
		return query, nil
	}
}
