package directory

import (
	"bufio"
	"fmt"
	"io"
	"strings"
)

// screenLines is what Print keeps to while not asked for everything.
const screenLines = 24

// Print writes the report: totals, then each list, cut so that the whole fits on
// one screen, or complete where all is set. Characters that a terminal would obey
// are written as escapes: addresses are foreign text.
func (r Report) Print(w io.Writer, all bool) error {
	out := bufio.NewWriter(w)
	fmt.Fprintf(out, "%d people: %d can sign in, %d locked, %d with several addresses\n", r.People, r.Able, r.Locked, r.Several)
	sections := r.sections()
	limit := perSection(sections)
	for _, s := range sections {
		fmt.Fprintf(out, "%s: %d\n", s.title, len(s.lines))
		shown := s.lines
		if !all && len(shown) > limit {
			shown = shown[:limit]
		}
		for _, line := range shown {
			fmt.Fprintf(out, "  %s\n", line)
		}
		if more := len(s.lines) - len(shown); more > 0 {
			fmt.Fprintf(out, "  … and %d more\n", more)
		}
	}
	return out.Flush()
}

type section struct {
	title string
	lines []string
}

// sections gives the lists that are not empty, the worst first.
func (r Report) sections() []section {
	every := []section{
		{"Collisions, nobody of these can sign in", texts(r.Collisions, collisionText)},
		{"Addresses that give no valid localpart", texts(r.Invalid, badText)},
		{"Several addresses, primary one not clear", texts(r.NoPrimary, unclearText)},
		{"Ids that several entries have", texts(r.TwiceID, plain)},
		{"People without an id", texts(r.WithoutID, plain)},
		{"Addresses outside the rules", texts(r.Foreign, badText)},
		{"People without an address", texts(r.WithoutMail, plain)},
	}
	var some []section
	for _, s := range every {
		if len(s.lines) > 0 {
			some = append(some, s)
		}
	}
	return some
}

// perSection shares the screen among the lists; each has a title and perhaps a
// line that says how many more there are.
func perSection(sections []section) int {
	if len(sections) == 0 {
		return 0
	}
	return max(1, (screenLines-1)/len(sections)-2)
}

func texts[T any](items []T, text func(T) string) []string {
	lines := make([]string, len(items))
	for i, item := range items {
		lines[i] = text(item)
	}
	return lines
}

func collisionText(c Collision) string {
	claims := texts(c.Claims, func(c Claim) string { return plain(c.Mail) + inBrackets(c.ID) })
	return plain(c.Localpart) + ": " + strings.Join(claims, " against ")
}

// badText prints the reason as it is: it is ours.
func badText(b BadAddress) string { return plain(b.Mail) + inBrackets(b.ID) + ": " + b.Reason }

func unclearText(u Unclear) string {
	return strings.Join(texts(u.Mails, plain), ", ") + inBrackets(u.ID)
}

func inBrackets(id string) string {
	if id == "" {
		return " [no id]"
	}
	return " [" + plain(id) + "]"
}

// plain escapes what is not printable.
func plain(s string) string {
	quoted := fmt.Sprintf("%+q", s)
	if ascii := fmt.Sprintf("%q", s); ascii == `"`+s+`"` {
		return s
	}
	return quoted[1 : len(quoted)-1]
}
