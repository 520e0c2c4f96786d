package upload

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"time"

	"golang.org/x/sys/unix"

	"protokoll/accounts"
	"protokoll/eventlog"
	"protokoll/schemas"
	"protokoll/uploads"
	"protokoll/xmpp/features"
)

// bufferSize is how much is read from a client at once.
const bufferSize = 32 << 10

// storeTime bounds how long an event waits for the disk.
const storeTime = 30 * time.Second

// serveSlot takes one file. XEP-0363 §7
func (s *Service) serveSlot(w http.ResponseWriter, r *http.Request) {
	headers(w.Header())
	switch r.Method {
	case http.MethodOptions:
		w.WriteHeader(http.StatusNoContent)
	case http.MethodPut:
		select {
		case s.puts <- struct{}{}:
			defer func() { <-s.puts }()
			status := s.put(w, r)
			if status == http.StatusCreated {
				w.WriteHeader(status)
				return
			}
			refuse(w, status)
		default:
			w.Header().Set("Retry-After", "10")
			refuse(w, http.StatusServiceUnavailable)
		}
	default:
		refuse(w, http.StatusNotFound)
	}
}

// put returns the status of the answer.
func (s *Service) put(w http.ResponseWriter, r *http.Request) int {
	secret, name, ok := behind(r, slotPath)
	if !ok {
		return http.StatusForbidden
	}
	o, busy := s.slots.take(secret, s.Clock())
	if busy {
		return http.StatusConflict
	}
	if o == nil {
		return http.StatusForbidden
	}
	used := false
	defer func() { s.slots.give(o, used, s.Clock()) }()
	if o.name != name {
		return http.StatusForbidden
	}
	if status := promised(o, r); status != 0 {
		return status
	}
	status := s.store(o, w, r)
	used = status == http.StatusCreated
	return status
}

// promised compares a request with its slot; 0: they agree. XEP-0363 §7
func promised(o *slot, r *http.Request) int {
	kind := r.Header.Get("Content-Type")
	t, ok := mediaType(kind)
	switch {
	case r.ContentLength < 0:
		return http.StatusLengthRequired
	case r.ContentLength > o.size:
		return http.StatusRequestEntityTooLarge
	case r.ContentLength < o.size, r.Header.Get("Content-Range") != "": // RFC 9110 §14.4
		return http.StatusBadRequest
	case !ok || o.typed && kind != "" && t != o.mediaType || r.Header.Get("Content-Encoding") != "":
		return http.StatusUnsupportedMediaType
	}
	if !o.typed {
		o.mediaType = t
	}
	return 0
}

// store takes the content, seals it, and states the event.
func (s *Service) store(o *slot, w http.ResponseWriter, r *http.Request) int {
	file, err := s.Files.Create(o.size)
	if err != nil {
		return s.failed(err)
	}
	if err := s.receive(file, o.size, w, r); err != nil {
		if aborted := file.Abort(); aborted != nil {
			s.failed(aborted)
		}
		if _, ours := errors.AsType[*received](err); ours {
			return http.StatusBadRequest // the client broke off, or was too slow
		}
		return s.failed(err)
	}
	if err := file.Commit(o.owner, o.entity); err != nil {
		return s.failed(err)
	}
	if err := s.state(r.Context(), o, file.Key()); err != nil {
		return s.unstated(o, err)
	}
	return http.StatusCreated
}

// received is an error of the client's connection.
type received struct{ error }

func (e *received) Unwrap() error { return e.error }

// receive reads the content within the times that a client has.
func (s *Service) receive(file *uploads.Writer, size int64, w http.ResponseWriter, r *http.Request) error {
	buffer := s.bufs.Get().(*[bufferSize]byte)
	defer func() { clear(buffer[:]); s.bufs.Put(buffer) }()
	control := http.NewResponseController(w)
	last := time.Now().Add(2*Stall + time.Duration(size/MinRate)*time.Second)
	for size > 0 {
		next := time.Now().Add(Stall)
		if next.After(last) {
			next = last
		}
		if err := control.SetReadDeadline(next); err != nil {
			return &received{err}
		}
		n, err := r.Body.Read(buffer[:min(int64(len(buffer)), size)])
		if _, err := file.Write(buffer[:n]); err != nil {
			return err
		}
		size -= int64(n)
		if err != nil && size > 0 {
			return &received{err}
		}
	}
	if err := control.SetReadDeadline(time.Time{}); err != nil {
		return &received{err}
	}
	if _, err := r.Body.Read(buffer[:1]); !errors.Is(err, io.EOF) { // RFC 9113 §8.1.1: longer than announced
		return &received{uploads.ErrSize}
	}
	return nil
}

// state appends the event and returns when it is on disk.
func (s *Service) state(ctx context.Context, o *slot, key uploads.Key) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeTime)
	defer cancel()
	now := s.Clock()
	f := eventOf(o, key, now, s.expires(o, now))
	err := s.People.ChangeOf(ctx, o.owner, schemas.Cause_CLIENT, func(all features.Facts) ([]eventlog.Fact, error) {
		return place(all, s.Limits, f, now)
	})
	if err == nil {
		s.brief.add(o.owner, f)
	}
	return err
}

// expires is when a link stops working; zero: when its owner or the account's end ends it.
func (s *Service) expires(o *slot, now time.Time) (at time.Time) {
	if s.Keep > 0 && !kept(o.purpose) {
		at = now.Add(s.Keep)
	}
	if !o.before.IsZero() && (at.IsZero() || o.before.Before(at)) {
		at = o.before
	}
	return at
}

// unstated takes a file back whose event was not stored. What the disk may have lost or kept is decided at the next start.
func (s *Service) unstated(o *slot, err error) int {
	if errors.Is(err, eventlog.ErrUncertain) || errors.Is(err, context.DeadlineExceeded) {
		return s.failed(err)
	}
	if gone := s.Files.Remove(o.owner, o.entity); gone != nil {
		s.failed(gone)
	}
	return s.failed(err)
}

// failed turns an error of ours into a status.
func (s *Service) failed(err error) int {
	switch {
	case errors.Is(err, accounts.ErrNoAccount):
		return http.StatusForbidden
	case errors.Is(err, errFull):
		return http.StatusRequestEntityTooLarge
	case errors.Is(err, unix.ENOSPC), errors.Is(err, unix.EDQUOT), errors.Is(err, eventlog.ErrNoSpace):
		return http.StatusInsufficientStorage
	}
	s.Logger.Error("an upload failed inside", slog.Any("error", err))
	return http.StatusInternalServerError
}
