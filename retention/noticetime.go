package retention

import (
	"strconv"
	"time"
)

// language says things in one language.
type language interface {
	pick(Text) string
	after(time.Duration) string  // "nach einer Stunde", "after one hour"
	within(time.Duration) string // "spätestens nach einer Stunde", "within one hour"
	span(time.Duration) string   // "eine Stunde", "one hour", as in “for one hour”
	or(items []string) string    // "a, b oder c"
	words() words
}

// languageOf returns the language of a tag such as "de"; any other than German is English.
func languageOf(tag string) language {
	if tag == "de" {
		return german{}
	}
	return english{}
}

// count splits a period into a number and the largest unit that it is a whole number of.
func count(d time.Duration) (n int64, unit time.Duration) {
	for _, unit := range []time.Duration{Year, Day, time.Hour} {
		if d >= unit && d%unit == 0 {
			return int64(d / unit), unit
		}
	}
	return int64(d / time.Minute), time.Minute
}

// number writes small numbers as words. The first word is for one, as the grammar of the place asks for.
func number(n int64, words []string) string {
	if n >= 1 && n <= int64(len(words)) {
		return words[n-1]
	}
	return strconv.FormatInt(n, 10)
}

type german struct{}

func (german) pick(t Text) string { return t.German }

func (german) after(d time.Duration) string {
	n, unit := count(d)
	one, many := "einem", map[time.Duration]string{Year: "Jahren", Day: "Tagen", time.Hour: "Stunden", time.Minute: "Minuten"}[unit]
	if unit == time.Hour || unit == time.Minute {
		one = "einer"
	}
	if n == 1 {
		return "nach " + one + " " + germanUnit(unit)
	}
	return "nach " + number(n, germanNumbers(one)) + " " + many
}

func (g german) within(d time.Duration) string { return "spätestens " + g.after(d) }

func (german) span(d time.Duration) string {
	n, unit := count(d)
	one := map[time.Duration]string{Year: "ein", Day: "einen", time.Hour: "eine", time.Minute: "eine"}[unit]
	many := map[time.Duration]string{Year: "Jahre", Day: "Tage", time.Hour: "Stunden", time.Minute: "Minuten"}[unit]
	if n == 1 {
		many = germanUnit(unit)
	}
	return number(n, germanNumbers(one)) + " " + many
}

func germanUnit(unit time.Duration) string {
	return map[time.Duration]string{Year: "Jahr", Day: "Tag", time.Hour: "Stunde", time.Minute: "Minute"}[unit]
}

func germanNumbers(one string) []string {
	return []string{one, "zwei", "drei", "vier", "fünf", "sechs", "sieben", "acht", "neun", "zehn", "elf", "zwölf"}
}

func (german) or(items []string) string { return enumerate(items, " oder ") }

type english struct{}

func (english) pick(t Text) string { return t.English }

func (e english) after(d time.Duration) string { return "after " + e.span(d) }

func (e english) within(d time.Duration) string { return "within " + e.span(d) }

func (english) span(d time.Duration) string {
	n, unit := count(d)
	name := map[time.Duration]string{Year: "year", Day: "day", time.Hour: "hour", time.Minute: "minute"}[unit]
	if n != 1 {
		name += "s"
	}
	return number(n, []string{"one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"}) + " " + name
}

func (english) or(items []string) string { return enumerate(items, " or ") }

// enumerate joins items with commas, the last one with another word.
func enumerate(items []string, last string) string {
	switch n := len(items); n {
	case 0:
		return ""
	case 1:
		return items[0]
	default:
		text := items[0]
		for _, item := range items[1 : n-1] {
			text += ", " + item
		}
		return text + last + items[n-1]
	}
}
