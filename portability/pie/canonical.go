package pie

import "slices"

// Canonical returns a stored element as it would be after an export and an import; nil for bytes that are none.
func Canonical(stored []byte) []byte {
	if len(stored) == 0 {
		return nil
	}
	n, err := parse(stored)
	if err != nil {
		return nil
	}
	return n.AppendTo(nil, "")
}

// Written returns what the sender wrote of a stored message, in canonical form: without ids and notes of servers.
func Written(stored []byte) []byte {
	n, err := parse(stored)
	if err != nil {
		return nil
	}
	n.Kids = slices.DeleteFunc(n.Kids, func(k Kid) bool {
		return k.Node != nil && (k.Node.Is(nsStanzaID, "stanza-id") || k.Node.Is(nsDelay, "delay"))
	})
	attrs := n.Attrs[:0:0]
	for _, name := range []string{"from", "to", "type", "id"} {
		if v := n.Attr(name); v != "" {
			if name == "from" || name == "to" {
				v = bare(v)
			}
			attrs = append(attrs, Attr{Local: name, Value: v})
		}
	}
	n.Attrs = attrs
	return n.AppendTo(nil, "")
}
