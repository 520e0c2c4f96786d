package router

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"

	"protokoll/eventlog"
	"protokoll/xmpp/features"
	"protokoll/xmpp/frame"
	"protokoll/xmpp/stream"
)

// outpost is a host that is not ours, and the only one.
type outpost struct {
	came chan struct{}
	mu   sync.Mutex
	got  []string
	fail error
}

const elsewhere = "irc.example.org"

func (o *outpost) Deliver(parts ...[]byte) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.fail != nil {
		return o.fail
	}
	var b strings.Builder
	for _, p := range parts {
		b.Write(p)
	}
	o.got = append(o.got, b.String())
	o.came <- struct{}{}
	return nil
}

func (o *outpost) To(host string) Remote {
	if host == elsewhere {
		return o
	}
	return nil
}

func (o *outpost) Hosts() []string { return []string{elsewhere} }

// last is what it got last.
func (o *outpost) last() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.got) == 0 {
		return ""
	}
	return o.got[len(o.got)-1]
}

func withOutpost(t *testing.T) (*fixture, *outpost) {
	o := &outpost{came: make(chan struct{}, 2*maxForeign)}
	f := newFixture(t, func(c *Config) { c.Remotes = o })
	t.Cleanup(f.Close)
	return f, o
}

// say has somebody elsewhere send a stanza.
func (f *fixture) say(t *testing.T, o *outpost, from, stanza string) error {
	t.Helper()
	parsed, err := frame.Parse([]byte(stanza), frame.NSClient, frame.AfterLogin())
	if err != nil {
		t.Fatal(err)
	}
	turn := stream.NewTurn()
	defer turn.End()
	return f.FromRemote(split([]byte(from)), o, &parsed, turn)
}

// TestRemoteRefuses: who writes to a host that takes nothing hears why.
func TestRemoteRefuses(t *testing.T) {
	t.Parallel()
	f, o := withOutpost(t)
	anna := f.bind("anna", "desk", false)
	for _, c := range []struct {
		err    error
		stanza string
		want   string
	}{
		{ErrUnreachable, "<message to='bot@irc.example.org' id='1' type='chat'><body>x</body></message>", "type='wait'><remote-server-timeout"},
		{ErrCongested, "<message to='bot@irc.example.org' id='2' type='chat'><body>x</body></message>", "type='wait'><resource-constraint"},
		{ErrUnreachable, "<iq to='irc.example.org' id='3' type='get'><q xmlns='x'/></iq>", "type='wait'><remote-server-timeout"},
		{nil, "<message to='bot@nowhere.example' id='4' type='chat'><body>x</body></message>", "type='cancel'><remote-server-not-found"},
		{nil, "<presence to='bot@nowhere.example' type='subscribe' id='5'/>", "type='cancel'><remote-server-not-found"},
	} {
		o.fail = c.err
		anna.send(c.stanza)
		if got := anna.all[len(anna.all)-1]; !strings.Contains(got, "type='error'") || !strings.Contains(got, c.want) {
			t.Errorf("%s: got %s", c.stanza, got)
		}
	}
	if len(o.got) > 0 {
		t.Errorf("delivered: %q", o.got)
	}
}

// TestForeignMessageNotStored: a message from elsewhere that the disk refuses goes back there.
func TestForeignMessageNotStored(t *testing.T) {
	t.Parallel()
	f, o := withOutpost(t)
	f.log.fail = eventlog.ErrNoSpace
	if err := f.say(t, o, "bot@irc.example.org/x", "<message to='bert@example.org' id='lost' type='chat'><body>x</body></message>"); err != nil {
		t.Fatal(err)
	}
	<-o.came
	got := o.last()
	if !strings.Contains(got, "type='error'") || !strings.Contains(got, "id='lost'") || !strings.Contains(got, "to='bot@irc.example.org/x'") || !strings.Contains(got, "<resource-constraint") {
		t.Errorf("got %s", got)
	}
}

// TestForeignersPending: how many requests from elsewhere may wait for their replies.
func TestForeignersPending(t *testing.T) {
	t.Parallel()
	f, o := withOutpost(t)
	release := make(chan struct{})
	f.Registry.Handle(features.Get, features.Contact, "slow", "q", func(*features.Request) (features.Reply, error) {
		return features.Reply{Later: func(context.Context) (features.Reply, error) { <-release; return features.Reply{}, nil }}, nil
	})
	const ask = "<iq to='bert@example.org' id='s' type='get'><q xmlns='slow'/></iq>"
	for range maxForeign {
		if err := f.say(t, o, elsewhere, ask); err != nil {
			t.Fatal(err)
		}
	}
	if got := o.last(); got != "" {
		t.Errorf("answered before: %s", got)
	}
	if err := f.say(t, o, elsewhere, ask); err != nil || !strings.Contains(o.last(), "<resource-constraint") {
		t.Errorf("one too many: %v, %s", err, o.last())
	}
	close(release)
}

// TestAskElsewhere: the server's own requests reach other hosts, and their answers are taken from who was asked only.
func TestAskElsewhere(t *testing.T) {
	t.Parallel()
	f, o := withOutpost(t)
	outcome := make(chan error, 1)
	turn := stream.NewTurn()
	f.Ask("get", "example.org", split([]byte("irc.example.org/app")), []byte("<q xmlns='x'/>"), func(_ *frame.Frame, err error) { outcome <- err }, turn)
	turn.End()
	asked, err := frame.Parse([]byte(o.last()), frame.NSClient, frame.AfterLogin())
	if err != nil || string(asked.To) != "irc.example.org/app" {
		t.Fatalf("%s, %v", o.last(), err)
	}
	answer := "<iq to='example.org' type='result' id='" + string(asked.ID) + "'/>"
	for _, from := range []string{"irc.example.org/other", "irc.example.org/app"} {
		if len(outcome) > 0 {
			t.Error("answered by somebody else")
		}
		if err := f.say(t, o, from, answer); err != nil {
			t.Fatal(err)
		}
	}
	if err := <-outcome; err != nil {
		t.Error(err)
	}
	o.fail = ErrUnreachable
	f.Ask("get", "example.org", split([]byte(elsewhere)), nil, func(_ *frame.Frame, err error) { outcome <- err }, turn)
	if err := <-outcome; !errors.Is(err, ErrUnreachable) {
		t.Error(err)
	}
}

// TestNoRecipient: whoever says not to whom ends the stream. RFC 6120 §8.1.1.2
func TestNoRecipient(t *testing.T) {
	t.Parallel()
	f, o := withOutpost(t)
	for _, stanza := range []string{"<message/>", "<presence/>", "<iq type='get' id='1'><q xmlns='x'/></iq>"} {
		var end *stream.Error
		if err := f.say(t, o, elsewhere, stanza); !errors.As(err, &end) || end.Condition != stream.ImproperAddressing {
			t.Errorf("%s: %v", stanza, err)
		}
	}
}
