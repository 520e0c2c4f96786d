package retention

import (
	"fmt"
	"strings"
)

// Record returns the record of processing activities in German ("de") or English ("en"). GDPR Art. 30 (1)
func (p *Policy) Record(lang string) *Paper {
	l := languageOf(lang)
	w := l.words()
	n := &Paper{lang: lang}
	n.title(fmt.Sprintf(w.recordTitle, l.pick(p.Service.Name)))
	n.paragraph(w.recordOf)
	n.heading(w.recordWho)
	n.list(label(w.labelController, p.Controller.in(l)), label(w.labelOfficer, p.Officer.in(l)))
	n.heading(w.recordPurpose)
	n.paragraph(l.pick(p.Service.Purpose))
	n.heading(w.recordData)
	for _, k := range p.Kinds {
		n.subheading(l.pick(k.Title))
		n.list(p.entry(k, l)...)
	}
	n.heading(w.recordRecipients)
	n.paragraph(l.pick(p.Transfers.Recipients), l.pick(p.Transfers.Processors))
	n.heading(w.recordAbroad)
	n.paragraph(l.pick(p.Transfers.ThirdCountries))
	n.heading(w.recordDeadlines)
	for _, k := range p.Kinds {
		n.list(label(l.pick(k.Title), strings.Join(p.limits(k, l), " ")))
	}
	p.general(n, l)
	n.heading(w.recordMeasures)
	n.paragraph(l.pick(p.Service.Measures))
	p.dated(n, l)
	return n
}

// entry describes one kind of data.
func (p *Policy) entry(k Kind, l language) []string {
	w := l.words()
	said := []string{
		label(w.labelData, l.pick(k.What)), label(w.labelSubjects, l.pick(k.Subjects)), label(w.labelPurpose, l.pick(k.Purpose)),
		label(w.labelBasis, l.pick(p.basis(k.Basis).Article)),
	}
	if recipients := l.pick(k.Recipients); recipients != "" {
		return append(said, label(w.labelRecipients, recipients))
	}
	if p.ground(k.Basis) {
		said = append(said, label(w.labelRecipients, w.labelNobody))
	}
	return said
}

// general says what goes whatever kind of data it is.
func (p *Policy) general(n *Paper, l language) {
	w := l.words()
	n.paragraph(fmt.Sprintf(w.recordErased, l.within(p.longest(AccountErased))), fmt.Sprintf(w.leftOver, l.within(p.longest(LeftOver))))
	if period := p.BackupPeriod(); period > 0 {
		n.paragraph(fmt.Sprintf(w.backupPeriod, l.span(period)))
	}
}

func label(name, text string) string { return "**" + name + ":** " + text }
