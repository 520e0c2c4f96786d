package session

import (
	"errors"
	"unicode/utf8"

	"mellium.im/xmpp/jid"

	"protokoll/xmpp/features"
	"protokoll/xmpp/frame"
	"protokoll/xmpp/router"
	"protokoll/xmpp/stream"
)

// Bind 2, XEP-0386 version 1.1.0, and what else SASL2 does together with signing in: resuming a session (XEP-0198 §6.2), and while
// a resource is bound stream management, carbons and the client's state. Waiting messages are delivered as ever and not cleared:
// the archive, from which a client would get them instead, is off until a person turns it on.
const nsBind2 = "urn:xmpp:bind:0"

// MaxTag is the most bytes of a client's tag that become part of its resource.
const MaxTag = 64

// inlineFeatures are the children of <inline/>. XEP-0386 §3.1, XEP-0198 §6.2
const inlineFeatures = "<bind xmlns='" + nsBind2 + "'><inline><feature var='" + features.NSCarbons + "'/><feature var='" +
	features.NSCSI + "'/><feature var='" + nsSM + "'/></inline></bind><sm xmlns='" + nsSM + "'/>"

// wish is what a client asks for in <authenticate/>.
type wish struct {
	resume *comeback
	bind   *bindWish
}

// bindWish is what a client asks for in <bind/>. XEP-0386 §3.2
type bindWish struct {
	tag      string
	carbons  bool
	inactive bool
	manage   *manageWish
}

// manageWish is <enable/>. XEP-0198 §3
type manageWish struct {
	resume bool
	max    []byte // seconds that the client wants, as it wrote them; nil: none
}

var (
	_ stream.Inline = (*Sessions)(nil)

	errInline = errors.New("an inline feature that cannot be read")
)

// InlineFeatures implements stream.Inline.
func (h *Sessions) InlineFeatures() []byte { return []byte(inlineFeatures) }

// ParseInline implements stream.Inline.
func (h *Sessions) ParseInline(f *frame.Frame) (any, error) {
	w := &wish{}
	if c := f.Child(nsSM, "resume"); c != nil {
		h, ok := number(c.Attr("h"))
		if !ok {
			return nil, errInline
		}
		w.resume = &comeback{id: string(c.Attr("previd")), h: h}
	}
	if c := f.Child(nsBind2, "bind"); c != nil {
		b, err := parseBind(c)
		if err != nil {
			return nil, err
		}
		w.bind = b
	}
	return w, nil
}

// parseBind reads <bind/>. Each feature may be asked for once; those that nobody here knows are not looked at.
func parseBind(c *frame.Child) (*bindWish, error) {
	f, err := frame.Parse(c.Raw, nsBind2, frame.BeforeLogin())
	if err != nil {
		return nil, errInline
	}
	b, seen := &bindWish{}, map[string]bool{}
	for i := range f.Children {
		c := &f.Children[i]
		if name := string(c.Space) + " " + string(c.Local); seen[name] {
			return nil, errInline
		} else if seen[name] = true; c.Dropped {
			continue
		}
		switch string(c.Space) + " " + string(c.Local) {
		case nsBind2 + " tag":
			b.tag = tagOf(string(c.Text()))
		case features.NSCarbons + " enable":
			b.carbons = true
		case features.NSCSI + " inactive":
			b.inactive = true
		case nsSM + " enable":
			b.manage = &manageWish{resume: truth(c.Attr("resume")), max: append([]byte(nil), c.Attr("max")...)}
		}
	}
	return b, nil
}

// tagOf returns a tag that can be part of a resource, empty for one that cannot. RFC 7622 §3.4
func tagOf(text string) string {
	for len(text) > MaxTag {
		_, last := utf8.DecodeLastRuneInString(text)
		text = text[:len(text)-last]
	}
	j, err := jid.New("", "localhost", text)
	if err != nil {
		return ""
	}
	return j.Resourcepart()
}

func truth(b []byte) bool { return string(b) == "true" || string(b) == "1" }

// Welcome implements stream.Inline. Resuming goes first, and makes binding unnecessary. XEP-0386 §3.2
func (h *Sessions) Welcome(st *stream.Stream, w *stream.Welcome, t *stream.Turn) error {
	s := st.Data().(*Session)
	s.handling.Lock()
	defer s.handling.Unlock()
	asked := w.Request.(*wish)
	if b := asked.resume; b != nil {
		b.fresh, b.st, b.welcome, b.bind = s, st, w, asked.bind
		return b.start(t)
	}
	return s.arrive(st, w, asked.bind, nil, t)
}

// arrive ends a sign-in without a session to go on with: it binds if that is asked for. results is what there is to say already.
func (s *Session) arrive(st *stream.Stream, w *stream.Welcome, b *bindWish, results []byte, t *stream.Turn) error {
	if b == nil {
		return sendError(w.Send(st, t, st.Localpart()+"@"+st.Domain(), results, s.home.announced(st, false, false)))
	}
	name, err := s.home.resourceOf(st, b.tag)
	if err == nil {
		err = s.enter(st, name, t)
	}
	if err != nil { // the client may bind as in RFC 6120, and then hears why not
		return sendError(w.Send(st, t, st.Localpart()+"@"+st.Domain(), results, s.home.announced(st, false, false)))
	}
	return s.settleIn(st, w, b, results, t)
}

// settleIn turns on what was asked for and tells the client. Nothing is delivered before that.
func (s *Session) settleIn(st *stream.Stream, w *stream.Welcome, b *bindWish, results []byte, t *stream.Turn) error {
	if b.carbons {
		s.res.SetCarbons(true, t)
	}
	if b.inactive {
		s.SetInactive(true, t)
	}
	results = append(results, "<bound xmlns='"+nsBind2+"'"...)
	inner := s.boundMore()
	s.mu.Lock()
	var m *management
	if b.manage != nil && s.phase == live && s.sm == nil {
		m = s.newManagement(b.manage)
		s.sm = m
		inner = append(inner, m.enabled()...)
	}
	if len(inner) == 0 {
		results = append(results, "/>"...)
	} else {
		results = append(append(append(results, '>'), inner...), "</bound>"...)
	}
	err := w.Send(st, t, s.res.Full(), results, s.home.announced(st, true, m != nil))
	s.binding = false
	s.mu.Unlock()
	if m != nil {
		s.managed(st, m, t)
	}
	return sendError(err)
}

// boundMore is what other parts add to <bound/>, such as the ends of the archive. XEP-0386 §3.2
func (s *Session) boundMore() []byte {
	if s.home.Bound == nil {
		return nil
	}
	return s.home.Bound(&s.res)
}

// announced returns the stream features that are left behind SASL2. RFC 6120 §4.3.2
func (h *Sessions) announced(_ *stream.Stream, bound, managed bool) []byte {
	b := make([]byte, 0, 512)
	if !bound {
		b = append(b, bindFeature+features.SessionFeature...)
	}
	if !managed {
		b = append(b, smFeature...)
	}
	b = append(b, features.CSIFeature+versionFeature+approvalFeature...)
	return append(b, h.Registry.Caps()...)
}

// enter binds the stream's session to a resource, silently: binding is set until the client is told.
func (s *Session) enter(st *stream.Stream, name string, t *stream.Turn) error {
	bare, err := router.ParseAddress([]byte(st.Localpart() + "@" + st.Domain()))
	if err != nil {
		return err
	}
	if !s.begin(st) {
		return stream.ErrClosed
	}
	if err := s.home.Router.Bind(bare, name, &s.res, t); err != nil {
		s.mu.Lock()
		s.phase, s.binding = unbound, false
		s.mu.Unlock()
		return err
	}
	s.home.bound.Add(1)
	s.startPings(st)
	return nil
}
