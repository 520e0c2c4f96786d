package session

import "protokoll/schemas"

// record is one session's place in the table. nil records nothing.
type record struct {
	table  *Table
	number int
}

// add makes a record; nil if the table is full.
func (t *Table) add(hash [32]byte, session [16]byte) *record {
	if t == nil {
		return nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	n, ok := t.get(&t.records, maxRecords, headRecords)
	if !ok {
		return nil
	}
	at := recordAt(n)
	clear(t.data[at : at+cell])
	copy(t.data[at+recordHash:], hash[:])
	copy(t.data[at+recordSession:], session[:])
	t.store(at+recordState, used)
	return &record{t, n}
}

// take returns what a session's record held before the restart, the letters it had been sent, and the record; once.
func (t *Table) take(hash [32]byte) (c counters, letters []letterMark, r *record, ok bool) {
	if t == nil {
		return c, nil, nil, false
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if c, ok = t.kept[hash]; !ok {
		return c, nil, nil, false
	}
	letters = t.letters[c.number]
	delete(t.kept, hash)
	delete(t.letters, c.number)
	return c, letters, &record{t, c.number}, true
}

// takeEnded returns the letters of before the restart whose end was on its way to the disk; once.
func (t *Table) takeEnded() []letterMark {
	if t == nil {
		return nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	ended := t.ended
	t.ended = nil
	return ended
}

// discard frees what nobody took.
func (t *Table) discard() {
	if t == nil {
		return
	}
	t.mu.Lock()
	kept, letters := t.kept, t.letters
	t.kept, t.letters = nil, nil
	t.mu.Unlock()
	for _, c := range kept {
		(&record{t, c.number}).erase()
	}
	for _, list := range letters {
		for _, m := range list {
			mark(m.number + 1).free(t)
		}
	}
}

func (r *record) set(field int, v uint32) {
	if r != nil && !r.table.closed.Load() {
		r.table.store(recordAt(r.number)+field, v)
	}
}

func (r *record) received(h uint32)     { r.set(recordIn, h) }
func (r *record) sent(n uint32)         { r.set(recordOut, n) }
func (r *record) acknowledged(h uint32) { r.set(recordAcked, h) }

// erase gives the record back.
func (r *record) erase() {
	if r == nil || r.table.closed.Load() {
		return
	}
	r.set(recordState, unused)
	r.table.mu.Lock()
	defer r.table.mu.Unlock()
	at := recordAt(r.number)
	clear(r.table.data[at : at+cell])
	r.table.records.free = append(r.table.records.free, r.number)
}

// mark is a letter's place in the table, counted from 1; 0 marks nothing.
type mark uint32

// note marks that a letter was sent to the session under a number, so that it is not sent again after a restart to a client
// that has it. Numbers in the letter's own fact would be wrong as soon as a resumption begins to count anew.
func (r *record) note(owner schemas.OwnerID, entity schemas.EntityID, outbound uint32) mark {
	if r == nil || r.table.closed.Load() {
		return 0
	}
	t := r.table
	t.mu.Lock()
	defer t.mu.Unlock()
	n, ok := t.get(&t.marks, maxMarks, headMarks)
	if !ok {
		return 0
	}
	at := markAt(n)
	t.store(at+markOutbound, outbound)
	t.store(at+markRecord, uint32(r.number))
	copy(t.data[at+markOwner:], owner[:])
	copy(t.data[at+markEntity:], entity[:])
	t.store(at+markState, used)
	return mark(n + 1)
}

// renumber notes another number.
func (m mark) renumber(t *Table, outbound uint32) {
	if m != 0 && !t.closed.Load() {
		t.store(markAt(int(m-1))+markOutbound, outbound)
	}
}

// taken notes that the client has the letter.
func (m mark) taken(t *Table) {
	if m != 0 && !t.closed.Load() {
		t.store(markAt(int(m-1))+markState, taken)
	}
}

// free gives the mark back.
func (m mark) free(t *Table) {
	if m == 0 || t.closed.Load() {
		return
	}
	t.store(markAt(int(m-1))+markState, unused)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.marks.free = append(t.marks.free, int(m-1))
}
