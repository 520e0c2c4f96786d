// Package poll holds sockets that wait without a goroutine each.
//
// A [Poller] watches descriptors edge-triggered in one epoll set and calls a [Handler] from one of its goroutines when
// something happened. A [Conn] is one such socket as a net.Conn that crypto/tls can live on:
//   - Read returns [ErrAgain], a temporary error, when the kernel has nothing more, and after one read(2) in a batch; while a
//     handshake runs it blocks instead.
//   - Write never blocks and never fails: what the kernel does not take is kept and written when there is room
//     ([Conn.Flush]); a broken connection is noticed by the reader. One failed write would break a tls.Conn for good.
//
// What must hold: a descriptor is closed by whoever owns the reading side, under the write lock, so that no call can hit a
// descriptor that belongs to another socket by then. An event that is late for a closed socket reaches nobody.
package poll
