package archive

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"syscall"
	"time"

	bolt "go.etcd.io/bbolt"

	"protokoll/eventlog"
	"protokoll/projections"
	"protokoll/schemas"
)

const (
	// commitAfter is how long a folded event waits for others. Who waits for it has it committed at once.
	commitAfter = time.Second
	// commitEvents and commitBytes are how much is committed before that, and at once.
	commitEvents = 16 << 10
	commitBytes  = 16 << 20
	// retryAfter is the pause after a commit for which there was no room on the disk.
	retryAfter = time.Second
)

// Run folds what the log holds and what is appended, until ctx ends, the log stops, or an event is not understood. It is
// called once. What it returns, those who wait get too.
func (x *Index) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(ctx, func() {
		x.mu.Lock()
		defer x.mu.Unlock()
		_ = x.fail(context.Cause(ctx)) // nobody waits for room any more
	})()
	var commits sync.WaitGroup
	commits.Go(func() { cancel(x.commitLoop(ctx)) })
	next, err := x.foldUpTo(ctx, x.mark)
	if err == nil {
		err = projections.Follow(ctx, x.log, eventlog.Archive, next, x.apply)
	}
	cause := context.Cause(ctx)
	cancel(nil)
	commits.Wait()
	if cause != nil {
		err = cause
	}
	last := x.commit()
	x.mu.Lock()
	defer x.mu.Unlock()
	if err == nil {
		err = last
	}
	if err != nil {
		_ = x.fail(err)
	}
	return err
}

// foldUpTo folds what the log held at Open, and returns where to go on. The last numbers may have been swept, and the files that
// knew of them gone with their segments: there is nothing to wait for then.
func (x *Index) foldUpTo(ctx context.Context, mark uint64) (next uint64, err error) {
	x.mu.RLock() // Rebuild may be at work: while it is, nothing is folded here
	next = x.number + 1
	x.mu.RUnlock()
	if err := projections.Read(ctx, x.log, eventlog.Archive, next, mark, x.apply); err != nil {
		return next, err
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	x.number = max(x.number, mark)
	signal(x.some)
	return x.number + 1, nil
}

// apply takes whole commands. It waits while too much is pending.
func (x *Index) apply(events []projections.Event) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	for len(x.pending) >= 2*commitEvents || x.bytes >= 2*commitBytes {
		if x.failed != nil {
			return x.failed
		}
		signal(x.now)
		x.room.Wait()
	}
	if x.failed != nil {
		return x.failed
	}
	for _, e := range events {
		e.Sealed = slices.Clone(e.Sealed)
		x.pending = append(x.pending, e)
		x.bytes += len(e.Sealed)
		x.number = e.Position.Number
	}
	signal(x.some)
	if len(x.pending) >= commitEvents || x.bytes >= commitBytes || x.waiters.Any() {
		signal(x.now)
	}
	return nil
}

func (x *Index) commitLoop(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-x.some:
		}
		timer := time.NewTimer(commitAfter)
		select {
		case <-ctx.Done():
		case <-x.now:
		case <-timer.C:
		}
		timer.Stop()
		err := x.commit()
		switch {
		case errors.Is(err, syscall.ENOSPC):
			x.logger.Warn("no room for the index of the archive")
			select {
			case <-ctx.Done():
			case <-time.After(retryAfter):
			}
			signal(x.some)
		case err != nil:
			return x.spoilt(err)
		}
	}
}

// signal leaves a signal for whoever looks next.
func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// commit writes what is pending. After an error all of it is pending again.
func (x *Index) commit() error {
	x.committing.Lock()
	defer x.committing.Unlock()
	x.mu.Lock()
	events, bytes, number := x.pending, x.bytes, x.number
	if len(events) == 0 {
		x.stored = number // the last ones were swept
		x.waiters.Wake(x.stored)
		x.mu.Unlock()
		return nil
	}
	x.pending, x.bytes = nil, 0
	x.room.Broadcast()
	err := x.ready(events)
	x.mu.Unlock()
	if err == nil {
		err = x.writeTo(events, number)
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if err != nil {
		x.pending, x.bytes = append(events, x.pending...), x.bytes+bytes
		return fmt.Errorf("store the index of the archive: %w", err)
	}
	x.stored = number
	x.waiters.Wake(x.stored)
	return nil
}

// write is commit for events that are not pending. The caller holds both locks.
func (x *Index) write(events []projections.Event, number uint64) error {
	if err := x.ready(events); err != nil {
		return err
	}
	b := newBatch(x.files)
	return b.store(events, number)
}

// writeTo stores events into files that are ready. The caller holds committing, so that no file goes.
func (x *Index) writeTo(events []projections.Event, number uint64) error {
	x.mu.RLock()
	b := newBatch(slices.Clone(x.files))
	x.mu.RUnlock()
	b.guard = &x.mu
	return b.store(events, number)
}

// ready makes the files of the segments that events stand in. The caller holds mu.
func (x *Index) ready(events []projections.Event) error {
	segments := x.log.Segments(eventlog.Archive)
	for i := range events {
		first := firstOf(segments, events[i].Position.Number)
		at, found := slices.BinarySearchFunc(x.files, first, func(f *file, first uint64) int { return compare(f.first, first) })
		if found {
			continue
		}
		f, err := openFile(x.path(first), first)
		if err != nil {
			return err
		}
		x.files = slices.Insert(x.files, at, f)
	}
	return nil
}

func compare(a, b uint64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// firstOf returns the first number of the segment in which a number stands; of one that is gone already, the number itself.
func firstOf(segments []eventlog.Segment, number uint64) uint64 {
	for _, s := range slices.Backward(segments) {
		if s.First <= number {
			return s.First
		}
	}
	return number
}

// batch is one commit: a transaction on each file that it changes.
type batch struct {
	files []*file
	txs   []*bolt.Tx
	metas []meta
	guard sync.Locker // of metas; nil if the caller holds it
}

func newBatch(files []*file) *batch {
	return &batch{files: files, txs: make([]*bolt.Tx, len(files)), metas: make([]meta, len(files))}
}

// store folds events and commits. The file of the newest number is committed last: what a crash leaves is folded again.
func (b *batch) store(events []projections.Event, number uint64) error {
	err := guard(func() error {
		for i := range events {
			if err := b.fold(&events[i]); err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil {
		err = b.commit(events[len(events)-1].Position.Number, number)
	}
	for _, tx := range b.txs {
		if tx != nil {
			_ = guard(tx.Rollback) // nothing after Commit
		}
	}
	return err
}

func (b *batch) commit(last, number uint64) error {
	newest := b.place(last)
	if _, err := b.tx(newest); err != nil {
		return err
	}
	b.metas[newest].number = max(b.metas[newest].number, number)
	return guard(func() error {
		for i, tx := range b.txs {
			if tx == nil || i == newest {
				continue
			}
			if err := b.end(i); err != nil {
				return err
			}
		}
		return b.end(newest)
	})
}

func (b *batch) end(i int) error {
	if err := b.txs[i].Bucket(bucketMeta).Put(keyMeta, b.metas[i].encode()); err != nil {
		return err
	}
	if err := b.txs[i].Commit(); err != nil {
		return err
	}
	if b.guard != nil {
		b.guard.Lock()
		defer b.guard.Unlock()
	}
	b.files[i].meta = b.metas[i]
	return nil
}

// place returns the file in which a number stands.
func (b *batch) place(number uint64) int {
	for i, f := range slices.Backward(b.files) {
		if f.first <= number {
			return i
		}
	}
	return 0
}

// tx returns the transaction on a file.
func (b *batch) tx(i int) (*bolt.Tx, error) {
	if b.txs[i] != nil {
		return b.txs[i], nil
	}
	tx, err := b.files[i].db.Begin(true)
	if err != nil {
		return nil, err
	}
	tx.Bucket(bucketRows).FillPercent = fillPercent
	tx.Bucket(bucketIDs).FillPercent = fillPercent
	b.txs[i], b.metas[i] = tx, b.files[i].meta // only commits change it
	return tx, nil
}

func (b *batch) fold(e *projections.Event) error {
	switch e.Op {
	case schemas.Op_SET:
		return b.set(e)
	case schemas.Op_END:
		return b.endOf(e)
	}
	return b.close(e)
}

// set puts a row where its event stands.
func (b *batch) set(e *projections.Event) error {
	i := b.place(e.Position.Number)
	tx, err := b.tx(i)
	if err != nil {
		return err
	}
	key := rowKey(e.Owner, e.Rank)
	rows := tx.Bucket(bucketRows)
	more := change{rows: 1, bytes: int64(len(e.Sealed))}
	if before := rows.Get(key[:]); before != nil { // folded again after a crash
		more = change{bytes: more.bytes - int64(len(before)-rowHead)}
	}
	if err := count(tx, e.Owner, more); err != nil {
		return err
	}
	b.metas[i].rows += uint64(more.rows)
	b.metas[i].holds(e.Rank, e.Time)
	if err := rows.Put(key[:], encodeRow(&key, e)); err != nil {
		return err
	}
	return tx.Bucket(bucketIDs).Put(e.Entity[:], key[:])
}

// endOf deletes the rows of an entity that are older than its end, wherever they are.
func (b *batch) endOf(e *projections.Event) error {
	for i := range b.files {
		key, err := b.find(i, e.Entity)
		if err != nil {
			return err
		}
		if key == nil || schemas.OwnerID(key[:16]) != e.Owner || rankOf(key) >= e.Rank {
			continue
		}
		if err := b.delete(i, [][]byte{key}); err != nil {
			return err
		}
	}
	return nil
}

// find returns a copy of the row's key of an entity in one file, nil if it has none there.
func (b *batch) find(i int, entity schemas.EntityID) (key []byte, err error) {
	look := func(tx *bolt.Tx) error {
		key = slices.Clone(tx.Bucket(bucketIDs).Get(entity[:]))
		if key != nil && len(key) != rowKeySize {
			return errDamaged
		}
		return nil
	}
	if b.txs[i] != nil {
		return key, look(b.txs[i])
	}
	err = b.files[i].db.View(look)
	return key, err
}

// close deletes all rows of an owner that are older.
func (b *batch) close(e *projections.Event) error {
	for i := range b.files {
		var keys [][]byte
		look := func(tx *bolt.Tx) error {
			from, upTo := rowKey(e.Owner, 0), rowKey(e.Owner, e.Rank)
			c := tx.Bucket(bucketRows).Cursor()
			for k, _ := c.Seek(from[:]); k != nil && string(k) < string(upTo[:]); k, _ = c.Next() {
				keys = append(keys, slices.Clone(k))
			}
			return nil
		}
		var err error
		if b.txs[i] != nil {
			err = look(b.txs[i])
		} else {
			err = b.files[i].db.View(look)
		}
		if err == nil && len(keys) > 0 {
			err = b.delete(i, keys)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// delete takes rows out of a file, and what finds them.
func (b *batch) delete(i int, keys [][]byte) error {
	tx, err := b.tx(i)
	if err != nil {
		return err
	}
	rows, ids := tx.Bucket(bucketRows), tx.Bucket(bucketIDs)
	for _, key := range keys {
		v := rows.Get(key)
		if v == nil {
			continue
		}
		r, err := decodeRow(key, v)
		if err != nil {
			return err
		}
		if err := errors.Join(rows.Delete(key), ids.Delete(r.Entity[:])); err != nil {
			return err
		}
		if err := count(tx, r.Owner, change{rows: -1, bytes: -int64(len(r.Sealed))}); err != nil {
			return err
		}
		b.metas[i].rows--
	}
	return nil
}
