// Package node puts the parts together: it is the only place that knows all of them.
//
// A Store is a data folder in use: lock, keybook, log, state, accounts. A Node is a Store that serves: router, sessions,
// streams, directory and the control socket. Commands that can do without a server open the Store alone.
//
// The data folder:
//
//	lock           held by the one process that uses the folder
//	control.sock   commands for the running server, mode 0600
//	creating       only while the folder is set up for the first time
//	root.key       the root key of the keybook
//	keys/          the keybook
//	log/           the event log
//	state/         current facts; may be thrown away, is rebuilt from the log
//	backups        in which folders backups were made; may be missing
//	resume         XEP-0198 sessions, for resuming across a restart
//	ca.pem, tls/   the demo's certificates
//
// Invariants: keys and log exist both or not at all, otherwise start is refused; nothing is created beside what is damaged.
package node
