// Package config reads the settings of `protokoll serve`: one TOML file, checked as a whole.
//
// It does: refuse unknown keys, wrong types and values that cannot work, all at once, each with file, line and key
// (internal/strict); carry the annotated example (Example), which is the manual and which a test compares with the code.
//
// It does not: open certificates, ports or directories; `protokoll check` does that with what this package read.
//
// Invariants: no setting is read anywhere else (no environment variables); a password is never in the file, only the path of
// the file that holds it; the zero Config is never valid.
package config
