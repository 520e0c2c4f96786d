// Package state holds current facts: for every owner, family and entity the newest sealed value, folded from the log.
package state
