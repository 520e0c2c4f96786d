// Package poll holds sockets that wait without a goroutine each.
//
// A [Poller] watches descriptors edge-triggered in a few epoll sets and calls a [Handler] when something happened. A [Conn] is
// one such socket as a net.Conn that crypto/tls can live on:
//   - Read returns [ErrAgain], a temporary error, when the kernel has nothing more, and after one read(2) in a batch; while a
//     handshake runs it blocks instead.
//   - Write never blocks and never fails: what the kernel does not take is kept and written when there is room
//     ([Conn.Flush]); a broken connection is noticed by the reader. One failed write would break a tls.Conn for good.
//
// Each set has one leader, a goroutine that takes one event after the other and handles it itself: no event costs a change of
// goroutine. The leader waits in Go's own poller, in which the set is one descriptor, so that no thread is blocked either. A
// handler that takes long is deposed: another goroutine leads its set from then on, at once if the handler says so
// ([Conn.StepAside]), else within two times patience.
//
// What must hold: a descriptor is closed by whoever owns the reading side, under the write lock, so that no call can hit a
// descriptor that belongs to another socket by then. An event that is late for a closed socket reaches nobody.
package poll
