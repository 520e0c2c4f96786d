package adhoc

import (
	"context"

	"protokoll/xmpp/form"
)

// Command is one thing that can be done.
type Command struct {
	Node string
	Name form.Text
	// Allowed tells whether somebody may use it; nil: everybody may.
	Allowed func(Caller) bool
	// Form is what has to be filled in; nil: nothing.
	Form func(context.Context, Caller) (*form.Form, error)
	// Run carries the command out. Its error is sent as a stanza error; what people did wrong is an Outcome.
	Run func(context.Context, Caller, form.Answers) (Outcome, error)
}

// Caller is who asks for a command.
type Caller struct {
	From string // full JID
	Bare string // bare JID
	Lang string // xml:lang
}

// Outcome is what is shown at the end.
type Outcome struct {
	Note  form.Text
	Level Level
	Form  *form.Form // a result, may be nil
	Extra []byte     // XML beside the form, may be nil
}

// Level says how a note is meant. XEP-0050 §4.3
type Level string

// The levels of notes.
const (
	Info    Level = "info"
	Warning Level = "warn"
	Failure Level = "error"
)

// Failed is an outcome that says what was wrong with what was filled in.
func Failed(de, en string) Outcome { return Outcome{Note: form.Text{DE: de, EN: en}, Level: Failure} }

// Done is an outcome that says what was done.
func Done(de, en string) Outcome { return Outcome{Note: form.Text{DE: de, EN: en}} }
