package retention

import (
	"fmt"
	"strings"
	"time"
)

// Notice returns the privacy notice in German ("de") or English ("en"). GDPR Art. 13 and 14
func (p *Policy) Notice(lang string) *Paper {
	l := languageOf(lang)
	w := l.words()
	n := &Paper{lang: lang}
	n.title(fmt.Sprintf(w.title, l.pick(p.Service.Name)))
	n.heading(w.who)
	n.paragraph(fmt.Sprintf(w.controller, p.Controller.in(l)))
	n.paragraph(fmt.Sprintf(w.officer, p.Officer.in(l)))
	n.heading(w.purpose)
	n.paragraph(l.pick(p.Service.Purpose), l.pick(p.Service.Voluntary))
	n.paragraph(l.pick(p.Service.Source))
	p.legal(n, l)
	p.stored(n, l)
	n.heading(w.absent)
	n.list(w.absentItems...)
	p.copies(n, l)
	n.heading(w.recipients)
	n.paragraph(l.pick(p.Transfers.Recipients), w.staff, l.pick(p.Transfers.Processors))
	n.heading(w.abroad)
	n.paragraph(l.pick(p.Transfers.ThirdCountries))
	n.heading(w.automatic)
	n.paragraph(w.noProfiling)
	p.entitled(n, l)
	p.dated(n, l)
	return n
}

// legal names the bases; not those on which only data lie that are about nobody.
func (p *Policy) legal(n *Paper, l language) {
	w := l.words()
	n.heading(w.bases)
	n.paragraph(w.basesIntro)
	for _, b := range p.Bases {
		if p.ground(b.Name) {
			n.list(fmt.Sprintf(w.basesItem, l.pick(b.Article), l.pick(b.Text)))
		}
	}
}

func (p *Policy) ground(basis string) bool {
	for _, k := range p.Kinds {
		if c, _ := classNamed(k.Name); k.Basis == basis && c.Subject != Nobody {
			return true
		}
	}
	return false
}

// stored says for each kind of data what it is, what for, by what right and how long.
func (p *Policy) stored(n *Paper, l language) {
	w := l.words()
	n.heading(w.data)
	n.paragraph(w.current)
	n.paragraph(fmt.Sprintf(w.erased, l.within(p.longest(AccountErased))))
	n.paragraph(fmt.Sprintf(w.leftOver, l.within(p.longest(LeftOver))))
	for _, k := range p.Kinds {
		n.subheading(l.pick(k.Title))
		n.paragraph(l.pick(k.What), l.pick(k.Purpose))
		n.paragraph(append([]string{l.pick(k.Recipients)}, p.limits(k, l)...)...)
		if p.ground(k.Basis) {
			n.paragraph(fmt.Sprintf(w.basisOf, l.pick(p.basis(k.Basis).Article)))
		}
	}
}

// limits says in sentences when a kind of data goes.
func (p *Policy) limits(k Kind, l language) (sentences []string) {
	w := l.words()
	names := map[Trigger]string{Superseded: w.superseded, Ended: w.ended, Delivered: w.delivered}
	said, outlives := map[Period]bool{}, true
	for _, s := range k.When {
		switch {
		case s.Trigger == Kept:
			return []string{w.kept}
		case s.Trigger == Age:
			after, within := time.Duration(s.After), time.Duration(s.Deadline)
			sentences = append(sentences, fmt.Sprintf(w.ages, l.after(after), l.span(within)))
		case s.Trigger == AccountErased:
			outlives = false
		case names[s.Trigger] != "" && !said[s.Deadline]:
			said[s.Deadline] = true
			sentences = append(sentences, fmt.Sprintf(w.goes, l.or(together(k, s.Deadline, names)), l.within(time.Duration(s.Deadline))))
		}
	}
	if outlives {
		sentences = append(sentences, w.outlives)
	}
	return sentences
}

// together names the triggers of a kind that have one deadline.
func together(k Kind, deadline Period, names map[Trigger]string) (same []string) {
	for _, s := range k.When {
		if s.Deadline == deadline && names[s.Trigger] != "" {
			same = append(same, names[s.Trigger])
		}
	}
	return same
}

func (p *Policy) copies(n *Paper, l language) {
	w := l.words()
	n.heading(w.backups)
	period := p.BackupPeriod()
	if period == 0 {
		n.paragraph(w.backupNone)
		return
	}
	var absent []string
	for _, k := range p.Kinds {
		if k.Backup == 0 {
			absent = append(absent, l.pick(k.Title))
		}
	}
	text := []string{fmt.Sprintf(w.backupPeriod, l.span(period))}
	if len(absent) > 0 {
		text = append(text, fmt.Sprintf(w.backupAbsent, strings.Join(absent, "; ")))
	}
	n.paragraph(text...)
}

// entitled says what people can demand. GDPR Art. 13 (2) (b) and (d); the objection stands apart, as Art. 21 (4) asks.
func (p *Policy) entitled(n *Paper, l language) {
	w := l.words()
	n.heading(w.rights)
	n.paragraph(w.rightsIntro)
	n.list(w.rightsItems...)
	n.paragraph(fmt.Sprintf(w.rightsHow, p.Controller.Mail, p.Officer.Mail))
	n.heading(w.objection)
	n.paragraph(w.objectionText)
	n.heading(w.complaint)
	n.paragraph(fmt.Sprintf(w.complaintText, p.Authority.in(l)))
}

func (p *Policy) dated(n *Paper, l language) {
	n.heading(l.words().version)
	n.paragraph(fmt.Sprintf(l.words().versionText, fmt.Sprintf("%x", p.Digest())))
}

// in writes a body with its address on one line.
func (b Body) in(l language) string {
	w := l.words()
	parts := append([]string{l.pick(b.Name)}, b.Address...)
	parts = append(parts, fmt.Sprintf(w.mail, b.Mail))
	if b.Phone != "" {
		parts = append(parts, fmt.Sprintf(w.phone, b.Phone))
	}
	if b.Web != "" {
		parts = append(parts, b.Web)
	}
	return strings.Join(parts, ", ")
}
