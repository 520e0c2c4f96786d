package adhoc

import (
	"cmp"
	"context"
	"crypto/rand"
	"strings"

	"protokoll/xmpp/features"
	"protokoll/xmpp/form"
	"protokoll/xmpp/frame"
)

// NS is the namespace of commands, and the node that lists them.
const NS = "http://jabber.org/protocol/commands"

// maxSession is the longest session id that is repeated, in bytes.
const maxSession = 64

// Commands are what can be done, in the order in which they are listed.
type Commands struct {
	list   []Command
	byNode map[string]*Command
}

// Register offers commands at the server. The nodes of commands are different.
func Register(r *features.Registry, list []Command) {
	c := &Commands{list: list, byNode: map[string]*Command{}}
	for i := range list {
		c.byNode[list[i].Node] = &list[i]
	}
	r.Handle(features.Set, features.Server, NS, "command", c.handle)
	r.Feature(features.Server, form.NS)
	r.Published(features.Server, c)
}

func callerOf(req *features.Request) Caller {
	bare, _, _ := strings.Cut(req.From, "/")
	return Caller{From: req.From, Bare: bare, Lang: req.Lang}
}

// find returns a command if the caller may use it.
func (c *Commands) find(node string, who Caller) (*Command, error) {
	command := c.byNode[node]
	switch {
	case command == nil:
		return nil, features.ItemNotFound() // XEP-0050 §4.4
	case command.Allowed != nil && !command.Allowed(who):
		return nil, features.Forbidden()
	}
	return command, nil
}

// step is what a client asks of a command. XEP-0050 §3.4
type step struct {
	node, session, action string
	lang                  string
	filled                []byte // a form, nil for none
}

func (c *Commands) handle(req *features.Request) (features.Reply, error) {
	s := step{node: string(req.Payload.Attr("node")), session: string(req.Payload.Attr("sessionid")),
		action: cmp.Or(string(req.Payload.Attr("action")), "execute"), lang: form.Lang(req.Lang)}
	if len(s.session) > maxSession {
		return features.Reply{}, malformed("bad-sessionid")
	}
	who := callerOf(req)
	command, err := c.find(s.node, who)
	if err != nil {
		return features.Reply{}, err
	}
	if s.filled, err = formIn(req.Payload.Raw); err != nil {
		return features.Reply{}, err
	}
	switch s.action {
	case "execute", "complete", "next":
		return features.Reply{Later: func(ctx context.Context) (features.Reply, error) { return command.take(ctx, who, s) }}, nil
	case "cancel":
		return features.Reply{Payload: s.end("canceled", nil)}, nil // XEP-0050 §3.4
	}
	return features.Reply{}, malformed("bad-action") // there is no step before the first
}

// malformed names what is wrong with a request. XEP-0050 §4.4
func malformed(condition string) error {
	return &features.Error{Type: "modify", Condition: "bad-request", App: []byte("<" + condition + " xmlns='" + NS + "'/>")}
}

// take shows the form, or carries the command out.
func (c *Command) take(ctx context.Context, who Caller, s step) (features.Reply, error) {
	if c.Form != nil && s.filled == nil {
		if s.session != "" {
			return features.Reply{}, malformed("bad-payload")
		}
		shown, err := c.Form(ctx, who)
		if err != nil {
			return features.Reply{}, err
		}
		s.session = rand.Text()
		inner := append([]byte("<actions execute='complete'><complete/></actions>"), shown.Append(nil, who.Lang)...)
		return features.Reply{Payload: s.end("executing", inner)}, nil
	}
	var answers form.Answers
	if s.filled != nil {
		var err error
		if answers, err = form.Parse(s.filled); err != nil {
			return features.Reply{}, malformed("bad-payload")
		}
		if answers.Kind == "cancel" {
			return features.Reply{Payload: s.end("canceled", nil)}, nil
		}
	}
	outcome, err := c.Run(ctx, who, answers)
	if err != nil {
		return features.Reply{}, err
	}
	return features.Reply{Payload: s.end("completed", outcome.append(nil, who.Lang))}, nil
}

// end builds the <command/> that answers. XEP-0050 §3.2
func (s *step) end(status string, inner []byte) []byte {
	b := attribute([]byte("<command xmlns='"+NS+"'"), "node", s.node)
	b = attribute(b, "sessionid", cmp.Or(s.session, rand.Text()))
	b = attribute(attribute(b, "status", status), "xml:lang", s.lang)
	return append(append(append(b, '>'), inner...), "</command>"...)
}

func (o *Outcome) append(dst []byte, lang string) []byte {
	if note := o.Note.In(lang); note != "" {
		dst = append(attribute(append(dst, "<note"...), "type", string(cmp.Or(o.Level, Info))), '>')
		dst = append(frame.AppendEscaped(dst, note), "</note>"...)
	}
	if o.Form != nil {
		dst = o.Form.Append(dst, lang)
	}
	return append(dst, o.Extra...)
}

func attribute(dst []byte, name, value string) []byte {
	dst = append(append(append(dst, ' '), name...), "='"...)
	return append(frame.AppendEscaped(dst, value), '\'')
}
