package load

import (
	"bytes"
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

const (
	nsMAM = "urn:xmpp:mam:2"
	// pageSize is how many messages a page has.
	pageSize = 50
	// readers is how many archives are read at once; each has 2*kept messages in it: those that its owner wrote and got.
	readers = 10
	kept    = 500
)

// reader reads the newest page of its archive again and again.
type reader struct {
	pages    *atomic.Int64
	stopping *atomic.Bool
	ended    *sync.WaitGroup
	answered chan []byte // to what is asked before the measurement
	reading  atomic.Bool
	results  int
	short    atomic.Int64 // pages that were not full
}

const pageQuery = "<iq type='set' id='page'><query xmlns='" + nsMAM + "'><set xmlns='http://jabber.org/protocol/rsm'><max>50</max><before/></set></query></iq>"

// mam measures pages of archives: people turn theirs on, get messages, and read the newest page.
func (r *Run) mam(ctx context.Context) error {
	var pages atomic.Int64
	var stopping atomic.Bool
	var ended sync.WaitGroup
	all := make([]*reader, readers)
	people, err := r.openAll(ctx, readers, func(i int) (*session, error) {
		all[i] = &reader{pages: &pages, stopping: &stopping, ended: &ended, answered: make(chan []byte, 4)}
		return r.open(ctx, r.special(partChat, i), "reader", false, all[i])
	})
	if err != nil {
		return err
	}
	defer people.end()
	err = each(ctx, readers, readers, func(i int) error { return r.fillArchive(people, all, i) })
	if err != nil {
		return err
	}
	r.quiesce(ctx)
	ended.Add(readers)
	for i, p := range people {
		all[i].reading.Store(true)
		if err := p.WriteString(pageQuery); err != nil {
			return err
		}
	}
	s, n, err := r.steady(ctx, pages.Load)
	stopping.Store(true)
	if err == nil {
		err = waitFor(&ended, drain, "pages of archives that were asked for did not come")
	}
	for i := range all {
		if short := all[i].short.Load(); err == nil && short > 0 {
			err = fmt.Errorf("%d pages were not full", short)
		}
	}
	if broken := people.broken(); broken != nil {
		err = broken
	}
	if err != nil {
		return err
	}
	res := s.result("mam", fmt.Sprintf("page of %d", pageSize), n)
	res.Note = fmt.Sprintf("%d archives of %d messages", readers, 2*kept)
	r.emit(res)
	return nil
}

// fillArchive turns an archive on and has another person write to it.
func (r *Run) fillArchive(people sessions, all []*reader, i int) error {
	me, other := people[i], people[(i+1)%readers]
	if err := me.WriteString("<iq type='set' id='prefs'><prefs xmlns='" + nsMAM + "' default='always'><always/><never/></prefs></iq>"); err != nil {
		return err
	}
	select {
	case elem := <-all[i].answered:
		if bytes.Contains(elem, []byte("<error")) {
			return fmt.Errorf("%w: this server archives nothing: %s", errSkipped, elem)
		}
	case <-time.After(r.Client.Timeout):
		return fmt.Errorf("%s: preferences were not answered", me.user)
	}
	text := string(bytes.Repeat([]byte("x"), r.Body))
	for n := range kept {
		if err := me.WriteString(fmt.Sprintf("<message to='%s' type='chat' id='k%d'><body>%s</body></message>", other.Bare, n, text)); err != nil {
			return err
		}
	}
	if err := me.WriteString("<iq type='get' id='barrier'><ping xmlns='urn:xmpp:ping'/></iq>"); err != nil {
		return err
	}
	select {
	case <-all[i].answered:
		return nil
	case <-time.After(drain):
		return fmt.Errorf("%s: the server did not come to the end of %d messages", me.user, kept)
	}
}

func (m *reader) stanza(s *session, elem []byte) {
	switch {
	case elem[1] == 'm' && bytes.Contains(elem, []byte(nsMAM)) && bytes.Contains(elem, []byte("<result ")):
		m.results++
	case elem[1] == 'i' && !m.reading.Load():
		m.answered <- bytes.Clone(elem)
	case elem[1] == 'i':
		if m.results < pageSize {
			m.short.Add(1)
		}
		m.results = 0
		m.pages.Add(1)
		if m.stopping.Load() {
			m.ended.Done()
			return
		}
		s.WriteString(pageQuery) // a broken connection is noticed at the end
	}
}
