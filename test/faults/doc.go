// Package faults breaks the real server in every way that a machine can, and checks the promises of the design afterwards:
// nothing acknowledged is missing, nothing is shown twice to a client that honours stanza ids (XEP-0359), the order of a
// pair of people is kept, both sides of a subscription agree, the state is what the log says, the independent verifier accepts
// the folder with every checkpoint that was ever taken, and who was erased has neither a password nor a key.
//
// What it does: kill -9 in rounds under load, at random moments, at system calls and during the start, while an operator opens and
// erases accounts, sweeps and backs up; power cuts, by a recording of all system calls that change files and a model of a disk
// that keeps what an fsync covered; damage to what a kill left; SIGTERM under load, failing and slow disks by system-call
// injection (strace), the order of system calls around an acknowledgement, clients that die with messages in their hands, and
// clients with habits that punish a server which holds acknowledgements back. docs/faults.md says which test covers which fault.
//
// What it does not: know what is inside the folder, but for the names of its parts and, to look for keys of the erased, the keybook.
//
// PROTOKOLL_ROUNDS, PROTOKOLL_CUTS and PROTOKOLL_INJURIES set how often; PROTOKOLL_SEED repeats the choices of a run. The moment at
// which the scheduler lets them happen cannot be repeated.
package faults
