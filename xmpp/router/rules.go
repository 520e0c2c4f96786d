package router

// MessageType is the type of a message stanza. RFC 6121 §5.2.2
type MessageType uint8

// The types. Anything unknown counts as normal. RFC 6121 §5.2.2
const (
	Normal MessageType = iota
	Chat
	Groupchat
	Headline
	ErrorMessage
)

// TypeOfMessage reads a type attribute.
func TypeOfMessage(b []byte) MessageType {
	switch string(b) {
	case "chat":
		return Chat
	case "groupchat":
		return Groupchat
	case "headline":
		return Headline
	case "error":
		return ErrorMessage
	}
	return Normal
}

// Addressing is how a message is addressed to a local account.
type Addressing uint8

// The ways of addressing.
const (
	ToBare        Addressing = iota // localpart@domainpart
	ToMatched                       // a full JID that is connected, whatever its priority. RFC 6121 §8.5.3.1
	ToUnmatched                     // a full JID that is not connected. RFC 6121 §8.5.3.2
	addressingEnd                   // for tests
)

// Presence is which resources an account has.
type Presence uint8

// What an account can have.
const (
	NoAccount    Presence = iota // RFC 6121 §8.5.1
	Away                         // no available resource. RFC 6121 §8.5.2.2
	OnlyNegative                 // available ones, none with a priority of 0 or more
	NonNegative                  // at least one available resource with a priority of 0 or more
	presenceEnd                  // for tests
)

// Verdict is what becomes of a message.
type Verdict uint8

// The verdicts. An ignored message is dropped; a refused one is answered with service-unavailable.
const (
	Ignore  Verdict = iota
	Refuse          // RFC 6121 §8.5.1: service-unavailable
	Store           // for later, if it is of the kind that is stored; else refused or ignored. XEP-0160 §3
	ToMatch         // to the resource addressed
	ToBest          // to the non-negative resources of the highest priority
	ToAll           // to all non-negative resources
)

// Judge says what becomes of a message to a local account: RFC 6121 §8.5, the whole of it. Where the RFC leaves a choice the
// sender hears of a failure, so that nothing vanishes silently.
func Judge(t MessageType, to Addressing, who Presence) Verdict {
	switch {
	case who == NoAccount:
		return refused(t) // RFC 6121 §8.5.1
	case to == ToMatched:
		return ToMatch // RFC 6121 §8.5.3.1
	case to == ToUnmatched:
		return judgeUnmatched(t, who)
	}
	return judgeBare(t, who)
}

// judgeUnmatched follows RFC 6121 §8.5.3.2.1: only chat is treated as if addressed to the bare JID.
func judgeUnmatched(t MessageType, who Presence) Verdict {
	if t == Chat {
		return judgeBare(t, who)
	}
	return refused(t)
}

// judgeBare follows RFC 6121 §8.5.2.
func judgeBare(t MessageType, who Presence) Verdict {
	switch t {
	case Normal, Chat:
		if who == NonNegative {
			return ToBest // RFC 6121 §8.5.2.1.1
		}
		return Store // RFC 6121 §8.5.2.1.1, §8.5.2.2.1
	case Headline:
		if who == NonNegative {
			return ToAll // RFC 6121 §8.5.2.1.1
		}
		return Ignore // RFC 6121 §8.5.2.2.1: never stored
	}
	return refused(t) // groupchat: RFC 6121 §8.5.2.1.1, §8.5.2.2.1
}

// refused is for what cannot be delivered: an error is never answered, and nobody waits for a headline.
func refused(t MessageType) Verdict {
	if t == ErrorMessage || t == Headline {
		return Ignore // RFC 6120 §8.3.1
	}
	return Refuse
}
