package stream

import (
	"encoding/xml"
	"errors"
	"strings"
	"unicode"
	"unicode/utf8"

	"protokoll/xmpp/frame"
)

type agentPayload struct {
	ID       string `xml:"id,attr"`
	Software string `xml:"urn:xmpp:sasl:2 software"`
	Device   string `xml:"urn:xmpp:sasl:2 device"`
}

// maxAgent is the most bytes that a <user-agent/> may have.
const maxAgent = 1 << 10

var errAgent = errors.New("a user agent that is too long")

// parseAgent reads <user-agent/>. What is no UUID names nothing; names are cut off, and stay as one line. XEP-0388 §2.3
func parseAgent(c *frame.Child) (Agent, error) {
	var p agentPayload
	if len(c.Raw) > maxAgent {
		return Agent{}, errAgent
	}
	d := xml.NewDecoder(strings.NewReader(string(c.Raw)))
	d.DefaultSpace = sasl2Space
	if err := d.Decode(&p); err != nil {
		return Agent{}, err
	}
	return Agent{ID: uuid(p.ID), Software: shorten(p.Software), Device: shorten(p.Device)}, nil
}

// uuid returns a UUID in its one form, empty for anything else. RFC 9562 §4
func uuid(text string) string {
	if len(text) != agentIDSize {
		return ""
	}
	text = strings.ToLower(text)
	for i, c := range []byte(text) {
		dash := i == 8 || i == 13 || i == 18 || i == 23
		hex := c >= '0' && c <= '9' || c >= 'a' && c <= 'f'
		if dash != (c == '-') || !dash && !hex {
			return ""
		}
	}
	return text
}

// shorten makes a name one line of at most MaxAgentText bytes.
func shorten(name string) string {
	name = strings.Join(strings.FieldsFunc(name, func(r rune) bool { return unicode.IsSpace(r) || !unicode.IsPrint(r) }), " ")
	for len(name) > MaxAgentText {
		_, last := utf8.DecodeLastRuneInString(name)
		name = name[:len(name)-last]
	}
	return strings.TrimSpace(name)
}
