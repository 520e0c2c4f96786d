// Package addresses shows that no address of a peer gets any further than the kernel (promise 5 of the design): clients
// connect from odd addresses, IPv4 (which a dual-stack listener sees as IPv4-mapped) and IPv6, over STARTTLS and direct
// TLS, and do everything that goes right and wrong; then every byte that the server wrote is searched for every form of
// those addresses that we could think of: files and their names, standard output and error at level debug, answers on the
// wire, what other commands print, the opened payloads of all events, and a dump of the heap after everybody signed out.
//
// The test runs itself once more in a network namespace of its own, so that it may have addresses, and listen on all of
// them, without any machine beyond. The server is built with an overlay: one more request handler that panics, and dumps
// the heap, when asked to. Nothing else of it differs from the released program.
//
// What it shows of memory: the dump holds what the garbage collector keeps, all stacks and all global data. Memory that
// was freed may hold an address until it is used again; how often is counted in the process's whole memory, and reported,
// not judged.
//
// Each search also looks for planted addresses and fails if it misses one.
package addresses
