package form

import (
	"encoding/xml"
	"errors"
	"fmt"
)

// Bounds of a form that somebody filled in.
const (
	MaxFields = 100   // fields
	MaxValues = 1_000 // values of all fields together
)

// ErrMalformed is returned for something that is no form, or too large a one: bad-request.
var ErrMalformed = errors.New("no data form, or too large")

// Answers are what somebody filled in.
type Answers struct {
	Kind   string // submit or cancel. XEP-0004 §3.1
	Type   string // FORM_TYPE
	values map[string][]string
}

// Parse reads an <x/> element. A field that comes twice is refused: nobody can say which counts.
func Parse(raw []byte) (Answers, error) {
	var x struct {
		XMLName xml.Name
		Kind    string `xml:"type,attr"`
		Fields  []struct {
			Var    string   `xml:"var,attr"`
			Values []string `xml:"jabber:x:data value"`
		} `xml:"jabber:x:data field"`
	}
	if err := xml.Unmarshal(raw, &x); err != nil || x.XMLName != (xml.Name{Space: NS, Local: "x"}) {
		return Answers{}, fmt.Errorf("read a form: %w", ErrMalformed)
	}
	a, count := Answers{Kind: x.Kind, values: map[string][]string{}}, 0
	for _, f := range x.Fields {
		if _, twice := a.values[f.Var]; twice && f.Var != "" {
			return Answers{}, fmt.Errorf("a field comes twice: %w", ErrMalformed)
		}
		a.values[f.Var] = f.Values
		count += len(f.Values)
	}
	if len(x.Fields) > MaxFields || count > MaxValues {
		return Answers{}, ErrMalformed
	}
	a.Type = a.Get("FORM_TYPE")
	return a, nil
}

// Get returns the one value of a field; empty if it has none or several.
func (a Answers) Get(name string) string {
	if v := a.values[name]; len(v) == 1 {
		return v[0]
	}
	return ""
}

// All returns the values of a field.
func (a Answers) All(name string) []string { return a.values[name] }

// Has tells whether a field was sent.
func (a Answers) Has(name string) bool { _, ok := a.values[name]; return ok }

// True tells whether a boolean field is set. XEP-0004 §3.3
func (a Answers) True(name string) bool {
	v := a.Get(name)
	return v == "1" || v == "true"
}
