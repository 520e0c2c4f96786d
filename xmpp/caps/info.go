package caps

import (
	"encoding/base64"
	"encoding/xml"
	"errors"
	"slices"
	"strings"

	"protokoll/xmpp/features"
)

// What an answer may hold; clients that exist stay far below.
const (
	MaxFeatures   = 1_000
	MaxIdentities = 100
	MaxForms      = 50
	MaxInfoBytes  = 64 << 10
	MaxNotify     = 200 // nodes that a client wants to hear of
	maxNode       = 512 // bytes of their names
)

// ErrTooLarge is returned for an answer that is larger than is looked at.
var ErrTooLarge = errors.New("answer about capabilities too large")

// ErrMalformed is returned for an answer that is no disco#info.
var ErrMalformed = errors.New("answer about capabilities malformed")

// Info is what a client says it can do.
type Info struct {
	identities []string
	features   []string
	forms      []string
	sound      bool // it can be hashed without doubt
}

type queryXML struct {
	XMLName    xml.Name      `xml:"http://jabber.org/protocol/disco#info query"`
	Identities []identityXML `xml:"identity"`
	Features   []struct {
		Var string `xml:"var,attr"`
	} `xml:"feature"`
	Forms []formXML `xml:"jabber:x:data x"`
}

type identityXML struct {
	Category string `xml:"category,attr"`
	Type     string `xml:"type,attr"`
	Lang     string `xml:"http://www.w3.org/XML/1998/namespace lang,attr"`
	Name     string `xml:"name,attr"`
}

type formXML struct {
	Fields []struct {
		Var    string   `xml:"var,attr"`
		Type   string   `xml:"type,attr"`
		Values []string `xml:"value"`
	} `xml:"field"`
}

// Read reads the <query/> of an answer.
func Read(raw []byte) (*Info, error) {
	if len(raw) > MaxInfoBytes {
		return nil, ErrTooLarge
	}
	var q queryXML
	if err := xml.Unmarshal(raw, &q); err != nil {
		return nil, ErrMalformed
	}
	if len(q.Features) > MaxFeatures || len(q.Identities) > MaxIdentities || len(q.Forms) > MaxForms {
		return nil, ErrTooLarge
	}
	i := &Info{sound: true}
	for _, id := range q.Identities {
		i.identities = append(i.identities, i.part(id.Category)+"/"+i.part(id.Type)+"/"+i.part(id.Lang)+"/"+i.part(id.Name))
	}
	for _, f := range q.Features {
		i.features = append(i.features, i.part(f.Var))
	}
	for _, f := range q.Forms {
		i.form(&f)
	}
	i.sort()
	return i, nil
}

// part notes a string that would make the hash ambiguous: then it proves nothing. XEP-0115 §10
func (i *Info) part(s string) string {
	if strings.Contains(s, "<") {
		i.sound = false
	}
	return s
}

// form adds a form as it is hashed. One without a hidden FORM_TYPE does not count. XEP-0115 §5.4
func (i *Info) form(f *formXML) {
	formType, hidden := "", false
	var fields []string
	for _, field := range f.Fields {
		if field.Var == "FORM_TYPE" {
			hidden = field.Type == "hidden" || field.Type == ""
			if len(slices.Compact(slices.Sorted(slices.Values(field.Values)))) != 1 {
				i.sound = false
				return
			}
			formType = i.part(field.Values[0])
			continue
		}
		s := i.part(field.Var) + "<"
		for _, v := range slices.Sorted(slices.Values(field.Values)) {
			s += i.part(v) + "<"
		}
		fields = append(fields, s)
	}
	if formType == "" || !hidden {
		return
	}
	slices.Sort(fields)
	i.forms = append(i.forms, formType+"<"+strings.Join(fields, ""))
}

// sort puts everything in the order of the hash. What comes twice makes the answer unsound. XEP-0115 §5.4
func (i *Info) sort() {
	types := make([]string, 0, len(i.forms))
	for _, f := range i.forms {
		types = append(types, f[:strings.IndexByte(f, '<')])
	}
	for _, list := range [][]string{i.identities, i.features, types} {
		slices.Sort(list)
		if len(slices.Compact(slices.Clone(list))) != len(list) {
			i.sound = false
		}
	}
	slices.Sort(i.forms)
}

// Proves tells whether the answer is what the claim is the hash of. XEP-0115 §5.1, §5.4
func (i *Info) Proves(c Claim) bool { return i.sound && c.Verifiable() && i.Ver(c.Hash) == c.Ver }

// Ver is the hash of the answer; empty for a function that is not known. XEP-0115 §5.1
func (i *Info) Ver(function string) string {
	make := hashes[function]
	if make == nil {
		return ""
	}
	h := make()
	for _, list := range [][]string{i.identities, i.features} {
		for _, v := range list {
			h.Write([]byte(v + "<"))
		}
	}
	for _, f := range i.forms {
		h.Write([]byte(f))
	}
	return base64.StdEncoding.EncodeToString(h.Sum(nil))
}

// Notify returns what the client wants to be notified of, nil if nothing. XEP-0060 §9.2
func (i *Info) Notify() *features.Notify {
	nodes := map[string]bool{}
	for _, f := range i.features {
		if node, ok := strings.CutSuffix(f, "+notify"); ok && node != "" && len(node) <= maxNode && len(nodes) < MaxNotify {
			nodes[node] = true
		}
	}
	if len(nodes) == 0 {
		return nil
	}
	return &features.Notify{Nodes: nodes}
}
