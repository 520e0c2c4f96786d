package form

import "protokoll/xmpp/frame"

// NS is the namespace of data forms.
const NS = "jabber:x:data"

// Form is a form as it is shown.
type Form struct {
	Kind         string // form or result. XEP-0004 §3.1
	Type         string // FORM_TYPE; empty for none. XEP-0068 §3
	Title        Text
	Instructions Text
	Fields       []Field
	Rows         []Row // of a result with several items; Fields are the columns then. XEP-0004 §3.4
}

// Row holds one value for each column.
type Row []string

// Field is one field. XEP-0004 §3.2
type Field struct {
	Var      string
	Kind     string // text-single, text-multi, text-private, boolean, list-single, list-multi, jid-single, jid-multi, fixed, hidden
	Label    Text
	Help     Text // XEP-0004 §3.2: desc
	Required bool
	Values   []string
	Options  []Option
}

// Option is something to choose. XEP-0004 §3.2
type Option struct {
	Label Text
	Value string
}

// Append appends the form in the language of an xml:lang.
func (f *Form) Append(dst []byte, lang string) []byte {
	dst = append(attribute(append(dst, "<x xmlns='"+NS+"'"...), "type", f.Kind), '>')
	dst = element(dst, "title", f.Title.In(lang))
	dst = element(dst, "instructions", f.Instructions.In(lang))
	if f.Type != "" {
		dst = append(dst, "<field var='FORM_TYPE' type='hidden'>"...)
		dst = append(value(dst, f.Type), "</field>"...)
	}
	if len(f.Rows) > 0 {
		return append(f.table(dst, lang), "</x>"...)
	}
	for i := range f.Fields {
		dst = f.Fields[i].append(dst, lang)
	}
	return append(dst, "</x>"...)
}

// table appends the columns and then the rows.
func (f *Form) table(dst []byte, lang string) []byte {
	dst = append(dst, "<reported>"...)
	for _, c := range f.Fields {
		dst = append(c.head(dst, lang), "/>"...)
	}
	dst = append(dst, "</reported>"...)
	for _, row := range f.Rows {
		dst = append(dst, "<item>"...)
		for i, c := range f.Fields {
			dst = append(attribute(append(dst, "<field"...), "var", c.Var), '>')
			dst = append(value(dst, row[i]), "</field>"...)
		}
		dst = append(dst, "</item>"...)
	}
	return dst
}

func (f *Field) head(dst []byte, lang string) []byte {
	dst = append(dst, "<field"...)
	if f.Var != "" {
		dst = attribute(dst, "var", f.Var)
	}
	if f.Kind != "" {
		dst = attribute(dst, "type", f.Kind)
	}
	if label := f.Label.In(lang); label != "" {
		dst = attribute(dst, "label", label)
	}
	return dst
}

func (f *Field) append(dst []byte, lang string) []byte {
	dst = append(f.head(dst, lang), '>')
	dst = element(dst, "desc", f.Help.In(lang))
	if f.Required {
		dst = append(dst, "<required/>"...)
	}
	for _, v := range f.Values {
		dst = value(dst, v)
	}
	for _, o := range f.Options {
		dst = append(dst, "<option"...)
		if label := o.Label.In(lang); label != "" {
			dst = attribute(dst, "label", label)
		}
		dst = append(value(append(dst, '>'), o.Value), "</option>"...)
	}
	return append(dst, "</field>"...)
}

// element appends an element with text, nothing for an empty text.
func element(dst []byte, name, text string) []byte {
	if text == "" {
		return dst
	}
	dst = append(append(append(dst, '<'), name...), '>')
	dst = frame.AppendEscaped(dst, text)
	return append(append(append(dst, "</"...), name...), '>')
}

func value(dst []byte, text string) []byte {
	return append(frame.AppendEscaped(append(dst, "<value>"...), text), "</value>"...)
}

func attribute(dst []byte, name, text string) []byte {
	dst = append(append(append(dst, ' '), name...), "='"...)
	return append(frame.AppendEscaped(dst, text), '\'')
}
