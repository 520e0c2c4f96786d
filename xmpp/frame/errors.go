package frame

// Condition is the name of a stream error condition. RFC 6120 §4.9.3.
type Condition string

// The conditions that a Scanner reports.
const (
	BadFormat             Condition = "bad-format"              // RFC 6120 §4.9.3.1
	BadNamespacePrefix    Condition = "bad-namespace-prefix"    // RFC 6120 §4.9.3.2
	InvalidNamespace      Condition = "invalid-namespace"       // RFC 6120 §4.9.3.10
	NotWellFormed         Condition = "not-well-formed"         // RFC 6120 §4.9.3.13
	PolicyViolation       Condition = "policy-violation"        // RFC 6120 §4.9.3.14
	RestrictedXML         Condition = "restricted-xml"          // RFC 6120 §4.9.3.18
	UnsupportedEncoding   Condition = "unsupported-encoding"    // RFC 6120 §4.9.3.22
	UnsupportedStanzaType Condition = "unsupported-stanza-type" // RFC 6120 §4.9.3.24
)

// Error says why a stream cannot go on. Its text is one of a fixed set and holds nothing that the peer sent.
type Error struct {
	Condition Condition
	TooBig    bool   // the element exceeds Limits.StanzaBytes: add <stanza-too-big/>, XEP-0205 §4
	Detail    string // for the log
}

// Error implements error.
func (e *Error) Error() string { return "frame: " + string(e.Condition) + ": " + e.Detail }
