package portability

import (
	"bytes"
	_ "embed"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"html/template"
	"io"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"google.golang.org/protobuf/reflect/protoreflect"

	"protokoll/portability/pie"
	"protokoll/schemas"
)

//go:embed page.html
var pageText string

// page is what the template sees.
type page struct {
	Address, Made string
	Restricted    bool
	Left          bool // password keys are left out
	Sections      []shown
	Held, Staff   []row
	Orders        []row
	Outbox        []row
}

// shown is a section with its facts.
type shown struct {
	Title, About label
	Rows         []row
}

// row is one fact.
type row struct {
	When, Cause string
	Why         label
	Cells       []cell
}

// cell is one field of a fact.
type cell struct {
	Label label
	Text  string
	Word  label        // in place of Text: a value with names in both languages
	XML   string       // in place of Text: markup, as it is stored
	Image template.URL // beside XML: a photo in it
}

// WritePage writes a page that needs nothing else to be read and printed.
func (h *Holding) WritePage(w io.Writer, made time.Time, credentials bool) error {
	t, err := template.New("page").Parse(pageText)
	if err != nil {
		return fmt.Errorf("write the page: %w", err)
	}
	p := page{Address: h.Account.Address(), Made: when(made), Left: !credentials, Restricted: !h.Account.Restricted.IsZero()}
	for _, s := range sections {
		one := shown{Title: s.label, About: s.about}
		for _, f := range visible(h.Facts, credentials) {
			if t, err := schemas.TypeOf(f.Value); err == nil && slices.Contains(s.types, t.Name) {
				one.Rows = append(one.Rows, rowOf(f))
			}
		}
		p.Sections = append(p.Sections, one)
	}
	for facts, rows := range map[*[]Fact]*[]row{&h.Held: &p.Held, &h.Staff: &p.Staff, &h.Orders: &p.Orders, &h.Outbox: &p.Outbox} {
		for _, f := range visible(*facts, credentials) {
			*rows = append(*rows, rowOf(f))
		}
	}
	if err := t.Execute(w, p); err != nil {
		return fmt.Errorf("write the page: %w", err)
	}
	return nil
}

func when(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }

func rowOf(f Fact) row {
	return row{When: when(f.Time), Why: valueLabels[f.Cause.String()], Cells: cells(f.Value.ProtoReflect())}
}

// cells shows every field that has a value.
func cells(m protoreflect.Message) (all []cell) {
	fields := m.Descriptor().Fields()
	for i := range fields.Len() {
		f := fields.Get(i)
		switch {
		case !m.Has(f), hidden(f):
		case f.IsList() && f.Message() != nil:
			list := m.Get(f).List()
			for n := range list.Len() {
				all = append(all, cells(list.Get(n).Message())...)
			}
		case f.IsList():
			list, parts := m.Get(f).List(), []string{}
			for n := range list.Len() {
				parts = append(parts, list.Get(n).String())
			}
			all = append(all, cell{Label: labelOf(f), Text: strings.Join(parts, ", ")})
		default:
			all = append(all, cellOf(f, m.Get(f)))
		}
	}
	return all
}

// hidden are the owner ids of everybody whom an action was about.
func hidden(f protoreflect.FieldDescriptor) bool {
	return f.FullName() == "protokoll.StaffAction.subjects" || f.FullName() == "protokoll.Ordered.owner"
}

func labelOf(f protoreflect.FieldDescriptor) label {
	if l, ok := fieldLabels[string(f.Name())]; ok {
		return l
	}
	return label{string(f.Name()), string(f.Name())}
}

func cellOf(f protoreflect.FieldDescriptor, v protoreflect.Value) cell {
	c := cell{Label: labelOf(f)}
	switch f.Kind() {
	case protoreflect.BoolKind:
		c.Word = label{"ja", "yes"}
	case protoreflect.EnumKind:
		name := string(f.Enum().Values().ByNumber(v.Enum()).Name())
		if c.Word = valueLabels[name]; c.Word == (label{}) {
			c.Text = name
		}
	case protoreflect.Int64Kind: // every one of them is a time
		c.Text = when(time.UnixMilli(v.Int()))
	case protoreflect.BytesKind:
		c.XML, c.Text, c.Image = bytesOf(v.Bytes())
	default:
		c.Text = v.String()
	}
	return c
}

// bytesOf shows markup as it is, with its photo; other bytes in hex.
func bytesOf(b []byte) (markup, text string, image template.URL) {
	if !bytes.HasPrefix(b, []byte("<")) || !utf8.Valid(b) {
		return "", hex.EncodeToString(b), ""
	}
	return string(b), "", photo(b)
}

// imageTypes are those that a browser shows without running anything.
var imageTypes = map[string]string{"\x89PNG": "image/png", "\xff\xd8\xff": "image/jpeg", "GIF8": "image/gif"}

// photo returns the first photo of a vCard. XEP-0054 §3.2
func photo(vCard []byte) template.URL {
	for _, binary := range pie.Photos(vCard) {
		for magic, kind := range imageTypes {
			if bytes.HasPrefix(binary, []byte(magic)) {
				return template.URL("data:" + kind + ";base64," + base64.StdEncoding.EncodeToString(binary))
			}
		}
	}
	return ""
}
