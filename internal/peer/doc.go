// Package peer keeps network addresses from getting any further than the listener.
//
// What it does: a [Listener] hands out connections whose addresses print as `[peer]` under every verb and in every log
// handler, and whose errors hold no address. It counts connections and failed sign-ins by [Origin], a keyed hash of the
// address under a random secret that lives in memory and is replaced every [Rotation].
//
// What it does not: limits by account, anything about the bytes of a connection.
//
// What must hold:
//   - An address is held while it is turned into an Origin, and by the kernel. [Conn.Detach] and [Conn.Nameless] let go of the
//     net.Conn that knows it.
//   - An Origin is never written anywhere: not into a log, a metric or an event. It prints as `[peer]` too.
//   - No entry about an Origin outlives its last connection and its last failure by more than one Rotation.
package peer
