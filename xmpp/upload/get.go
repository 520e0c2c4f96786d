package upload

import (
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"protokoll/accounts"
	"protokoll/schemas"
	"protokoll/uploads"
)

// serveLink hands a file to whoever has its link. XEP-0363 §2
func (s *Service) serveLink(w http.ResponseWriter, r *http.Request) {
	headers(w.Header())
	switch r.Method {
	case http.MethodOptions:
		w.WriteHeader(http.StatusNoContent)
	case http.MethodGet, http.MethodHead:
		select {
		case s.gets <- struct{}{}:
			defer func() { <-s.gets }()
			s.get(w, r)
		default:
			w.Header().Set("Retry-After", "5")
			refuse(w, http.StatusServiceUnavailable)
		}
	default:
		refuse(w, http.StatusNotFound)
	}
}

func (s *Service) get(w http.ResponseWriter, r *http.Request) {
	link, name, ok := behind(r, linkPath)
	if !ok {
		refuse(w, http.StatusNotFound)
		return
	}
	f, owner, e, err := s.find(link, name)
	var content *uploads.Reader
	if err == nil {
		content, err = s.read(owner, e, f)
	}
	if err != nil {
		refuse(w, s.missing(err))
		return
	}
	defer content.Close() //nolint:errcheck // it was only read
	h := w.Header()
	h.Set("Content-Type", f.GetMediaType())
	h.Set("Content-Disposition", disposition(f.GetFileName(), f.GetMediaType()))
	h.Set("ETag", `"`+link[:22]+`"`) // a link never changes what it shows
	// One range at a time: thousands of small ones would have a chunk opened for each. RFC 9110 §14.2 lets a server ignore them.
	if strings.Contains(r.Header.Get("Range"), ",") || len(r.Header["Range"]) > 1 {
		r.Header.Del("Range")
	}
	http.ServeContent(&patient{ResponseWriter: w, control: http.NewResponseController(w)}, r, "", time.Time{}, content)
}

// read opens the file of an event.
func (s *Service) read(o schemas.OwnerID, e schemas.EntityID, f File) (*uploads.Reader, error) {
	var key uploads.Key
	if len(f.GetKey()) != len(key) {
		return nil, uploads.ErrDamaged
	}
	copy(key[:], f.GetKey())
	return s.Files.Read(o, e, key, f.GetSize())
}

// missing is the status of a file that cannot be shown: always the same for whoever asks.
func (s *Service) missing(err error) int {
	switch {
	case errors.Is(err, errGone), errors.Is(err, accounts.ErrNoAccount):
	case errors.Is(err, uploads.ErrMissing), errors.Is(err, uploads.ErrDamaged):
		s.Logger.Error("a file that was uploaded cannot be read", slog.Any("error", err))
	default:
		s.Logger.Error("a file could not be looked up", slog.Any("error", err))
		return http.StatusInternalServerError
	}
	return http.StatusNotFound
}

// patient is a response whose client has Stall for each piece.
type patient struct {
	http.ResponseWriter
	control *http.ResponseController
}

// Unwrap is for http.ResponseController.
func (p *patient) Unwrap() http.ResponseWriter { return p.ResponseWriter }

// Write implements io.Writer.
func (p *patient) Write(b []byte) (int, error) {
	if err := p.control.SetWriteDeadline(time.Now().Add(Stall)); err != nil {
		return 0, err
	}
	return p.ResponseWriter.Write(b)
}
