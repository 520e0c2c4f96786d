package upload

import (
	"mime"
	"path"
	"strings"
	"unicode"
	"unicode/utf8"
)

// plainType is what a file is whose type nobody said. XEP-0363 §7
const plainType = "application/octet-stream"

// harmless makes of a file's name one that is a name only: without folders, control characters and those that turn the direction of
// text, not hidden, at most MaxName bytes with its ending kept.
func harmless(name string) string {
	name = strings.ToValidUTF8(name, "_")
	name = name[strings.LastIndexAny(name, `/\`)+1:]
	name = strings.Map(func(r rune) rune {
		if r == utf8.RuneError || unicode.Is(unicode.C, r) || unicode.Is(unicode.Zl, r) || unicode.Is(unicode.Zp, r) {
			return '_'
		}
		return r
	}, name)
	name = trimmed(name)
	if len(name) > MaxName {
		ending := path.Ext(name)
		if len(ending) > 20 {
			ending = ""
		}
		name = cutText(strings.TrimSuffix(name, ending), MaxName-len(ending)) + ending
		name = trimmed(name)
	}
	if name == "" {
		return "file"
	}
	return name
}

// trimmed takes space from both ends and dots from the beginning.
func trimmed(s string) string {
	s = strings.TrimLeftFunc(s, func(r rune) bool { return r == '.' || unicode.IsSpace(r) })
	return strings.TrimRightFunc(s, unicode.IsSpace)
}

// cutText cuts a text to n bytes, at the beginning of a character.
func cutText(s string, n int) string {
	for n < len(s) && n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:min(n, len(s))]
}

// mediaType returns a type without parameters and in lower case; ok is false for what is none. RFC 9110 §8.3.1
func mediaType(s string) (t string, ok bool) {
	if s == "" {
		return plainType, true
	}
	if len(s) > MaxMediaType {
		return "", false
	}
	t, _, err := mime.ParseMediaType(s)
	if err != nil || strings.Count(t, "/") != 1 {
		return "", false
	}
	return t, true
}

// shown tells whether a browser may show a file of a type by itself. SVG and other XML could hold scripts.
func shown(t string) bool {
	kind, rest, _ := strings.Cut(t, "/")
	return (kind == "image" || kind == "audio" || kind == "video") && !strings.Contains(rest, "xml")
}

// disposition is the Content-Disposition header of a file. RFC 6266 §4
func disposition(name, t string) string {
	how := "attachment"
	if shown(t) {
		how = "inline"
	}
	if h := mime.FormatMediaType(how, map[string]string{"filename": name}); h != "" {
		return h
	}
	return how
}
