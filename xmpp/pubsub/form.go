package pubsub

import (
	"slices"
	"strings"

	"protokoll/schemas"
	"protokoll/xmpp/features"
	"protokoll/xmpp/frame"
)

const nsForms = "jabber:x:data"

// form is a submitted data form. XEP-0004 §3
type form struct {
	Type   string      `xml:"type,attr"`
	Fields []formField `xml:"jabber:x:data field"`
}

type formField struct {
	Var    string   `xml:"var,attr"`
	Values []string `xml:"jabber:x:data value"`
}

// check refuses forms of another kind, too large ones, and fields that come twice. XEP-0068 §3.1
func (f *form) check(formType string) error {
	values := 0
	seen := map[string]bool{}
	for _, field := range f.Fields {
		values += len(field.Values)
		if seen[field.Var] {
			return invalidOptions()
		}
		seen[field.Var] = true
		if field.Var == "FORM_TYPE" && !slices.Equal(field.Values, []string{formType}) {
			return invalidOptions()
		}
	}
	if len(f.Fields) > maxFields || values > maxValues {
		return features.NotAcceptable("the form is too large")
	}
	return nil
}

// appendForm appends the configuration of a node as a form: of type form with labels in the language asked for, else bare.
func appendForm(dst []byte, kind, formType string, c *schemas.NodeConfigured, lang string) []byte {
	dst = append(appendAttr(append(dst, "<x xmlns='"+nsForms+"'"...), "type", kind), '>')
	dst = append(dst, "<field var='FORM_TYPE' type='hidden'><value>"...)
	dst = append(append(dst, formType...), "</value></field>"...)
	german := strings.EqualFold(lang, "de") || len(lang) > 2 && strings.EqualFold(lang[:3], "de-")
	for i := range options {
		dst = options[i].append(dst, kind, c, german)
	}
	return append(dst, "</x>"...)
}

func (o *option) append(dst []byte, kind string, c *schemas.NodeConfigured, german bool) []byte {
	dst = appendAttr(append(dst, "<field"...), "var", "pubsub#"+o.name)
	dst = appendAttr(dst, "type", o.kind)
	if kind == "form" {
		label := o.en
		if german {
			label = o.de
		}
		dst = appendAttr(dst, "label", label)
	}
	dst = appendValues(append(dst, '>'), o.get(c))
	if kind == "form" {
		for _, choice := range o.choices {
			dst = append(append(append(dst, "<option><value>"...), choice...), "</value></option>"...)
		}
	}
	return append(dst, "</field>"...)
}

func appendValues(dst []byte, values []string) []byte {
	for _, v := range values {
		dst = append(frame.AppendEscaped(append(dst, "<value>"...), v), "</value>"...)
	}
	return dst
}
