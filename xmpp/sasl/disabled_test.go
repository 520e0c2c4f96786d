package sasl

import (
	"errors"
	"fmt"
	"testing"
)

// The reason comes in the language of the stream, in English for any that is not German.
func TestDisabledInWords(t *testing.T) {
	t.Parallel()
	why := &Disabled{English: "closed", German: "geschlossen"}
	f := backendFailure(fmt.Errorf("look: %w", why))
	if !errors.Is(why, ErrDisabled) || f.Condition != AccountDisabled {
		t.Fatalf("condition %s", f.Condition)
	}
	for lang, want := range map[string]string{
		"": "closed en", "en": "closed en", "de": "geschlossen de", "DE-at": "geschlossen de", "fr": "closed en", "den": "closed en",
	} {
		wrapped := &Failure{Condition: f.Condition, cause: why}
		if text, in := wrapped.Text(lang); text+" "+in != want {
			t.Errorf("%q: %s %s, want %s", lang, text, in, want)
		}
	}
	for _, plain := range []*Failure{fail(NotAuthorized), backendFailure(ErrDisabled), backendFailure(ErrNoAccount)} {
		if text, in := plain.Text("de"); text != "" || in != "" {
			t.Errorf("%s says %q", plain.Condition, text)
		}
	}
}
