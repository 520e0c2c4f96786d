package frame

// Limits bounds what a peer may send. A field of zero or less allows none of what it counts.
type Limits struct {
	StanzaBytes int // bytes of one top-level element or of the stream header
	Depth       int // levels of nesting; the top-level element is level 1
	Attributes  int // attributes of one tag, namespace declarations included
	Namespaces  int // prefixes declared and in scope at once
	Children    int // elements inside one top-level element, at any depth
}

// Limits for a peer that has not signed in, and for one that has. XEP-0205 §4.
const (
	BeforeLoginStanzaBytes = 8 << 10
	BeforeLoginChildren    = 31 // 32 elements with the top-level one
	ClientStanzaBytes      = 256 << 10
	ServerStanzaBytes      = 512 << 10
	ClientChildren         = 10_000
	MaxDepth               = 64
	MaxAttributes          = 64
	MaxNamespaces          = 64
)

// MaxTokenBytes is the longest tag name, attribute name (with the equals sign and the space around it), end tag, reference
// or XML declaration. It bounds what a resumed scan looks at twice.
const MaxTokenBytes = 256

// maxStanzaBytes keeps offsets within uint32, whatever a configuration asks for.
const maxStanzaBytes = 1 << 30

// BeforeLogin returns the limits for a peer that has not signed in yet.
func BeforeLogin() Limits {
	return Limits{BeforeLoginStanzaBytes, MaxDepth, MaxAttributes, MaxNamespaces, BeforeLoginChildren}
}

// AfterLogin returns the limits for a signed-in client.
func AfterLogin() Limits {
	return Limits{ClientStanzaBytes, MaxDepth, MaxAttributes, MaxNamespaces, ClientChildren}
}
