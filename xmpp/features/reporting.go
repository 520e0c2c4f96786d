package features

import (
	"strings"
	"unicode/utf8"
)

// Spam Reporting, XEP-0377 version 0.4.1: why an address is blocked, said together with the blocking. A report goes to whom
// the operator named for abuse, as a message, and is kept nowhere else: docs/decisions/0013. Not here: forwarding to other servers.
const (
	NSReporting = "urn:xmpp:reporting:1"
	// Reasons of a report; others count as none. XEP-0377 §4
	reasonSpam  = "urn:xmpp:reporting:spam"
	reasonAbuse = "urn:xmpp:reporting:abuse"

	// MaxReportText is how much of what somebody wrote about an address is passed on, in bytes.
	MaxReportText = 4 << 10
	// MaxReportIDs is how many ids of messages are passed on.
	MaxReportIDs = 20
	// maxReports is how many addresses one command can report.
	maxReports = 10
)

// Report is what somebody says about an address that they block.
type Report struct {
	From    string // bare JID of who reports
	About   string // the address
	Spam    bool   // else abuse, or not said
	Text    string
	Stanzas []ReportedStanza
}

// ReportedStanza names a message as an archive knows it. XEP-0359 §3
type ReportedStanza struct{ By, ID string }

type reportPayload struct {
	Reason string `xml:"reason,attr"`
	Texts  []struct {
		Text string `xml:",chardata"`
	} `xml:"urn:xmpp:reporting:1 text"`
	Stanzas []struct {
		By string `xml:"by,attr"`
		ID string `xml:"id,attr"`
	} `xml:"urn:xmpp:sid:0 stanza-id"`
}

// about makes a report of what a client sent, as much of it as is passed on.
func (p *reportPayload) about(address string) Report {
	r := Report{About: address, Spam: p.Reason == reasonSpam}
	if len(p.Texts) > 0 {
		r.Text = cut(strings.TrimSpace(p.Texts[0].Text), MaxReportText)
	}
	for _, s := range p.Stanzas {
		if len(r.Stanzas) < MaxReportIDs {
			r.Stanzas = append(r.Stanzas, ReportedStanza{cut(s.By, 512), cut(s.ID, 128)})
		}
	}
	return r
}

// cut shortens a text to a number of bytes, at the end of a character.
func cut(s string, most int) string {
	if len(s) <= most {
		return s
	}
	for most > 0 && !utf8.RuneStart(s[most]) {
		most--
	}
	return s[:most]
}

// Body is the report as people read it.
func (r Report) Body() string {
	var b strings.Builder
	why := "abuse"
	if r.Spam {
		why = "spam"
	}
	b.WriteString("Meldung / report (" + why + ")\nvon / from: " + r.From + "\nüber / about: " + r.About + "\n")
	for _, s := range r.Stanzas {
		b.WriteString("Nachricht / message: " + s.ID + " (" + s.By + ")\n")
	}
	if r.Text != "" {
		b.WriteString("\n" + r.Text + "\n")
	}
	return b.String()
}
