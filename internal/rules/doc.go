// Package rules holds what must be true of the source as a whole: who may import whom, that every citation names a listed
// specification, that public documents agree with the code. It has tests only.
package rules
