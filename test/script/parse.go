package script

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
)

// Script is a conversation as written.
type Script struct {
	Name     string // of the file
	Title    string
	Differs  map[string]string // foreign server to the reason
	Clients  []ClientLine
	Contacts [][2]string
	Steps    []Step
}

// ClientLine is one [client] line.
type ClientLine struct {
	Name, Account, Resource string
	Options                 map[string]bool
}

// Step is one statement; Block is what stands indented below it.
type Step struct {
	Line  int
	Who   string
	Verb  string
	Block string
}

var (
	clientLine = regexp.MustCompile(`^\[client\] (\w+): (\w+)/(\S+)(?: \(([^)]*)\))?$`)
	verbs      = []string{
		"connects", "signs in", "opens a stream", "comes online", "sends:", "receives:", "receives in any order:", "receives nothing",
		"receives the end of the stream", "disconnects", "drops", "resumes", "is acknowledged", "is offered:", "is refused:", "settles",
		"runs:",
	}
	options = map[string]bool{
		"ignores presence": true, "ignores messages": true, "sm": true, "sm by hand": true, "scram": true, "direct tls": true,
		"sees questions": true,
	}
)

// operator is who runs commands on the server's machine.
const operator = "operator"

// Parse reads a script; every fault is reported with its line.
func Parse(name string, r io.Reader) (*Script, error) {
	s := &Script{Name: name, Differs: map[string]string{}}
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<20)
	for n := 1; lines.Scan(); n++ {
		if err := s.line(n, strings.TrimRight(lines.Text(), " \r")); err != nil {
			return nil, fmt.Errorf("%s:%d: %w", name, n, err)
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if s.Title == "" {
		return nil, fmt.Errorf("%s: the first line is no title", name)
	}
	return s, s.check()
}

func (s *Script) line(n int, text string) error {
	switch {
	case strings.HasPrefix(text, "\t"):
		if len(s.Steps) == 0 || !s.Steps[len(s.Steps)-1].wantsBlock() {
			return errors.New("an indented line without sends: or receives: above it")
		}
		s.Steps[len(s.Steps)-1].Block += text[1:] + "\n"
		return nil
	case text == "":
		return nil
	case strings.HasPrefix(text, "#"):
		s.comment(strings.TrimSpace(text[1:]))
		return nil
	case strings.HasPrefix(text, "["):
		return s.directive(text)
	}
	return s.statement(n, text)
}

func (s *Script) comment(text string) {
	if s.Title == "" {
		s.Title = text
	}
	if rest, ok := strings.CutPrefix(text, "differs: "); ok {
		peer, reason, _ := strings.Cut(rest, ": ")
		s.Differs[peer] = reason
	}
}

func (s *Script) directive(text string) error {
	if m := clientLine.FindStringSubmatch(text); m != nil {
		c := ClientLine{Name: m[1], Account: m[2], Resource: m[3], Options: map[string]bool{}}
		for o := range strings.SplitSeq(m[4], ",") {
			if o = strings.TrimSpace(o); o != "" {
				if !options[o] {
					return fmt.Errorf("unknown option %q", o)
				}
				c.Options[o] = true
			}
		}
		s.Clients = append(s.Clients, c)
		return nil
	}
	if f := strings.Fields(text); len(f) == 3 && f[0] == "[contacts]" {
		s.Contacts = append(s.Contacts, [2]string{f[1], f[2]})
		return nil
	}
	return fmt.Errorf("unknown directive %q", text)
}

func (s *Script) statement(n int, text string) error {
	who, verb, _ := strings.Cut(text, " ")
	for _, v := range verbs {
		if v == verb {
			s.Steps = append(s.Steps, Step{Line: n, Who: who, Verb: verb})
			return nil
		}
	}
	return fmt.Errorf("unknown statement %q", text)
}

func (s Step) wantsBlock() bool { return strings.HasSuffix(s.Verb, ":") }

// check sees that every name is a client's and every block is there.
func (s *Script) check() error {
	known := map[string]bool{"everyone": true, operator: true}
	for _, c := range s.Clients {
		known[c.Name] = true
	}
	for _, pair := range s.Contacts {
		if !known[pair[0]] || !known[pair[1]] {
			return fmt.Errorf("%s: contacts %v: no such client", s.Name, pair)
		}
	}
	for _, step := range s.Steps {
		if !known[step.Who] {
			return fmt.Errorf("%s:%d: no client %q", s.Name, step.Line, step.Who)
		}
		if step.wantsBlock() && strings.TrimSpace(step.Block) == "" {
			return fmt.Errorf("%s:%d: nothing stands below %q", s.Name, step.Line, step.Verb)
		}
		if (step.Who == "everyone") != (step.Verb == "settles") || (step.Who == operator) != (step.Verb == "runs:") {
			return fmt.Errorf("%s:%d: %s cannot be said of %s", s.Name, step.Line, step.Verb, step.Who)
		}
	}
	return nil
}
