package archive

import (
	"encoding/xml"
	"slices"
	"strconv"
	"strings"
	"time"

	"mellium.im/xmpp/jid"

	"protokoll/xmpp/features"
)

const (
	// NSExtended says that ranges by id, single messages, flipped pages and metadata work. XEP-0313 §7
	NSExtended = NS + "#extended"
	nsForm     = "jabber:x:data"
	nsRSM      = "http://jabber.org/protocol/rsm"

	// MaxPage is how many messages a page holds at most, and if the client does not say.
	MaxPage = 50
	// MaxPageBytes is how large the payloads of a page are together, in bytes; one message is given in any case.
	MaxPageBytes = 256 << 10
	// MaxIDs is how many messages can be asked for by their ids at once.
	MaxIDs = 50
	// maxText is the longest value of any field, in bytes: an address.
	maxText = 3071
)

// queryXML is what a client sends.
type queryXML struct {
	QueryID string    `xml:"queryid,attr"`
	Node    string    `xml:"node,attr"`
	Form    *formXML  `xml:"jabber:x:data x"`
	Set     *setXML   `xml:"http://jabber.org/protocol/rsm set"`
	Flip    *struct{} `xml:"urn:xmpp:mam:2 flip-page"`
}

type formXML struct {
	Type   string     `xml:"type,attr"`
	Fields []fieldXML `xml:"field"`
}

type fieldXML struct {
	Var    string   `xml:"var,attr"`
	Values []string `xml:"value"`
}

type setXML struct {
	Max    *string `xml:"max"`
	Before *string `xml:"before"`
	After  *string `xml:"after"`
	Index  *string `xml:"index"`
}

// Query is one request for a page. Ids are as the client wrote them.
type Query struct {
	ID                string // of the query, repeated in each result
	With              string // prepared; empty: with anybody
	Start, End        time.Time
	AfterID, BeforeID string   // fields of the form
	IDs               []string // nil: all
	After, Before     string   // of RSM
	Last              bool     // RSM asks for the page at the end, or before an id. XEP-0059 §2.5
	Max               int
	Flip              bool
}

// ParseQuery reads a <query/>. Its error is an *features.Error.
func ParseQuery(payload []byte) (*Query, error) {
	var x queryXML
	if err := xml.Unmarshal(payload, &x); err != nil {
		return nil, features.BadRequest("the payload cannot be read")
	}
	if x.Node != "" {
		return nil, features.ItemNotFound() // only archives of PubSub have nodes. XEP-0313 §6.1.3
	}
	if len(x.QueryID) > maxText {
		return nil, features.BadRequest("the id of the query is too long")
	}
	q := &Query{ID: x.QueryID, Max: MaxPage, Flip: x.Flip != nil}
	if x.Form != nil {
		if err := q.form(x.Form); err != nil {
			return nil, err
		}
	}
	if x.Set != nil {
		if err := q.set(x.Set); err != nil {
			return nil, err
		}
	}
	return q, nil
}

func (q *Query) form(f *formXML) error {
	named := false
	for _, field := range f.Fields {
		if field.Var == "ids" { // XEP-0313 §4.1.4
			if len(field.Values) > MaxIDs {
				return features.LimitReached()
			}
			q.IDs = append([]string{}, field.Values...)
			continue
		}
		value := ""
		if len(field.Values) > 0 {
			value = strings.TrimSpace(field.Values[0])
		}
		if len(value) > maxText {
			return features.BadRequest("a field is too long")
		}
		if field.Var == "FORM_TYPE" {
			named = value == NS
			continue
		}
		if err := q.field(field.Var, value); err != nil {
			return err
		}
	}
	if !named {
		return features.BadRequest("the form is not one of the archive's") // XEP-0313 §4.1
	}
	return nil
}

func (q *Query) field(name, value string) (err error) {
	switch name {
	case "with":
		if value == "" {
			return nil
		}
		j, err := jid.Parse(value)
		if err != nil {
			return features.JIDMalformed()
		}
		q.With = j.String()
	case "start":
		q.Start, err = parseTime(value)
	case "end":
		q.End, err = parseTime(value)
	case "before-id":
		q.BeforeID = value
	case "after-id":
		q.AfterID = value
	default:
		return features.FeatureNotImplemented() // XEP-0313 §4.1.6
	}
	return err
}

// parseTime reads a time; an empty one is as if it were not there. XEP-0082 §3.2
func parseTime(s string) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		return time.Time{}, features.BadRequest("a time cannot be read")
	}
	return t, nil
}

// set reads which page is wanted. XEP-0059 §2
func (q *Query) set(x *setXML) error {
	if x.Index != nil {
		return features.FeatureNotImplemented() // XEP-0059 §2.4
	}
	if x.Max != nil {
		n, err := strconv.ParseUint(strings.TrimSpace(*x.Max), 10, 31)
		if err != nil {
			return features.BadRequest("the size of the page is not a number")
		}
		q.Max = min(int(n), MaxPage)
	}
	if x.After != nil {
		q.After = strings.TrimSpace(*x.After)
	}
	if x.Before != nil {
		q.Before, q.Last = strings.TrimSpace(*x.Before), true
	}
	if len(q.After) > maxText || len(q.Before) > maxText {
		return features.ItemNotFound()
	}
	return nil
}

// form is what a client can fill in. XEP-0313 §4.1.5
var form = []byte("<query xmlns='" + NS + "'><x xmlns='" + nsForm + "' type='form'>" +
	"<field type='hidden' var='FORM_TYPE'><value>" + NS + "</value></field>" +
	"<field type='jid-single' var='with'/><field type='text-single' var='start'/><field type='text-single' var='end'/>" +
	"<field type='text-single' var='before-id'/><field type='text-single' var='after-id'/>" +
	"<field type='list-multi' var='ids'><validate xmlns='http://jabber.org/protocol/xdata-validate' datatype='xs:string'><open/></validate></field>" +
	"</x></query>")

// sorted puts ids into an order, each once.
func sorted(ids []uint64) []uint64 {
	slices.Sort(ids)
	return slices.Compact(ids)
}
