package roster

// The two sides of a subscription are two facts of two owners. A crash between them, or two people who act at once, can
// leave them apart. Nothing repairs that by looking into both: each side says again what it believes, and the other answers.

// AtLogin returns what the owner's side says to the contact when the owner comes online: whether it asks again
// (RFC 6121 §3.1.2) and whether it probes (RFC 6121 §4.2.2, §4.3.1).
func AtLogin(i Item) (subscribe, probe bool) { return i.Ask, i.SubscribedTo() }

// AnswerProbe tells whether a probe of the contact is answered with presence. If not, the answer is unsubscribed, which
// also sets a side right that believes in a subscription that is over. RFC 6121 §4.3.2
func AnswerProbe(i Item) bool { return i.SubscribedFrom() }

// Unexpected tells whether a broadcast presence of a contact on this server should not have come, because the owner is
// not subscribed: the contact's side is then given InUnsubscribe. Directed presence is never unexpected.
func Unexpected(i Item) bool { return !i.SubscribedTo() }
