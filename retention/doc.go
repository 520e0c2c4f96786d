// Package retention says what the server holds about people, why, and how long.
//
// It does: describe each data class that the fields of schemas/ refer to (Classes); read the policy file, which states for each class
// purpose, legal basis, rules and deadlines, and refuse one that leaves anything open, with every fault at once (Load); turn it into
// the rules of the engine (Rules), the privacy notice and the record of processing activities in German and English (Notice,
// Record), and what XMPP clients are told (Disclosure, XEP-0504).
//
// It does not: carry a rule out (retention/engine), decide when a policy comes into force (cmd), or answer for the sentences in
// the file: whoever runs a server has them read by a lawyer.
//
// Invariants: every data class of schemas/ has exactly one description here, and its families are those that hold it; a policy
// that was loaded has exactly the rules that each class needs, and no rule has a deadline that its file does not state.
package retention
