package component

import (
	"net"
	"sync"
	"time"

	"protokoll/xmpp/router"
	"protokoll/xmpp/stream"
)

// link is one connection, with what waits to be written to it.
type link struct {
	conn net.Conn
	wake chan struct{} // a signal that there is something to write, or that it ends

	mu      sync.Mutex
	waiting []byte
	writing int // bytes that are being written
	ending  bool
}

func newLink(c net.Conn) *link { return &link{conn: c, wake: make(chan struct{}, 1)} }

// queue lines bytes up, all or none. It returns ErrCongested when more would wait than may, ErrUnreachable at the end.
func (l *link) queue(parts ...[]byte) error {
	size := 0
	for _, p := range parts {
		size += len(p)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.ending:
		return router.ErrUnreachable
	case l.writing+len(l.waiting)+size > MaxQueue:
		return router.ErrCongested
	}
	for _, p := range parts {
		l.waiting = append(l.waiting, p...)
	}
	l.signal()
	return nil
}

func (l *link) signal() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// end has what waits written, then the stream error, if there is one, and the end of the stream.
func (l *link) end(why *stream.Error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ending {
		return
	}
	l.ending = true
	if why != nil {
		l.waiting = why.AppendTo(l.waiting)
	}
	l.waiting = append(l.waiting, "</stream:stream>"...)
	l.signal()
}

// write writes until the end, and closes the connection: reading ends with it.
func (l *link) write() {
	defer l.conn.Close() //nolint:errcheck // whatever came of it, it is over
	var spare []byte
	for range l.wake {
		l.mu.Lock()
		out, last := l.waiting, l.ending
		l.waiting, l.writing = spare[:0], len(out)
		l.mu.Unlock()
		patience := Stall
		if last {
			patience = farewell
		}
		if err := l.writePieces(out, patience); err != nil || last {
			break
		}
		if spare = out; cap(spare) > keptBuffer {
			spare = nil
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ending = true // nothing is taken any more
}

// writePieces gives the peer patience for each piece: one that reads slowly is no dead one.
func (l *link) writePieces(b []byte, patience time.Duration) error {
	for len(b) > 0 {
		piece := b[:min(len(b), keptBuffer)]
		if err := l.conn.SetWriteDeadline(time.Now().Add(patience)); err != nil {
			return err
		}
		if _, err := l.conn.Write(piece); err != nil {
			return err
		}
		b = b[len(piece):]
		l.mu.Lock()
		l.writing = len(b)
		l.mu.Unlock()
	}
	return nil
}

// farewell is how long the last bytes may take.
const farewell = time.Second

// keptBuffer is how large a buffer may be that waits for the next stanzas, in bytes.
const keptBuffer = 64 << 10
