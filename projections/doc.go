// Package projections hands the events of the log to folds.
//
// It does: follow a lane from where a fold stands, check every record before a fold sees it (form of the envelope, type,
// version, family and order), and hand over whole commands.
//
// It does not: keep anything itself, open a payload, or decide what events mean; folds such as projections/state do.
//
// Invariants:
//   - A fold sees the events of a lane in order, each once, and commands whole.
//   - A record of an unknown type or version, or of a family that belongs to another lane, stops the lane with an error
//     that names type, version and position. Nothing is skipped.
//   - A fold is a function of events: it reads no other lane, no clock and no network.
package projections
