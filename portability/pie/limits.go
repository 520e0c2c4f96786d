package pie

// What one document may ask for.
const (
	// MaxUserBytes is the longest account, in bytes of the document.
	MaxUserBytes = 64 << 20
	// MaxHeadBytes is the longest stretch of a document outside of accounts, in bytes.
	MaxHeadBytes = 1 << 20
	// MaxDepth is how deep elements may be nested, the document's root included.
	MaxDepth = 64
	// MaxAttributes is how many attributes one element may have, namespace declarations included.
	MaxAttributes = 64
	// MaxArchived is how many messages of an archive are taken over, the newest ones. They are one command of the log.
	MaxArchived = 9_000
	// MaxFaults is how many faults of one account are kept; what follows is only counted.
	MaxFaults = 100
)
