// Package strict reads the TOML files that people write: the settings and the privacy policy.
//
// It does: fill a struct from a file and note everything that is wrong with it at once, each fault with file, line and key:
// syntax, unknown keys, wrong types, and what the caller finds in the values (File.Fault).
//
// It does not: know what a value means, or read anything but the bytes it gets.
//
// Invariants: a key that no field is tagged with is a fault; no input makes it panic, and every fault has a line of the file.
package strict
