package session

// Figures is what Sessions holds, in sums. All are 0 when nobody is signed in and every resume window is over.
type Figures struct {
	Bound       int // sessions, hibernating ones included
	Resumable   int // of them, those with a resume id
	Hibernating int // of them, those without a stream
	Cells       int // of the table: sessions, and letters that they were sent
}

// Figures counts. The numbers are of one moment each, not of the same one.
func (h *Sessions) Figures() Figures {
	f := Figures{Bound: h.Len(), Cells: h.table.inUse()}
	h.mu.Lock()
	defer h.mu.Unlock()
	f.Resumable = len(h.resumable)
	for _, list := range h.hibernating {
		f.Hibernating += len(list)
	}
	return f
}

func (t *Table) inUse() int {
	if t == nil {
		return 0
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.records.next - len(t.records.free) + t.marks.next - len(t.marks.free)
}
