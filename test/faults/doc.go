// Package faults breaks the real server in every way that a machine can, and checks promise 1 of the design afterwards:
// nothing acknowledged is missing, nothing is shown twice to a client that honours stanza ids (XEP-0359), the order of a
// pair of people is kept, both sides of a subscription agree, and the state is what the log says.
//
// What it does: kill -9 in a loop under load, SIGTERM under load, failing and slow disks by system-call injection (strace),
// the order of system calls around an acknowledgement, clients that die with messages in their hands, and clients with
// habits that punish a server which holds acknowledgements back. Rows are named after the numbers of the fault list.
//
// What it does not: power cuts (eventlog/jetstream and eventlog/seal build every legal disk state in process; a kill of
// the process cannot show what the kernel would have lost).
//
// PROTOKOLL_KILLS sets how often the loop kills (50), PROTOKOLL_SEED repeats the choices of a run; the moment at which the
// scheduler lets them happen cannot be repeated.
package faults
