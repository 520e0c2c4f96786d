package upload

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"

	"protokoll/eventlog"
	"protokoll/eventlog/seal"
	"protokoll/schemas"
	"protokoll/uploads"
	"protokoll/xmpp/features"
)

// HTTP File Upload, XEP-0363 version 1.2.0, and the namespace that it had in version 0.2.5, for old clients.
const (
	NS         = "urn:xmpp:http:upload:0"
	NSOld      = "urn:xmpp:http:upload"
	NSPurposes = "urn:xmpp:http:upload:purpose:0"
)

// The paths below the service's URL.
const (
	slotPath = "/slot/"   // SECRET/NAME: PUT
	linkPath = "/upload/" // LINK/NAME: GET and HEAD
)

// People is what is needed of accounts. *router.Router has it. An account that is being erased or whose processing is restricted is
// none: accounts.ErrNoAccount.
type People interface {
	OwnerOf(jid string) (*seal.Owner, error)
	FactOf(schemas.OwnerID, schemas.Family, string) (proto.Message, schemas.EntityID, error)
	FactsOf(schemas.OwnerID, schemas.Family) ([]proto.Message, error)
	ChangeOf(context.Context, schemas.OwnerID, schemas.Cause, func(features.Facts) ([]eventlog.Fact, error)) error
	EachFact(schemas.Family, string, func(schemas.OwnerID, proto.Message) error) error
}

// Config is what a Service needs. People, Files and URL may be set until the first request comes.
type Config struct {
	People People
	Files  *uploads.Store
	Secret [32]byte      // of the links: always the same
	URL    string        // https://host:port, without a path
	Keep   time.Duration // how long the policy keeps files that are sent; 0: until they are ended
	Limits Limits
	Clock  func() time.Time // nil: time.Now
	Logger *slog.Logger     // nil: nothing is logged
}

// Service is the host that gives slots, and the web handler behind their URLs.
type Service struct {
	Config
	links links
	slots *slots
	puts  chan struct{}
	gets  chan struct{}
	brief briefly
	bufs  sync.Pool
}

// New returns a service.
func New(c Config) *Service {
	c.Limits = c.Limits.withDefaults()
	if c.Clock == nil {
		c.Clock = time.Now
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return &Service{
		Config: c, links: links{c.Secret}, slots: newSlots(),
		puts: make(chan struct{}, MaxPuts), gets: make(chan struct{}, MaxGets),
		bufs: sync.Pool{New: func() any { return new([bufferSize]byte) }},
	}
}

// behind returns what of a request's path stands behind a prefix: the part that cannot be guessed, and the name.
func behind(r *http.Request, prefix string) (secret, name string, ok bool) {
	rest, ok := strings.CutPrefix(r.URL.Path, prefix)
	if !ok {
		return "", "", false
	}
	secret, name, ok = strings.Cut(rest, "/")
	return secret, name, ok && secret != "" && name != ""
}

func (s *Service) slotURL(o *slot) string {
	return s.URL + slotPath + o.secret + "/" + url.PathEscape(o.name)
}

func (s *Service) linkURL(o *slot) string {
	return s.URL + linkPath + s.links.make(o.owner, o.id) + "/" + url.PathEscape(o.name)
}

// Handle hangs the service into a web server.
func (s *Service) Handle(handle func(path string, h http.Handler)) {
	handle(slotPath, http.HandlerFunc(s.serveSlot))
	handle(linkPath, http.HandlerFunc(s.serveLink))
}

// headers are on every answer: nothing here is a page, and web clients of other hosts may use it. XEP-0363 §8, §9.1
func headers(h http.Header) {
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'; sandbox")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Resource-Policy", "cross-origin")
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("Access-Control-Allow-Methods", "OPTIONS, HEAD, GET, PUT")
	h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type, Range")
	h.Set("Access-Control-Expose-Headers", "Content-Length, Content-Range, Content-Disposition, ETag")
	h.Set("Access-Control-Max-Age", "7200")
	h.Set("Cache-Control", "private")
}

// refuse answers with a status and its words, nothing else.
func refuse(w http.ResponseWriter, status int) {
	h := w.Header()
	for _, name := range []string{"Content-Disposition", "ETag"} {
		h.Del(name)
	}
	http.Error(w, http.StatusText(status), status)
}

// errGone is returned for a file that is not to be had.
var errGone = errors.New("no such file")

// find returns the file of a link.
func (s *Service) find(link, name string) (File, schemas.OwnerID, schemas.EntityID, error) {
	o, id, ok := s.links.read(link)
	if !ok {
		return nil, o, schemas.EntityID{}, errGone
	}
	m, e, err := s.People.FactOf(o, schemas.Family_UPLOAD_FACTS, entity(id[:]))
	if err != nil {
		return nil, o, e, err
	}
	f, ok := m.(File)
	if !ok || f.GetFileName() != name || over(f, s.Clock()) {
		return nil, o, e, errGone
	}
	return f, o, e, nil
}
