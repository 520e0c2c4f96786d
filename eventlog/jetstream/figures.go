package jetstream

import (
	"unsafe"

	"protokoll/eventlog"
	"protokoll/schemas"
)

// Held returns how many events of all lanes are in memory for followers, and how many bytes they take there. It looks at each.
func (g *Log) Held() (events, bytes int) {
	for _, id := range eventlog.Lanes {
		n, size := g.lane(id).held()
		events, bytes = events+n, bytes+size
	}
	return events, bytes
}

func (l *lane) held() (events, bytes int) {
	l.chain.RLock()
	defer l.chain.RUnlock()
	bytes = cap(l.tail.records) * int(unsafe.Sizeof(eventlog.Record{}))
	for i := range l.tail.records {
		r := &l.tail.records[i]
		bytes += cap(r.Bytes) + cap(r.Sealed) + int(unsafe.Sizeof(schemas.Envelope{})) + cap(r.Envelope.GetOwner()) + cap(r.Envelope.GetEntity())
	}
	return len(l.tail.records), bytes
}
