package roster

// What one account may keep. Lengths are in bytes.
const (
	MaxNameBytes  = 1023 // as a localpart or resource, RFC 7622 §3.3: longer than any client shows
	MaxGroupBytes = 1023
	MaxGroups     = 64 // groups of one item
	// MaxItems is the number of listed items of one roster; the router refuses more with resource-constraint.
	MaxItems = 5_000
	// MaxRequests is the number of requests that may wait unanswered; the router drops more.
	MaxRequests = 500
	// MaxRequestBytes is the longest request that is kept whole; the router refuses a longer one with not-acceptable.
	MaxRequestBytes = 16 << 10
)
