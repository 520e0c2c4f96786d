// Package retention drives a whole server under a clock of its own and looks at what is left on its disk and in its memory: the
// drift test compares that with every rule of the policy, the needle tests search for single words.
package retention
