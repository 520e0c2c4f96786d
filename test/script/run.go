package script

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"protokoll/test/wire"
)

// Server is what a script runs against.
type Server struct {
	wire.Target
	Password string
	Account  func() string                                   // localpart of an account that nobody has used yet; safe for use by many at once
	Peer     string                                          // name of a foreign server, empty for our own
	Command  func(args ...string) (output string, err error) // of the operator; nil for a foreign server
}

// RunFile runs one script as a test of its own.
func RunFile(t *testing.T, s Server, path string) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	sc, err := Parse(path, f)
	if err != nil {
		t.Fatal(err)
	}
	if why := sc.Differs[s.Peer]; s.Peer != "" && why != "" {
		t.Skipf("%s is known to differ: %s", s.Peer, why)
	}
	r := newRun(sc, s)
	defer r.dropAll()
	if err := r.run(); err != nil {
		t.Fatalf("%s\n%v", sc.Title, err)
	}
}

type run struct {
	script  *Script
	server  Server
	clients map[string]*client
	vars    map[string]string
}

func newRun(sc *Script, s Server) *run {
	r := &run{script: sc, server: s, clients: map[string]*client{}, vars: map[string]string{
		"domain": s.Domain, "nobody": "nobody-at-all@" + s.Domain,
	}}
	users := map[string]string{}
	for _, l := range sc.Clients {
		if users[l.Account] == "" {
			users[l.Account] = s.Account()
		}
		c := &client{name: l.Name, line: l, user: users[l.Account], target: s.Target, password: s.Password}
		c.bare = c.user + "@" + s.Domain
		r.clients[l.Name] = c
		r.vars[l.Name+" bare"], r.vars[l.Name+" full"] = c.bare, c.bare+"/"+l.Resource
		r.vars[l.Name+" resource"], r.vars[l.Name+" user"] = l.Resource, c.user
	}
	return r
}

func (r *run) run() error {
	for _, pair := range r.script.Contacts {
		if err := befriend(r.clients[pair[0]], r.clients[pair[1]]); err != nil {
			return fmt.Errorf("making contacts of %v: %w", pair, err)
		}
	}
	for _, step := range r.script.Steps {
		if err := r.step(step); err != nil {
			return fmt.Errorf("%s:%d: %s %s\n%w", r.script.Name, step.Line, step.Who, step.Verb, err)
		}
	}
	return r.finish()
}

func (r *run) step(s Step) error {
	if s.Who == "everyone" {
		return r.settle()
	}
	if s.Who == operator {
		return r.command(s)
	}
	c := r.clients[s.Who]
	if joins := s.Verb == "connects" || s.Verb == "signs in" || s.Verb == "opens a stream" || s.Verb == "comes online" || s.Verb == "resumes" || s.Verb == "is refused:"; joins != (c.conn == nil) {
		return errors.New("this client's connection is not in the right state for it")
	}
	switch s.Verb {
	case "connects":
		return c.connect()
	case "opens a stream":
		return c.open()
	case "signs in":
		return c.signIn()
	case "comes online":
		return c.online()
	case "resumes":
		return c.resume()
	case "sends:":
		return r.send(c, s)
	case "receives:":
		return r.receive(c, s, false)
	case "receives in any order:":
		return r.receive(c, s, true)
	case "is refused:":
		return r.refused(c, s)
	case "is offered:":
		return r.offered(c, s)
	case "receives nothing":
		return r.nothing(c)
	case "receives the end of the stream":
		return c.ended()
	case "is acknowledged":
		return c.acknowledged()
	case "disconnects":
		err := c.conn.Close()
		c.conn = nil
		return err
	}
	c.conn.Drop()
	c.conn = nil
	return nil
}

func (r *run) send(c *client, s Step) error {
	text, err := r.expand(s.Block)
	if err != nil {
		return err
	}
	return c.write(text)
}

// command runs the operator's commands, one a line. Each has to succeed.
func (r *run) command(s Step) error {
	for line := range strings.Lines(s.Block) {
		text, err := r.expand(strings.TrimSpace(line))
		if err != nil {
			return err
		}
		if output, err := r.server.Command(strings.Fields(text)...); err != nil {
			return fmt.Errorf("%s: %w\n%s", text, err, output)
		}
	}
	return nil
}

// refused signs in with the right password and wants the failure.
func (r *run) refused(c *client, s Step) error {
	wanted, err := elements(s.Block)
	if err != nil || len(wanted) != 1 {
		return fmt.Errorf("one element has to stand here, not %d: %w", len(wanted), err)
	}
	conn, err := wire.DialTLS(c.target)
	if err != nil {
		return err
	}
	defer conn.Drop()
	if _, err := conn.Open(); err != nil {
		return err
	}
	if err := conn.Write(wire.Auth("PLAIN", "\x00"+c.user+"\x00"+c.password)); err != nil {
		return err
	}
	got, err := conn.Next()
	if err != nil {
		return err
	}
	return match(wanted[0], got, c.me(), maps.Clone(r.vars))
}

var variable = regexp.MustCompile(`\$\{([^}]*)\}`)

// expand puts the values of variables in.
func (r *run) expand(text string) (string, error) {
	var missing error
	out := variable.ReplaceAllStringFunc(text, func(v string) string {
		name := v[2 : len(v)-1]
		value, ok := r.vars[name]
		if who, full := strings.CutSuffix(name, " full"); full && r.clients[who] != nil && r.clients[who].full != "" {
			value = r.clients[who].full
		}
		if !ok {
			value, ok = r.proof(name)
		}
		if !ok {
			missing = fmt.Errorf("nothing is called %s", v)
		}
		return wire.Escape(value)
	})
	return out, missing
}

func (r *run) receive(c *client, s Step, anyOrder bool) error {
	text, err := r.expand(s.Block)
	if err != nil {
		return err
	}
	wanted, err := elements(text)
	if err != nil {
		return err
	}
	var before strings.Builder
	for len(wanted) > 0 {
		if allOptional(wanted) {
			if err := r.settle(); err != nil {
				return err
			}
			if len(c.inbox) == 0 || !fitsOne(wanted, c.inbox[0], c.me()) {
				return nil
			}
		}
		got, err := c.next()
		if err != nil {
			return fmt.Errorf("expected\n%vgot %w%s", wanted[0], err, before.String())
		}
		i, err := choose(wanted, got, c.me(), r.vars, anyOrder)
		if err != nil {
			return fmt.Errorf("%w\nexpected\n%vgot\n%v%s", err, wanted[0], got, before.String())
		}
		if before.Len() == 0 {
			before.WriteString("\nbefore that, as expected\n")
		}
		before.WriteString(got.String())
		wanted = slices.Delete(wanted, i, i+1)
	}
	return nil
}

func allOptional(wanted []*wire.Node) bool {
	return !slices.ContainsFunc(wanted, func(w *wire.Node) bool { return directive(w, "optional") != "yes" })
}

func fitsOne(wanted []*wire.Node, got *wire.Node, me own) bool {
	return slices.ContainsFunc(wanted, func(w *wire.Node) bool { return match(w, got, me, map[string]string{}) == nil })
}

// choose tells which of the wanted elements got is.
func choose(wanted []*wire.Node, got *wire.Node, me own, vars map[string]string, anyOrder bool) (int, error) {
	first := match(wanted[0], got, me, vars)
	if first == nil || !anyOrder {
		return 0, first
	}
	for i, w := range wanted[1:] {
		if match(w, got, me, vars) == nil {
			return i + 1, nil
		}
	}
	return 0, fmt.Errorf("none of %d expected elements fits; for the first: %w", len(wanted), first)
}

// offered looks for elements among the features of the stream.
func (r *run) offered(c *client, s Step) error {
	text, err := r.expand(s.Block)
	if err != nil {
		return err
	}
	wanted, err := elements(text)
	if err != nil {
		return err
	}
	for _, w := range wanted {
		if !slices.ContainsFunc(c.offer.Elements(), func(f *wire.Node) bool { return match(w, f, c.me(), r.vars) == nil }) {
			return fmt.Errorf("expected among the features\n%vgot\n%v", w, c.offer)
		}
	}
	return nil
}

func (r *run) nothing(c *client) error {
	if err := r.settle(); err != nil {
		return err
	}
	if len(c.inbox) > 0 {
		return fmt.Errorf("expected nothing, got\n%v", c.inbox[0])
	}
	return nil
}

// settle pings twice: what one client's first ping pushed out for another has arrived before that one's second answer.
func (r *run) settle() error {
	for range 2 {
		for _, l := range r.script.Clients {
			if c := r.clients[l.Name]; c.conn != nil && c.full != "" {
				if err := c.ping(); err != nil {
					return fmt.Errorf("ping of %s: %w", c.name, err)
				}
			}
		}
	}
	return nil
}

// finish sees that nothing is left over and closes every stream.
func (r *run) finish() error {
	if err := r.settle(); err != nil {
		return err
	}
	for _, l := range r.script.Clients {
		c := r.clients[l.Name]
		if len(c.inbox) > 0 {
			return fmt.Errorf("%s: at the end %s has received unasked\n%v", r.script.Name, c.name, c.inbox[0])
		}
	}
	for _, l := range r.script.Clients {
		if c := r.clients[l.Name]; c.conn != nil {
			err := c.conn.Close()
			c.conn = nil
			if err != nil {
				return fmt.Errorf("%s: closing %s: %w", r.script.Name, c.name, err)
			}
		}
	}
	return nil
}

func (r *run) dropAll() {
	for _, c := range r.clients {
		if c.conn != nil {
			c.conn.Drop()
		}
	}
}
