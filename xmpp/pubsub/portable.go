package pubsub

import (
	"google.golang.org/protobuf/proto"

	"protokoll/schemas"
)

// What moves people from server to server needs of nodes: their configuration as fields, and what their facts are about.
// XEP-0227 §4.10

// Setting is one field of a node's configuration, by its name in the form.
type Setting struct {
	Name   string
	Values []string
}

// Settings lists how a node is configured, in the order of the form. Fields without a value are left out.
func Settings(c *schemas.NodeConfigured) (all []Setting) {
	for i := range options {
		if values := options[i].get(c); len(values) > 0 {
			all = append(all, Setting{"pubsub#" + options[i].name, values})
		}
	}
	return all
}

// FieldAccess is the one field that must be understood: who may read.
const FieldAccess = "pubsub#access_model"

// Adopt sets a field as far as this server knows it. It returns false for a value that it does not take: the field stays as it
// was, but for a node whose readers are not understood, which is for nobody else then.
func Adopt(c *schemas.NodeConfigured, s Setting) bool {
	o := optionNamed(s.Name)
	if o == nil {
		return true // XEP-0227 §4.10.1: what is not known is ignored
	}
	changed := proto.CloneOf(c)
	if !o.set(changed, s.Values) {
		if s.Name == FieldAccess {
			c.Access = schemas.NodeAccess_ACCESS_WHITELIST
		}
		return false
	}
	proto.Reset(c)
	proto.Merge(c, changed)
	return true
}

// RoleName is the word of a role, empty for none.
func RoleName(r schemas.NodeRole) string { return roleWord(r) }

// RoleNamed is the role of a word, NODE_ROLE_UNSPECIFIED for an unknown one.
func RoleNamed(name string) schemas.NodeRole {
	return roles[name]
}

// Key is the natural key of a fact about nodes; empty for others.
func Key(m proto.Message) string {
	switch m := m.(type) {
	case *schemas.NodeConfigured:
		return Ref{m.GetService(), m.GetNode()}.entity()
	case *schemas.NodeHosted:
		return Ref{m.GetService(), m.GetNode()}.hosted()
	case *schemas.ItemPublished:
		return Ref{m.GetService(), m.GetNode()}.item(m.GetItemId())
	case *schemas.NodeSubscribed:
		return Ref{m.GetService(), m.GetNode()}.subscription(m.GetSubscriber())
	}
	return ""
}

// Room is how many items a node keeps.
func Room(c *schemas.NodeConfigured) int {
	switch {
	case c.GetVolatile():
		return 0
	case c.GetMaxItems() == 0:
		return MaxItems
	}
	return min(int(c.GetMaxItems()), MaxItems)
}
