package form

import "strings"

// Text is what people read, in both languages of the server.
type Text struct{ DE, EN string }

// Same is a text that is the same in every language.
func Same(s string) Text { return Text{s, s} }

// In returns the text in the language that an xml:lang asks for: German for German, English for everything else.
func (t Text) In(lang string) string {
	if German(lang) {
		return t.DE
	}
	return t.EN
}

// German tells whether an xml:lang is German of any country. RFC 5646 §2.1
func German(lang string) bool {
	primary, _, _ := strings.Cut(lang, "-")
	return strings.EqualFold(primary, "de")
}

// Lang is the xml:lang of what In returns.
func Lang(lang string) string {
	if German(lang) {
		return "de"
	}
	return "en"
}
