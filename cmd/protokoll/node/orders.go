package node

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"time"

	"protokoll/backup"
	"protokoll/eventlog"
	"protokoll/eventlog/seal"
	"protokoll/schemas"
)

// ErrOldFolder is returned when the place that keeps orders knows of some that this data folder does not: an older copy of it
// was put back by something else than restore.
var ErrOldFolder = errors.New("an older copy of the data folder was put back: run `protokoll restore` on the backup instead, with the kept orders")

// ordersEvery is how often the kept orders learn how far the lanes are. It bounds how many numbers a restore must leave out.
const ordersEvery = 5 * time.Minute

// readOrders adds to known what lane proof holds beyond it, up to the durable mark.
func readOrders(ctx context.Context, log eventlog.Log, server *seal.Owner, known backup.Orders) (backup.Orders, error) {
	mark := log.Mark(eventlog.Proof)
	if known.Proof > mark { // of another log
		known = backup.Orders{}
	}
	err := log.Read(ctx, eventlog.Proof, known.Proof+1, mark, func(records []eventlog.Record) error {
		_, err := takeOrders(&known, server, records)
		return err
	})
	if err != nil {
		return known, fmt.Errorf("read the orders: %w", err)
	}
	known.At, known.Marks = time.Now().UnixMilli(), marksOf(log)
	return known, nil
}

func marksOf(log eventlog.Log) map[string]uint64 {
	marks := map[string]uint64{}
	for _, l := range eventlog.Lanes {
		marks[l.String()] = log.Mark(l)
	}
	return marks
}

// takeOrders adds what records say, and tells whether they say anything about orders.
func takeOrders(known *backup.Orders, server *seal.Owner, records []eventlog.Record) (news bool, err error) {
	for _, r := range records {
		known.Proof = r.Position.Number
		about, err := seal.AboutOf(r.Envelope)
		if err != nil {
			return news, fmt.Errorf("event %s: %w", r.Position, err)
		}
		if about.Type != "proof.order" && about.Type != "proof.epoch" {
			continue
		}
		m, err := eventlog.Open(server, about, r.Sealed)
		if err != nil {
			return news, fmt.Errorf("event %s: %w", r.Position, err)
		}
		switch m := m.(type) {
		case *schemas.Ordered:
			known.Orders, news = append(known.Orders, backup.OrderOf(m)), true
		case *schemas.EpochBegun:
			known.Epoch, news = max(known.Epoch, m.GetEpoch()), true
		}
	}
	return news, nil
}

// ordersFiles are the places where orders are kept: in the data folder, and where checkpoints go.
func (s *Store) ordersFiles() []string {
	files := []string{filepath.Join(s.Folder, backup.OrdersName)}
	if s.keep != "" {
		files = append(files, filepath.Join(s.keep, backup.OrdersName))
	}
	return files
}

// Orders returns every order that the log holds, and how far its lanes are.
func (s *Store) Orders(ctx context.Context) (backup.Orders, error) {
	known, err := backup.ReadOrders(s.ordersFiles()[0])
	if err != nil { // none yet, or damaged: lane proof has them all
		known = backup.Orders{}
	}
	return readOrders(ctx, s.Log, s.Keys.Server(), known)
}

// ordersKept says up to which number of lane proof the orders are kept.
type ordersKept struct {
	mu     sync.Mutex
	number uint64
	moved  chan struct{} // closed and made anew when number moves
}

func (k *ordersKept) reach(number uint64) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.number = max(k.number, number)
	if k.moved != nil {
		close(k.moved)
	}
	k.moved = make(chan struct{})
}

// wait returns when what stands in lane proof up to a number is kept everywhere.
func (k *ordersKept) wait(ctx context.Context, number uint64) error {
	for {
		k.mu.Lock()
		reached, moved := k.number >= number, k.moved
		k.mu.Unlock()
		if reached {
			return nil
		}
		select {
		case <-moved:
		case <-ctx.Done():
			return fmt.Errorf("it is done, but the place that keeps orders does not know it yet: %w", ctx.Err())
		}
	}
}

// keptPatience is how long a command waits for the place that keeps orders.
const keptPatience = 30 * time.Second

// awaitOrders returns when a restore would know of every order given until now. Whoever answers for an erasure calls it first.
func (s *Store) awaitOrders(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, keptPatience)
	defer cancel()
	return s.kept.wait(ctx, s.Log.Mark(eventlog.Proof))
}

// keepOrders compares what is kept elsewhere with the log, then keeps what the log says and what is ordered from now on.
func (s *Store) keepOrders(ctx, run context.Context) error {
	known, err := readOrders(ctx, s.Log, s.Keys.Server(), backup.Orders{})
	if err != nil {
		return err
	}
	for _, path := range s.ordersFiles()[1:] {
		kept, err := backup.ReadOrders(path)
		if errors.Is(err, backup.ErrMissing) {
			continue
		}
		if err != nil {
			return err
		}
		if missing := kept.Lacks(known); len(missing) > 0 || kept.Epoch > known.Epoch {
			return fmt.Errorf("%s has %d orders that the log has not: %w", path, len(missing), ErrOldFolder)
		}
	}
	if err := s.writeOrders(known); err != nil {
		return err
	}
	s.kept.reach(known.Proof)
	s.runner.Go(func() { s.followOrders(run, known) })
	return nil
}

// followOrders keeps every new order, and now and then how far the lanes are.
func (s *Store) followOrders(ctx context.Context, known backup.Orders) {
	for ctx.Err() == nil {
		slice, cancel := context.WithTimeout(ctx, ordersEvery)
		err := s.Log.Follow(slice, eventlog.Proof, known.Proof+1, func(records []eventlog.Record) error {
			news, err := takeOrders(&known, s.Keys.Server(), records)
			if err == nil && news {
				known.At, known.Marks = time.Now().UnixMilli(), marksOf(s.Log)
				err = s.writeOrders(known)
			}
			if err == nil {
				s.kept.reach(known.Proof)
			}
			return err
		})
		cancel()
		if errors.Is(err, eventlog.ErrStopped) || ctx.Err() != nil {
			return
		}
		if err != nil && !errors.Is(err, context.DeadlineExceeded) {
			s.logger.Error("the orders are not kept; a restore would not know the newest", "error", err)
			select {
			case <-ctx.Done():
			case <-time.After(time.Minute):
			}
			continue
		}
		known.At, known.Marks = time.Now().UnixMilli(), marksOf(s.Log)
		if err := s.writeOrders(known); err != nil {
			s.logger.Error("the orders are not kept; a restore would not know the newest", "error", err)
		}
	}
}

func (s *Store) writeOrders(o backup.Orders) error {
	var errs []error
	for _, path := range s.ordersFiles() {
		errs = append(errs, o.Write(path))
	}
	return errors.Join(errs...)
}
