package pie

import "fmt"

// Place is where something stands in a document.
type Place struct {
	File   string
	Line   int // from 1
	Column int // from 1, in bytes; ejabberd writes one long line
}

func (p Place) String() string { return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column) }

// Fault is something that should be usable and is not. Its text holds nothing of the document.
type Fault struct {
	Place
	Text string
}

// Error implements error.
func (f Fault) Error() string { return f.Place.String() + ": " + f.Text }
