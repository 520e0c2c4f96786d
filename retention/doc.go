// Package retention says what the server holds about people.
//
// It does: describe each data class that the fields of schemas/ refer to, in German and English: what it is, whose data it
// is, and in which families of facts it lies.
//
// It does not: carry out anything yet. The policy file, with purpose, legal ground, rule and deadline for each class, and
// the engine that obeys it, build on these descriptions.
//
// Invariant: every data class of schemas/ has exactly one description here, and its families are those that hold it.
package retention
