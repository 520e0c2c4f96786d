package router

import (
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"protokoll/accounts"
	"protokoll/eventlog"
	"protokoll/eventlog/seal"
	"protokoll/schemas"
	"protokoll/xmpp/caps"
	"protokoll/xmpp/features"
	"protokoll/xmpp/frame"
	"protokoll/xmpp/pubsub"
	"protokoll/xmpp/roster"
	"protokoll/xmpp/stream"
)

// listener is an Outlet that counts what it gets and keeps the newest.
type listener struct {
	phone
	count sync.Mutex // guards what follows
	got   int
	last  string
}

func (l *listener) Deliver(_ *stream.Turn, p Parcel) bool {
	l.count.Lock()
	defer l.count.Unlock()
	l.got++
	l.last = string(p.Head) + string(p.Mid) + string(p.Tail)
	return true
}

func (l *listener) seen() (got int, last string) {
	l.count.Lock()
	defer l.count.Unlock()
	return l.got, l.last
}

// circle is a person with contacts who are all subscribed to each other's presence.
type circle struct {
	*fixture
	core  *pubsub.Core
	names []string // the first is in the middle
}

// circleOwners are made once: making keys takes syncs.
func circleOwners(t fatal, n int, dir string) map[string]*seal.Owner {
	k, err := seal.Create(filepath.Join(dir, "keys"), seal.FileRoot(filepath.Join(dir, "root")))
	if err != nil {
		t.Fatalf("%v", err)
	}
	owners := map[string]*seal.Owner{}
	for i := range n {
		id := schemas.NewOwnerID()
		if err := k.Add(id); err != nil {
			t.Fatalf("%v", err)
		}
		if owners[fmt.Sprint("p", i)], err = k.Owner(id); err != nil {
			t.Fatalf("%v", err)
		}
	}
	return owners
}

func newCircle(t testing.TB, n int) *circle {
	core := pubsub.New(slog.New(slog.DiscardHandler), time.Now)
	who := &town{people: map[string]accounts.Account{}}
	owners := circleOwners(t, n, t.TempDir())
	f := newFixture(t, func(c *Config) { c.Accounts = who; core.Register(c.Registry) })
	t.Cleanup(f.Close)
	if err := core.Use(f.Owners()); err != nil {
		t.Fatal(err)
	}
	c := &circle{fixture: f, core: core}
	for i := range n {
		name := fmt.Sprint("p", i)
		who.people[name] = accounts.Account{Owner: owners[name], Domain: "example.org", Localpart: name}
		c.names = append(c.names, name)
	}
	for i := 1; i < n; i++ {
		c.befriend(0, i)
		c.befriend(i, 0)
	}
	return c
}

func (c *circle) jid(i int) string { return c.names[i] + "@example.org" }

func (c *circle) befriend(i, k int) {
	c.t.Helper()
	a, err := c.locked(split([]byte(c.jid(i))))
	if err == nil {
		err = a.loadRoster()
	}
	if err != nil {
		c.t.Fatalf("%v", err)
	}
	item := roster.Item{Contact: c.jid(k), Subscription: schemas.Subscription_BOTH, Listed: true}
	a.replace(item)
	a.write(schemas.Cause_CLIENT, eventlog.Set(item.Contact, item.Fact()))
	a.mu.Unlock()
}

// claims is a presence whose capabilities are known to ask for nodes.
func (c *circle) claims(nodes ...string) string {
	b := "<query xmlns='" + features.NSDiscoInfo + "'><identity category='client' type='pc'/>"
	for _, n := range nodes {
		b += "<feature var='" + n + "+notify'/>"
	}
	info, err := caps.Read([]byte(b + "</query>"))
	if err != nil {
		c.t.Fatalf("%v", err)
	}
	ver := info.Ver("sha-1")
	c.capabilities.Put(caps.Claim{Hash: "sha-1", Node: "n", Ver: ver}, info)
	return "<presence><c xmlns='" + caps.NS + "' hash='sha-1' node='n' ver='" + ver + "'/></presence>"
}

func (c *circle) parse(s string) *frame.Frame {
	f, err := frame.Parse([]byte(s), frame.NSClient, frame.AfterLogin())
	if err != nil {
		c.t.Fatalf("%v", err)
	}
	return &f
}

// signIn binds a client and sends a presence.
func (c *circle) signIn(i int, resource, presence string) *listener {
	c.t.Helper()
	l := &listener{}
	l.f, l.res.Outlet = c.fixture, l
	t := stream.NewTurn()
	defer t.End()
	err := c.Bind(split([]byte(c.jid(i))), resource, &l.res, t)
	if err == nil {
		err = c.Presence(&l.res, c.parse(presence), t)
	}
	if err != nil {
		c.t.Fatalf("%v", err)
	}
	return l
}

func (c *circle) publish(from *listener, node, id string) {
	c.t.Helper()
	t := stream.NewTurn()
	defer t.End()
	if err := c.IQ(&from.res, c.parse(publishIQ(node, id)), t); err != nil {
		c.t.Fatalf("%v", err)
	}
}

func publishIQ(node, id string) string {
	return "<iq type='set' id='1'><pubsub xmlns='" + pubsub.NS + "'><publish node='" + node + "'><item id='" + id +
		"'><x xmlns='n'>" + strings.Repeat("x", 300) + "</x></item></publish></pubsub></iq>"
}

// TestNewestFollowsWhatIsStored: what a failed append would have published is sent to nobody, then or later.
func TestNewestFollowsWhatIsStored(t *testing.T) {
	t.Parallel()
	c := newCircle(t, 2)
	zero := c.signIn(0, "a", "<presence/>")
	c.publish(zero, "nick", "old")
	c.settleLater()
	c.log.mu.Lock()
	c.log.fail = errors.New("disk full")
	c.log.mu.Unlock()
	c.publish(zero, "nick", "new")
	c.settleLater()
	c.log.mu.Lock()
	c.log.fail = nil
	c.log.mu.Unlock()
	for range 1000 { // the live state is loaded anew on a goroutine of its own
		if all, known := c.newest.of(c.jid(0)); !known || len(all) == 1 && strings.HasSuffix(all[0].Entity(), "old") {
			break
		}
		time.Sleep(time.Millisecond)
	}
	if _, last := c.signIn(1, "a", c.claims("nick")).seen(); !strings.Contains(last, "id='old'") {
		t.Error(last)
	}
}

// TestQuestionsAreAskedOnce: a hash that is known is asked for no more, and an answer to no question is not looked at.
func TestQuestionsAreAskedOnce(t *testing.T) {
	t.Parallel()
	c := newCircle(t, 1)
	claim := "<presence><c xmlns='" + caps.NS + "' hash='sha-1' node='n' ver='unknown'/></presence>"
	l := c.signIn(0, "a", claim)
	got, question := l.seen()
	if !strings.Contains(question, "node='n#unknown'") {
		t.Fatal("not asked:", question)
	}
	_, id, _ := strings.Cut(question, "id='")
	id, _, _ = strings.Cut(id, "'")
	answer := func(id string) {
		turn := stream.NewTurn()
		defer turn.End()
		iq := "<iq type='result' to='example.org' id='" + id + "'><query xmlns='" + features.NSDiscoInfo + "'><feature var='a+notify'/></query></iq>"
		if err := c.IQ(&l.res, c.parse(iq), turn); err != nil {
			t.Fatal(err)
		}
	}
	wants := func() bool { return l.res.Account.snap.Load().views[0].notify.Wants("a") }
	if answer("caps-forged"); wants() {
		t.Error("an answer that nobody waits for")
	}
	if answer(id); !wants() {
		t.Error("a wrong hash does not count for its client") // XEP-0115 §5.4
	}
	if c.capabilities.Len() != 0 {
		t.Error("a wrong hash is remembered")
	}
	turn := stream.NewTurn()
	if err := c.Presence(&l.res, c.parse(claim), turn); err != nil {
		t.Fatal(err)
	}
	turn.End()
	if now, _ := l.seen(); now != got+1 || !wants() {
		t.Error("asked again for the same claim")
	}
}

// BenchmarkPublish publishes an item of 300 bytes to 30 contacts who are online and ask for it: everything but the disk and the
// streams.
func BenchmarkPublish(b *testing.B) {
	for _, contacts := range []int{0, 30} {
		b.Run(fmt.Sprint(contacts, " contacts"), func(b *testing.B) {
			c := newCircle(b, contacts+1)
			presence := c.claims("nick")
			zero := c.signIn(0, "a", presence)
			for i := 1; i <= contacts; i++ {
				c.signIn(i, "a", presence)
			}
			frames := []*frame.Frame{c.parse(publishIQ("nick", "1")), c.parse(publishIQ("nick", "2"))}
			b.ReportAllocs()
			for n := 0; b.Loop(); n++ {
				t := stream.NewTurn()
				if err := c.IQ(&zero.res, frames[n%2], t); err != nil {
					b.Fatal(err)
				}
				t.End()
				c.settleLater()
			}
		})
	}
}

// BenchmarkSignIn signs somebody in with 30 contacts who are away, half of whom have published three nodes: without capabilities,
// asking for what nobody has, and for two of the three.
func BenchmarkSignIn(b *testing.B) {
	for name, nodes := range map[string][]string{"without capabilities": nil, "asking for nothing there": {"none"}, "asking for two of three nodes": {"nick", "mood"}} {
		b.Run(name, func(b *testing.B) {
			c := newCircle(b, 31)
			for i := 1; i <= 15; i++ {
				l := c.signIn(i, "a", "<presence/>")
				for _, node := range []string{"nick", "mood", "keys"} {
					c.publish(l, node, "1")
				}
				l.leaveNow()
			}
			c.settleLater()
			presence := "<presence/>"
			if nodes != nil {
				presence = c.claims(nodes...)
			}
			b.ReportAllocs()
			for b.Loop() {
				c.signIn(0, "a", presence).leaveNow()
			}
		})
	}
}

func (l *listener) leaveNow() {
	t := stream.NewTurn()
	defer t.End()
	l.f.Leave(&l.res, t)
}
