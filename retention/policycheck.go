package retention

import (
	"fmt"
	"net/mail"
	"net/url"
	"slices"
	"strings"
	"time"

	"protokoll/internal/strict"
)

// check notes what is wrong with a policy.
type check struct{ *strict.File }

func (c check) policy(p *Policy) {
	c.service("service", p.Service)
	c.body("controller", p.Controller)
	c.body("data_protection_officer", p.Officer)
	c.body("supervisory_authority", p.Authority)
	c.transfers("transfers", p.Transfers)
	c.limits("limits", p.Limits)
	bases := c.bases(p.Bases)
	c.classes(p.Kinds, bases)
}

// require notes a key that is missing or says nothing.
func (c check) require(path, value string) {
	switch {
	case strings.TrimSpace(value) != "":
	case c.Named(path):
		c.Fault(path, "is empty")
	default:
		c.Fault(path, "is missing")
	}
}

// text requires both languages.
func (c check) text(path string, t Text) {
	c.require(strict.Join(path, "de"), t.German)
	c.require(strict.Join(path, "en"), t.English)
}

func (c check) service(path string, s Service) {
	c.text(strict.Join(path, "name"), s.Name)
	c.text(strict.Join(path, "purpose"), s.Purpose)
	c.text(strict.Join(path, "voluntary"), s.Voluntary)
	c.text(strict.Join(path, "source"), s.Source)
	c.text(strict.Join(path, "measures"), s.Measures)
	c.web(strict.Join(path, "web"), s.Web)
}

func (c check) body(path string, b Body) {
	c.text(strict.Join(path, "name"), b.Name)
	if len(b.Address) == 0 {
		c.Fault(strict.Join(path, "address"), "is missing")
	}
	for i, line := range b.Address {
		c.require(strict.Join(strict.Join(path, "address"), fmt.Sprint(i)), line)
	}
	at := strict.Join(path, "mail")
	c.require(at, b.Mail)
	if a, err := mail.ParseAddress(b.Mail); b.Mail != "" && (err != nil || a.Address != b.Mail) {
		c.Fault(at, "is no mail address")
	}
	c.web(strict.Join(path, "web"), b.Web)
}

func (c check) web(path, address string) {
	if u, err := url.Parse(address); address != "" && (err != nil || u.Scheme != "https" || u.Host == "") {
		c.Fault(path, "must be https://…")
	}
}

// access lists who XEP-0504 §3.9 says can reach people's data.
var access = []string{"admins", "moderators", "organization_member", "government", "advertisers", "partners", "none"}

func (c check) transfers(path string, t Transfers) {
	c.text(strict.Join(path, "recipients"), t.Recipients)
	c.text(strict.Join(path, "third_countries"), t.ThirdCountries)
	c.text(strict.Join(path, "processors"), t.Processors)
	path = strict.Join(path, "access")
	if len(t.Access) == 0 {
		c.Fault(path, "is missing")
	}
	for i, who := range t.Access {
		at := strict.Join(path, fmt.Sprint(i))
		switch {
		case !slices.Contains(access, who):
			c.Fault(at, "must be one of %s", strings.Join(access, ", "))
		case slices.Contains(t.Access[:i], who):
			c.Fault(at, "is named twice")
		case who == "none" && len(t.Access) > 1:
			c.Fault(at, "must stand alone") // XEP-0504 §3.9
		}
	}
}

func (c check) limits(path string, l Limits) {
	if l.SweepShare < 1 || l.SweepShare > 100 {
		c.Fault(strict.Join(path, "sweep_share"), "must be 1 to 100")
	}
	if l.SweepFloor < 1 {
		c.Fault(strict.Join(path, "sweep_floor"), "must be at least 1")
	}
	if every := strict.Join(path, "backup_every"); !c.Named(every) {
		c.Fault(every, "is missing")
	}
}

func (c check) bases(bases []Basis) map[string]bool {
	names := map[string]bool{}
	if len(bases) == 0 {
		c.Fault("basis", "at least one [[basis]] is needed")
	}
	for i, b := range bases {
		at := strict.Join("basis", fmt.Sprint(i))
		c.require(strict.Join(at, "name"), b.Name)
		if names[b.Name] {
			c.Fault(strict.Join(at, "name"), "is named twice")
		}
		names[b.Name] = true
		c.text(strict.Join(at, "article"), b.Article)
		c.text(strict.Join(at, "text"), b.Text)
	}
	return names
}

// classes makes sure that every class appears, once.
func (c check) classes(kinds []Kind, bases map[string]bool) {
	seen := map[string]bool{}
	for i, k := range kinds {
		at := strict.Join("class", fmt.Sprint(i))
		class, known := classNamed(k.Name)
		switch name := strict.Join(at, "name"); {
		case k.Name == "":
			c.require(name, k.Name)
		case !known:
			c.Fault(name, "no such class of data")
		case seen[k.Name]:
			c.Fault(name, "is named twice")
		}
		seen[k.Name] = true
		c.kind(at, k, bases)
		if known {
			c.schedules(at, class, k.When)
		}
	}
	for _, class := range Classes() {
		if !seen[class.Name] {
			c.Fault("class", "%q is missing", class.Name)
		}
	}
}

func (c check) kind(path string, k Kind, bases map[string]bool) {
	c.text(strict.Join(path, "title"), k.Title)
	c.text(strict.Join(path, "what"), k.What)
	c.text(strict.Join(path, "purpose"), k.Purpose)
	c.text(strict.Join(path, "subjects"), k.Subjects)
	if k.Recipients != (Text{}) {
		c.text(strict.Join(path, "recipients"), k.Recipients)
	}
	basis := strict.Join(path, "basis")
	c.require(basis, k.Basis)
	if k.Basis != "" && !bases[k.Basis] {
		c.Fault(basis, "no [[basis]] has this name")
	}
	if backup := strict.Join(path, "backup"); !c.Named(backup) {
		c.Fault(backup, `is missing ("0" if no backup holds it)`)
	}
}

// schedules makes sure that a class has the rules it needs, and only those that are carried out.
func (c check) schedules(path string, class Class, all []Schedule) {
	must, may := triggersOf(class.Data)
	rules, seen := strict.Join(path, "rule"), map[Trigger]bool{}
	for i, s := range all {
		at := strict.Join(rules, fmt.Sprint(i))
		switch when := strict.Join(at, "when"); {
		case s.Trigger == "":
			c.require(when, "")
		case !slices.Contains(Triggers, s.Trigger):
			c.Fault(when, "no such rule")
		case !slices.Contains(must, s.Trigger) && !slices.Contains(may, s.Trigger):
			c.Fault(when, "nothing carries out this rule for %q", class.Name)
		case seen[s.Trigger]:
			c.Fault(when, "is named twice")
		default:
			c.schedule(at, s)
		}
		seen[s.Trigger] = true
	}
	for _, t := range must {
		if !seen[t] {
			c.Fault(rules, "when = %q is missing", t)
		}
	}
}

func (c check) schedule(path string, s Schedule) {
	deadline, after := strict.Join(path, "deadline"), strict.Join(path, "after")
	if s.Trigger == Kept {
		c.absent(deadline, "what is kept has no deadline")
		c.absent(after, "what is kept has no age")
		return
	}
	switch d := time.Duration(s.Deadline); {
	case !c.Named(deadline):
		c.Fault(deadline, "is missing")
	case d < MinDeadline:
		c.Fault(deadline, "must be at least %d minutes", int(MinDeadline.Minutes()))
	}
	switch {
	case s.Trigger != Age:
		c.absent(after, "only a rule about age has it")
	case !c.Named(after):
		c.Fault(after, "is missing")
	case time.Duration(s.After) < MinDeadline:
		c.Fault(after, "must be at least %d minutes", int(MinDeadline.Minutes()))
	}
}

func (c check) absent(path, why string) {
	if c.Named(path) {
		c.Fault(path, "%s", why)
	}
}
