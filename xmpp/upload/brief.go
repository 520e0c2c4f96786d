package upload

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"

	"protokoll/accounts"
	"protokoll/eventlog"
	"protokoll/schemas"
	"protokoll/xmpp/features"
)

// Files for which their owners set a time are not served from then on; soon after, their facts are ended. XEP-0363 §5.3
const (
	endEvery  = time.Minute // how late a fact may be ended
	lookEvery = time.Hour   // how often all such facts are looked for, those too whose owners were restricted for a while
)

// briefly knows what has to be ended when.
type briefly struct {
	mu  sync.Mutex
	due map[string]ending // by entity
}

type ending struct {
	owner schemas.OwnerID
	at    int64 // milliseconds since 1970
}

// add notes a file if a time is set for it.
func (b *briefly) add(o schemas.OwnerID, m proto.Message) {
	f, ok := m.(*schemas.UploadedBriefly)
	if !ok {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.due == nil {
		b.due = map[string]ending{}
	}
	b.due[entity(f.GetId())] = ending{o, f.GetExpires()}
}

// take returns what is to be ended by now, and forgets it.
func (b *briefly) take(now time.Time) map[string]schemas.OwnerID {
	b.mu.Lock()
	defer b.mu.Unlock()
	over := map[string]schemas.OwnerID{}
	for e, d := range b.due {
		if d.at <= now.UnixMilli() {
			over[e] = d.owner
			delete(b.due, e)
		}
	}
	return over
}

// Run ends files whose time is over, until ctx ends.
func (s *Service) Run(ctx context.Context) {
	look, end := time.NewTicker(lookEvery), time.NewTicker(endEvery)
	defer look.Stop()
	defer end.Stop()
	s.look()
	for {
		s.endOver(ctx)
		select {
		case <-ctx.Done():
			return
		case <-look.C:
			s.look()
		case <-end.C:
		}
	}
}

// look finds the files for which a time is set.
func (s *Service) look() {
	err := s.People.EachFact(schemas.Family_UPLOAD_FACTS, briefType, func(o schemas.OwnerID, m proto.Message) error {
		s.brief.add(o, m)
		return nil
	})
	if err != nil {
		s.Logger.Error("files with a time set could not be listed; it is tried again", slog.Any("error", err))
	}
}

// endOver ends what is over. What cannot be ended now is found again by look.
func (s *Service) endOver(ctx context.Context) {
	for e, o := range s.brief.take(s.Clock()) {
		err := s.People.ChangeOf(ctx, o, schemas.Cause_CLIENT, func(f features.Facts) ([]eventlog.Fact, error) {
			m, err := f.Get(schemas.Family_UPLOAD_FACTS, e)
			if err != nil || m == nil {
				return nil, err
			}
			return []eventlog.Fact{eventlog.End(schemas.Family_UPLOAD_FACTS, e)}, nil
		})
		if err != nil && !errors.Is(err, accounts.ErrNoAccount) && ctx.Err() == nil {
			s.Logger.Error("a file whose time is over was not ended; it is tried again", slog.Any("error", err))
		}
	}
}
