package profile

import (
	"context"
	"encoding/xml"
	"log/slog"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"protokoll/xmpp/features"
	"protokoll/xmpp/frame"
)

// Jabber Search, XEP-0055 version 1.3: finding people by name or mail address, by form or by the old fields. Who is found has
// allowed it, or did not refuse where that is the rule: People decides. Nothing tells whether somebody who is not found exists. What is
// searched is taken literally: there are no wildcards.
const (
	NSSearch = "jabber:iq:search"
	nsForm   = "jabber:x:data"
	// MaxFound is how many people one answer names.
	MaxFound = 50
	// MinSearch is the shortest search, in characters: one letter would list everybody.
	MinSearch = 3
	// MaxSearch is the longest, in bytes.
	MaxSearch = 200
	// SearchesPerMinute is how often one account may search.
	SearchesPerMinute = 20
)

// Query is what is searched. All words must be found in a name, each at the beginning of a part of it; a mail address from its
// beginning.
type Query struct {
	Words []string // in lower case
	Mail  string   // in lower case; empty: any
}

// Person is somebody who may be found.
type Person struct {
	Address    string // bare JID
	Name, Mail string
}

// Matches tells whether a person is searched for.
func (q Query) Matches(p Person) bool {
	if q.Mail != "" && !strings.HasPrefix(strings.ToLower(p.Mail), q.Mail) {
		return false
	}
	parts := words(p.Name)
	for _, w := range q.Words {
		found := false
		for _, part := range parts {
			found = found || strings.HasPrefix(part, w)
		}
		if !found {
			return false
		}
	}
	return true
}

func words(name string) []string {
	return strings.FieldsFunc(strings.ToLower(name), func(r rune) bool { return r == ' ' || r == ',' || r == '-' || r == '\t' })
}

// People finds those who may be found.
type People interface {
	// Find returns at most limit people. It may wait for a directory.
	Find(ctx context.Context, q Query, limit int) ([]Person, error)
}

// Search returns what answers at the host of a search service.
func Search(people People, name string, clock func() time.Time, logger *slog.Logger) *features.Registry {
	r := features.NewRegistry(logger)
	s := &search{people: people, clock: clock, asked: map[string]int{}}
	r.Identity(features.Server, features.Identity{Category: "directory", Type: "user", Name: name})
	r.Handle(features.Get, features.Server, NSSearch, "query", searchForm)
	r.Handle(features.Set, features.Server, NSSearch, "query", s.find)
	r.Feature(features.Server, nsForm)
	return r
}

type search struct {
	people People
	clock  func() time.Time

	mu     sync.Mutex
	minute int64
	asked  map[string]int // in this minute, by bare JID
}

// admit counts searches. The map holds who searched within one minute.
func (s *search) admit(bare string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if now := s.clock().Unix() / 60; now != s.minute {
		s.minute = now
		clear(s.asked)
	}
	s.asked[bare]++
	return s.asked[bare] <= SearchesPerMinute
}

// fields are those of XEP-0055 §7.1 that are searched, with what people read.
var fields = []struct{ name, german, english string }{
	{"first", "Vorname", "First name"}, {"last", "Nachname", "Last name"}, {"nick", "Name", "Name"}, {"email", "E-Mail", "E-mail"},
}

// searchForm says what can be searched, in the old way and as a form. XEP-0055 §2.1, §3
func searchForm(req *features.Request) (features.Reply, error) {
	german := strings.HasPrefix(strings.ToLower(req.Lang), "de")
	title, text := "Find people", "Fill in at least three letters. Only people who allow it are found."
	if german {
		title, text = "Personen finden", "Füllen Sie mindestens drei Buchstaben aus. Gefunden wird nur, wer es erlaubt."
	}
	b := appendText([]byte("<query xmlns='"+NSSearch+"'>"), "instructions", text)
	for _, f := range fields {
		b = append(append(append(b, '<'), f.name...), "/>"...)
	}
	b = append(b, "<x xmlns='"+nsForm+"' type='form'>"...)
	b = appendText(appendText(b, "title", title), "instructions", text)
	b = append(b, "<field type='hidden' var='FORM_TYPE'><value>"+NSSearch+"</value></field>"...)
	for _, f := range fields {
		label := f.english
		if german {
			label = f.german
		}
		b = append(appendAttr(appendAttr(append(b, "<field type='text-single'"...), "label", label), "var", f.name), "/>"...)
	}
	return features.Reply{Payload: append(b, "</x></query>"...)}, nil
}

func appendText(dst []byte, name, text string) []byte {
	dst = frame.AppendEscaped(append(append(append(dst, '<'), name...), '>'), text)
	return append(append(append(dst, "</"...), name...), '>')
}

type searchPayload struct {
	First string      `xml:"jabber:iq:search first"`
	Last  string      `xml:"jabber:iq:search last"`
	Nick  string      `xml:"jabber:iq:search nick"`
	Mail  string      `xml:"jabber:iq:search email"`
	Form  *searchData `xml:"jabber:x:data x"`
}

type searchData struct {
	Type   string `xml:"type,attr"`
	Fields []struct {
		Var    string   `xml:"var,attr"`
		Values []string `xml:"value"`
	} `xml:"field"`
}

// query takes from a request what is searched.
func (p *searchPayload) query() (Query, error) {
	values := map[string]string{"first": p.First, "last": p.Last, "nick": p.Nick, "email": p.Mail}
	if p.Form != nil {
		if p.Form.Type != "submit" {
			return Query{}, features.BadRequest("the form is not filled in")
		}
		for _, f := range p.Form.Fields {
			if _, known := values[f.Var]; known && len(f.Values) > 0 {
				values[f.Var] = f.Values[0]
			}
		}
	}
	q := Query{Mail: strings.ToLower(strings.TrimSpace(values["email"]))}
	name := values["first"] + " " + values["last"] + " " + values["nick"]
	if len(name) > MaxSearch || len(q.Mail) > MaxSearch {
		return Query{}, features.NotAcceptable("too long")
	}
	q.Words = words(name)
	longest := utf8.RuneCountInString(q.Mail)
	for _, w := range q.Words {
		longest = max(longest, utf8.RuneCountInString(w))
	}
	if longest < MinSearch {
		return Query{}, features.NotAcceptable("at least three letters are needed")
	}
	return q, nil
}

// find answers a search. XEP-0055 §2.1
func (s *search) find(req *features.Request) (features.Reply, error) {
	var p searchPayload
	if xml.Unmarshal(req.Payload.Raw, &p) != nil {
		return features.Reply{}, features.BadRequest("")
	}
	q, err := p.query()
	if err != nil {
		return features.Reply{}, err
	}
	bare, _, _ := strings.Cut(req.From, "/")
	if !s.admit(bare) {
		return features.Reply{}, features.ResourceConstraint()
	}
	form := p.Form != nil
	return features.Reply{Later: func(ctx context.Context) (features.Reply, error) {
		found, err := s.people.Find(ctx, q, MaxFound)
		if err != nil {
			return features.Reply{}, err
		}
		if len(found) > MaxFound {
			found = found[:MaxFound]
		}
		if form {
			return features.Reply{Payload: formAnswer(found)}, nil
		}
		return features.Reply{Payload: plainAnswer(found)}, nil
	}}, nil
}

// plainAnswer is the answer to the old fields. XEP-0055 §2.1
func plainAnswer(found []Person) []byte {
	b := []byte("<query xmlns='" + NSSearch + "'>")
	for _, p := range found {
		first, last := splitName(p.Name)
		b = append(appendAttr(append(b, "<item"...), "jid", p.Address), '>')
		b = appendText(appendText(b, "first", first), "last", last)
		b = append(appendText(appendText(b, "nick", p.Name), "email", p.Mail), "</item>"...)
	}
	return append(b, "</query>"...)
}

// formAnswer is the answer to a form. XEP-0055 §3
func formAnswer(found []Person) []byte {
	b := []byte("<query xmlns='" + NSSearch + "'><x xmlns='" + nsForm + "' type='result'><field type='hidden' var='FORM_TYPE'><value>" + NSSearch +
		"</value></field><reported><field var='jid' type='jid-single' label='JID'/>")
	for _, f := range fields {
		b = append(appendAttr(appendAttr(append(b, "<field type='text-single'"...), "label", f.english), "var", f.name), "/>"...)
	}
	b = append(b, "</reported>"...)
	for _, p := range found {
		first, last := splitName(p.Name)
		b = append(b, "<item>"...)
		for _, v := range [][2]string{{"jid", p.Address}, {"first", first}, {"last", last}, {"nick", p.Name}, {"email", p.Mail}} {
			b = append(appendText(append(appendAttr(append(b, "<field"...), "var", v[0]), '>'), "value", v[1]), "</field>"...)
		}
		b = append(b, "</item>"...)
	}
	return append(b, "</x></query>"...)
}

// splitName takes the last word for the family's name, or what stands before a comma.
func splitName(name string) (first, last string) {
	if last, first, ok := strings.Cut(name, ","); ok {
		return strings.TrimSpace(first), strings.TrimSpace(last)
	}
	if n := strings.LastIndexByte(name, ' '); n >= 0 {
		return name[:n], name[n+1:]
	}
	return "", name
}

// NameIn takes from a vCard what the owner is called, and a mail address.
func NameIn(vCard []byte) (name, mail string) {
	card, err := parseTree(vCard)
	if err != nil {
		return "", ""
	}
	name = card.content("FN")
	if name == "" {
		name = strings.TrimSpace(card.content("N", "GIVEN") + " " + card.content("N", "FAMILY"))
	}
	if nick := card.content("NICKNAME"); nick != "" && name == "" {
		name = nick
	}
	return cutText(name), cutText(card.content("EMAIL", "USERID"))
}

// cutText bounds what is remembered of a person for the search.
func cutText(s string) string {
	if len(s) <= MaxSearch {
		return s
	}
	n := MaxSearch
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}
