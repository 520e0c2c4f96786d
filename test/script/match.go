package script

import (
	"encoding/xml"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"protokoll/test/wire"
)

// nsScript is the namespace of the attributes that steer a comparison.
const nsScript = "script"

// own is the client that received an element: its JIDs may stand where the RFCs let them.
type own struct{ full, bare string }

// match compares an element with what is wanted, adding captures to vars only when all of it matches.
func match(want, got *wire.Node, me own, vars map[string]string) error {
	try := maps.Clone(vars)
	m := matcher{me: me, vars: try}
	if err := m.stanza(want, got); err != nil {
		return err
	}
	maps.Copy(vars, try)
	return nil
}

type matcher struct {
	me    own
	vars  map[string]string
	error bool // inside a stanza of type error
}

func (m *matcher) stanza(want, got *wire.Node) error {
	m.error = got.Get("type") == "error" && want.Get("type") == "error"
	return m.element(want, got, true)
}

func (m *matcher) element(want, got *wire.Node, top bool) error {
	if want.Name != got.Name {
		return fmt.Errorf("<%s xmlns='%s'/> instead of <%s xmlns='%s'/>", got.Name.Local, got.Name.Space, want.Name.Local, want.Name.Space)
	}
	ignore := directive(want, "ignore")
	if err := m.attrs(want, got, top, strings.Contains(ignore, "attributes")); err != nil {
		return fmt.Errorf("<%s/>: %w", want.Name.Local, err)
	}
	if err := m.children(want, got, top, strings.Contains(ignore, "children")); err != nil {
		return fmt.Errorf("<%s/>: %w", want.Name.Local, err)
	}
	return nil
}

func directive(n *wire.Node, name string) string {
	for _, a := range n.Attrs {
		if a.Name.Space == nsScript && a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}

func (m *matcher) attrs(want, got *wire.Node, top, ignore bool) error {
	listed := map[xml.Name]bool{}
	for _, a := range want.Attrs {
		if a.Name.Space == nsScript {
			continue
		}
		listed[a.Name] = true
		i := slices.IndexFunc(got.Attrs, func(g xml.Attr) bool { return g.Name == a.Name })
		if i < 0 {
			if a.Value == "{optional}" {
				continue
			}
			return fmt.Errorf("attribute %s is missing", a.Name.Local)
		}
		if a.Value != "{optional}" && !m.value(a.Value, got.Attrs[i].Value) {
			return fmt.Errorf("attribute %s is %q, not %q", a.Name.Local, got.Attrs[i].Value, a.Value)
		}
	}
	if ignore {
		return nil
	}
	for _, a := range got.Attrs {
		if !listed[a.Name] && !m.freeAttr(got, a, top) {
			return fmt.Errorf("attribute %s='%s' was not expected", a.Name.Local, a.Value)
		}
	}
	return nil
}

// freeAttr is what doc.go calls the server's freedom.
func (m *matcher) freeAttr(n *wire.Node, a xml.Attr, top bool) bool {
	switch {
	case a.Name.Local == "lang" && a.Name.Space != "":
		return true // RFC 6120 §8.1.5
	case m.error && n.Name.Local == "error" && a.Name.Local == "by":
		return true // RFC 6120 §8.3.2
	case top && a.Name.Local == "to":
		return a.Value == m.me.full || a.Value == m.me.bare // RFC 6120 §8.1.1.1
	case top && a.Name.Local == "from":
		return a.Value == m.me.bare // RFC 6120 §8.1.2.1
	}
	return false
}

func (m *matcher) children(want, got *wire.Node, top, ignore bool) error {
	if w, g := strings.TrimSpace(want.Content()), strings.TrimSpace(got.Content()); !m.value(w, g) && !(ignore && w == "") {
		return fmt.Errorf("text is %q, not %q", g, w)
	}
	rest := got.Elements()
	exact := directive(want, "order") == "exact"
	for _, w := range want.Elements() {
		i, err := m.pick(w, rest, exact)
		if err != nil {
			return err
		}
		if i >= 0 {
			rest = slices.Delete(rest, i, i+1)
		}
	}
	if ignore {
		return nil
	}
	for _, g := range rest {
		if !m.freeChild(got, g, top) {
			return fmt.Errorf("child was not expected:\n%v", g)
		}
	}
	return nil
}

// pick finds the child that w describes; -1 when it may be absent and is.
func (m *matcher) pick(w *wire.Node, from []*wire.Node, exact bool) (int, error) {
	var last error
	for i, g := range from {
		before := maps.Clone(m.vars)
		err := m.element(w, g, false)
		if err == nil {
			return i, nil
		}
		m.vars = replace(m.vars, before)
		if g.Name == w.Name || last == nil {
			last = err
		}
		if exact {
			break
		}
	}
	if directive(w, "optional") == "yes" {
		return -1, nil
	}
	if last == nil {
		last = fmt.Errorf("child <%s xmlns='%s'/> is missing", w.Name.Local, w.Name.Space)
	}
	return -1, last
}

func replace(dst, src map[string]string) map[string]string {
	clear(dst)
	maps.Copy(dst, src)
	return dst
}

func (m *matcher) freeChild(parent, c *wire.Node, top bool) bool {
	switch {
	case m.error && top:
		return !c.Is(wire.NSClient, "error") // the payload echoed, RFC 6120 §8.3.1
	case m.error && parent.Name.Local == "error":
		return c.Is(wire.NSStanza, "text") // RFC 6120 §8.3.2
	case top && parent.Name.Local == "message" && c.Is("urn:xmpp:sid:0", "stanza-id"):
		return c.Get("by") == m.me.bare // XEP-0359 §3
	case top && parent.Name.Local == "presence" && parent.Get("type") == "":
		return c.Is("vcard-temp:x:update", "x") || c.Is("urn:xmpp:delay", "delay") // XEP-0153 §4.3, RFC 6121 §4.3.2
	}
	return false
}

var token = regexp.MustCompile(`\{(any|some|capture \w+)\}`)

// value compares one value with its pattern.
func (m *matcher) value(want, got string) bool {
	if !strings.Contains(want, "{") {
		return want == got
	}
	var names []string
	pattern, at := "", 0
	for _, loc := range token.FindAllStringIndex(want, -1) {
		pattern += regexp.QuoteMeta(want[at:loc[0]])
		switch word := want[loc[0]+1 : loc[1]-1]; word {
		case "any":
			pattern += ".*"
		case "some":
			pattern += ".+"
		default:
			names, pattern = append(names, strings.TrimPrefix(word, "capture ")), pattern+"(.+)"
		}
		at = loc[1]
	}
	found := regexp.MustCompile("(?s)^" + pattern + regexp.QuoteMeta(want[at:]) + "$").FindStringSubmatch(got)
	if found == nil {
		return false
	}
	for i, name := range names {
		m.vars[name] = found[i+1]
	}
	return true
}
