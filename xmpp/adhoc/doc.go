// Package adhoc lets people carry out commands from the menus of their clients. XEP-0050 version 1.3.0.
//
// It does: list the commands that somebody may use, show their forms in German or English, read what was filled in, and say
// what came of it.
//
// It does not: know what a command does. Commands are given to it by who puts the server together.
//
// Invariants:
//   - A command has at most one form, so nothing is kept between the steps: a session id is only repeated.
//   - Who may not use a command does not see it, and is refused when asking for it by name.
//   - Commands run beside the stream of who asked: they may wait for the log, the directory or a file.
package adhoc
