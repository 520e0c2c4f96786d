package upload

import (
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"time"
	"unicode/utf8"

	"protokoll/accounts"
	"protokoll/schemas"
	"protokoll/xmpp/features"
	"protokoll/xmpp/frame"
)

// Registry returns what the service answers at its host.
func (s *Service) Registry(logger *slog.Logger) *features.Registry {
	g := features.NewRegistry(logger)
	g.Identity(features.Server, features.Identity{Category: "store", Type: "file", Name: "HTTP File Upload"})
	most := strconv.FormatInt(s.Limits.FileBytes, 10)
	for _, ns := range []string{NS, NSOld} {
		g.Handle(features.Get, features.Server, ns, "request", s.request)
		g.Form(features.Server, features.Form{Type: ns, Fields: []features.Field{
			{Var: "max-file-size", Type: "text-single", Values: []string{most}}, // XEP-0363 §3
		}})
	}
	for _, p := range purposes {
		g.Feature(features.Server, NSPurposes+"#"+p.element)
	}
	return g
}

// purposes in the order of XEP-0363 §5.
var purposes = []struct {
	element string
	purpose schemas.UploadPurpose
}{
	{"message", schemas.UploadPurpose_FOR_MESSAGE},
	{"profile", schemas.UploadPurpose_FOR_PROFILE},
	{"ephemeral", schemas.UploadPurpose_FOR_LIMITED},
	{"permanent", schemas.UploadPurpose_FOR_PERMANENT},
}

// request answers a request for a slot. XEP-0363 §4
func (s *Service) request(req *features.Request) (features.Reply, error) {
	o, err := s.parse(req.Payload)
	if err != nil {
		return features.Reply{}, err
	}
	ns := string(req.Payload.Space)
	if most := s.Limits.largest(o.purpose); o.size > most {
		return features.Reply{}, tooLarge(ns, most)
	}
	owner, err := s.People.OwnerOf(req.From)
	if errors.Is(err, accounts.ErrNoAccount) {
		return features.Reply{}, features.Forbidden()
	} else if err != nil {
		return features.Reply{}, fmt.Errorf("ask who wants a slot: %w", err)
	}
	o.owner, o.id = owner.ID(), newFileID()
	o.entity = owner.Entity(schemas.Family_UPLOAD_FACTS, entity(o.id[:]))
	now := s.Clock()
	if err := s.admit(o, now); err != nil {
		return features.Reply{}, err
	}
	if !s.slots.add(o, now) {
		return features.Reply{}, later("too many uploads at once", now.Add(SlotLife))
	}
	return features.Reply{Payload: s.answer(o, ns)}, nil
}

// answer is the slot. XEP-0363 §4
func (s *Service) answer(o *slot, ns string) []byte {
	put, get := s.slotURL(o), s.linkURL(o)
	b := []byte("<slot xmlns='" + ns + "'>")
	if ns == NSOld {
		b = append(frame.AppendEscaped(append(b, "<put>"...), put), "</put>"...)
		b = append(frame.AppendEscaped(append(b, "<get>"...), get), "</get>"...)
	} else {
		b = append(frame.AppendEscaped(append(b, "<put url='"...), put), "'/>"...)
		b = append(frame.AppendEscaped(append(b, "<get url='"...), get), "'/>"...)
	}
	return append(b, "</slot>"...)
}

// admit says whether an account may put a file now, with what it has and what is on its way.
func (s *Service) admit(o *slot, now time.Time) error {
	all, err := s.People.FactsOf(o.owner, schemas.Family_UPLOAD_FACTS)
	if errors.Is(err, accounts.ErrNoAccount) {
		return features.Forbidden()
	} else if err != nil {
		return err
	}
	free, err := s.Files.Free()
	if err != nil {
		return err
	}
	if int64(min(free, 1<<62)) < s.Limits.Reserve+o.size {
		return features.ResourceConstraint()
	}
	if o.purpose == schemas.UploadPurpose_FOR_PROFILE {
		return nil // the oldest goes
	}
	most := s.Limits.roomFor(o.purpose)
	files, bytes := use(all, o.purpose, now)
	open, coming := s.slots.pendingOf(o.owner, kept(o.purpose), now)
	if len(files)+open < most.files && bytes+coming+o.size <= most.bytes {
		return nil
	}
	if kept(o.purpose) || len(files) == 0 || files[0].GetExpires() == 0 {
		return features.LimitReached()
	}
	return later("your room for files is used up", time.UnixMilli(files[0].GetExpires()))
}

// tooLarge names the largest size. XEP-0363 §6
func tooLarge(ns string, most int64) *features.Error {
	e := features.NotAcceptable(fmt.Sprintf("the largest file has %d bytes", most))
	e.App = fmt.Appendf(nil, "<file-too-large xmlns='%s'><max-file-size>%d</max-file-size></file-too-large>", ns, most)
	return e
}

// later says when to try again. XEP-0363 §6
func later(text string, at time.Time) *features.Error {
	e := features.ResourceConstraint()
	e.Text = text
	e.App = []byte("<retry xmlns='" + NS + "' stamp='" + at.UTC().Format("2006-01-02T15:04:05Z") + "'/>") // XEP-0082 §3.2
	return e
}

// parse reads a request, of the new or the old kind.
func (s *Service) parse(p *frame.Child) (*slot, error) {
	f, err := frame.Parse(p.Raw, frame.NSClient, frame.AfterLogin())
	if err != nil {
		return nil, features.BadRequest("a prefix is declared outside the payload")
	}
	name, size, kind := string(p.Attr("filename")), string(p.Attr("size")), string(p.Attr("content-type"))
	if string(p.Space) == NSOld && name == "" {
		name, size, kind = string(f.ChildText(NSOld, "filename")), string(f.ChildText(NSOld, "size")), string(f.ChildText(NSOld, "content-type"))
	}
	o := &slot{name: harmless(name), typed: kind != ""}
	if name == "" || !utf8.ValidString(name) {
		return nil, features.BadRequest("a file name is needed")
	}
	if o.size, err = strconv.ParseInt(size, 10, 64); err != nil || o.size < 1 {
		return nil, features.BadRequest("a size in bytes is needed") // XEP-0363 §4: positiveInteger
	}
	var ok bool
	if o.mediaType, ok = mediaType(kind); !ok {
		return nil, features.BadRequest("this is no content type")
	}
	return o, s.purposeOf(&f, o)
}

// purposeOf reads what the file is for: what nobody knows is a message. XEP-0363 §5
func (s *Service) purposeOf(f *frame.Frame, o *slot) error {
	o.purpose = schemas.UploadPurpose_FOR_MESSAGE
	for _, p := range purposes {
		c := f.Child(NSPurposes, p.element)
		if c == nil {
			continue
		}
		o.purpose = p.purpose
		if p.purpose != schemas.UploadPurpose_FOR_LIMITED {
			return nil
		}
		before, err := time.Parse(time.RFC3339, string(c.Attr("expire-before"))) // XEP-0363 §5.3, XEP-0082 §3.2
		if err != nil || !before.After(s.Clock()) {
			return features.BadRequest("expire-before must be a time to come")
		}
		o.before = before
		return nil
	}
	return nil
}
