package pie

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"time"

	"mellium.im/xmpp/jid"
)

// Document is a file, with the files that it includes.
type Document struct {
	Path string
	// Domains, where it is set, chooses hosts; the others are read over.
	Domains func(domain string) bool
	// Progress, where it is set, is told how many bytes were read, of how many that are known of.
	Progress func(done, total uint64)
	// Hash, where it is set, gets every byte that is read.
	Hash io.Writer
}

// reader reads one document.
type reader struct {
	Document
	ctx     context.Context
	root    *os.Root // the folder of the first file: nothing above it is opened
	use     func(*User) error
	host    string
	written time.Time // when the first file was last changed
	done    uint64
	total   uint64
}

// Read calls use with each account, in the order of the document, until use fails. It returns a Fault for what ends the
// reading: no well-formed XML, no XEP-0227, an included file that is missing. Accounts before it have been used by then, so
// read a document once to check it, then again to use it.
func (d Document) Read(ctx context.Context, use func(*User) error) (err error) {
	root, err := os.OpenRoot(filepath.Dir(d.Path))
	if err != nil {
		return fmt.Errorf("open the folder of the import: %w", err)
	}
	defer func() { err = errors.Join(err, root.Close()) }()
	r := &reader{Document: d, ctx: ctx, root: root, use: use}
	return r.file(filepath.Base(d.Path), levelDocument)
}

// level is which element is expected.
type level int

const (
	levelDocument level = iota // server-data, or a host's file by itself
	levelHost
	levelUser
)

// file reads one file whose root belongs to a level.
func (r *reader) file(name string, l level) error {
	return r.open(name, func(s *scanner, n *Node) error { return r.rootElement(s, n, l) })
}

// open calls read with the root element of a file, and makes sure that nothing comes behind it.
func (r *reader) open(name string, read func(*scanner, *Node) error) error {
	f, err := r.root.Open(filepath.FromSlash(name))
	if err != nil {
		return fmt.Errorf("open a file of the import: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return fmt.Errorf("open a file of the import: %w", err)
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%s is no ordinary file", name)
	}
	if r.written.IsZero() {
		r.written = info.ModTime()
	}
	r.total += uint64(info.Size())
	var in io.Reader = f
	if r.Hash != nil {
		in = io.TeeReader(f, r.Hash)
	}
	return r.whole(newScanner(in, name, "", r.tell), read)
}

func (r *reader) whole(s *scanner, read func(*scanner, *Node) error) error {
	t, err := s.next()
	if err != nil {
		return err
	}
	if t.start == nil {
		return s.fault(s.place(), "no XML")
	}
	if err := read(s, t.start); err != nil {
		return err
	}
	if _, err := s.next(); !errors.Is(err, io.EOF) {
		return err
	}
	return nil
}

func (r *reader) tell(n int) {
	r.done += uint64(n)
	if r.Progress != nil {
		r.Progress(r.done, r.total)
	}
}

func (r *reader) rootElement(s *scanner, n *Node, l level) error {
	switch {
	case n.Is(NS, "server-data") && l == levelDocument:
		return s.each(func(c *Node) error { return r.member(s, c, levelHost) })
	case n.Is(NS, "host") && l <= levelHost:
		return r.member(s, n, levelHost)
	case n.Is(NS, "user") && l == levelUser:
		return r.member(s, n, levelUser)
	}
	return s.fault(n.Place, "no XEP-0227 here: server-data, host or user of urn:xmpp:pie:0 is expected")
}

// member reads a host or a user, or the file where it is.
func (r *reader) member(s *scanner, n *Node, l level) error {
	s.allow(MaxHeadBytes)
	if err := r.ctx.Err(); err != nil {
		return err
	}
	switch {
	case n.Is(NSInclude, "include"):
		name, err := r.included(s, n)
		if err != nil {
			return err
		}
		if err := s.pass(); err != nil {
			return err
		}
		return r.file(name, l)
	case n.Is(NS, "host") && l == levelHost:
		return r.hostElement(s, n)
	case n.Is(NS, "user") && l == levelUser:
		return r.userElement(s, n)
	}
	return s.pass() // XEP-0227 §4: what is not understood is ignored
}

// included checks where an include points. XEP-0227 §5
func (r *reader) included(s *scanner, n *Node) (string, error) {
	href, err := url.Parse(n.Attr("href"))
	if err != nil || href.Path == "" || href.IsAbs() || href.Host != "" || href.Path[0] == '/' || n.Attr("parse") != "" || n.Attr("xpointer") != "" {
		return "", s.fault(n.Place, "an include of anything but a file beside this one is not accepted")
	}
	name := path.Join(path.Dir(filepath.ToSlash(s.file)), href.Path)
	if !filepath.IsLocal(filepath.FromSlash(name)) {
		return "", s.fault(n.Place, "an include of a file outside of the import's folder is not accepted")
	}
	return name, nil
}

func (r *reader) hostElement(s *scanner, n *Node) error {
	domain, err := jid.Parse(n.Attr("jid"))
	if err != nil || domain.Localpart() != "" || domain.Resourcepart() != "" {
		return s.fault(n.Place, "a host without a domain")
	}
	if r.Domains != nil && !r.Domains(domain.Domainpart()) {
		return s.each(func(*Node) error {
			s.allow(MaxUserBytes)
			return s.pass()
		})
	}
	r.host = domain.Domainpart()
	return s.each(func(c *Node) error { return r.member(s, c, levelUser) })
}

func (r *reader) userElement(s *scanner, n *Node) error {
	s.allow(MaxUserBytes)
	u := &User{Place: n.Place, Domain: r.host, Password: n.Attr("password")}
	p := &userReader{User: u, reader: r}
	address, err := jid.New(n.Attr("name"), r.host, "")
	if err != nil || address.Localpart() == "" || r.host == "" {
		u.fault(n.Place, "an account without a usable name")
	} else {
		u.Localpart = address.Localpart()
		p.owner = address.String()
	}
	if err := s.each(func(c *Node) error { return p.content(s, c) }); err != nil {
		return err
	}
	s.allow(MaxHeadBytes)
	p.finish()
	return r.use(u)
}
