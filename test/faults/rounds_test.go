package faults

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"protokoll/test/server"
)

// rounds is how often TestRounds strikes, unless PROTOKOLL_ROUNDS says otherwise; `make nightly` asks for 1,000.
const rounds uint64 = 50

// strikes are what TestRounds chooses from.
var strikes = []strike{
	{"killed", 6, killed},
	{"killed at a call", 8, killedAtCall},
	{"killed at start", 3, killed},
	{"killed again as people return", 3, killed},
	{"calls fail", 3, refused},
}

// strikesNamed are those that PROTOKOLL_STRIKE names; all if it is not set.
func strikesNamed(t *testing.T) []strike {
	name := os.Getenv("PROTOKOLL_STRIKE")
	if name == "" {
		return strikes
	}
	i := slices.IndexFunc(strikes, func(s strike) bool { return s.name == name })
	if i < 0 {
		t.Fatalf("PROTOKOLL_STRIKE=%s: there is no such strike", name)
	}
	return strikes[i : i+1]
}

// TestRounds covers F1 to F6, F14, F21, F22, F42, F43, F46 and F48 from the outside. People write, read and change their rosters, an
// operator opens and erases accounts, sweeps, backs up and takes checkpoints away, and all the while the process is killed or
// the disk fails. After each round the four promises of the design are checked: what was acknowledged is there and shown once,
// the live state is the rebuilt one, the independent verifier accepts the folder together with every checkpoint that was ever
// taken, and who was erased has neither a password nor a key.
func TestRounds(t *testing.T) {
	given, all := seed(t), number(t, "PROTOKOLL_ROUNDS", rounds)
	for first := uint64(0); first < all; first += rounds {
		t.Run(fmt.Sprint(first+1), func(t *testing.T) { strikeOften(t, given+first, min(rounds, all-first)) })
	}
}

// strikeOften is a number of rounds with one store. Each unclean stop leaves void numbers behind, so a new one is made now and then.
func strikeOften(t *testing.T, given, often uint64) {
	s, target := start(t, server.Options{Accounts: castAccounts})
	c, r := newCast(t, target, given), choices(given, 1000)
	k := newKeeper(t, c, s)
	must(t, c.arrive())
	must(t, c.shower.befriend())
	must(t, k.sign())
	tally := map[string]int{}
	var starts []time.Duration
	strikes := strikesNamed(t)
	for round := range often {
		strike := choose(r, strikes)
		what, took, err := c.round(k, s, strike, round, r)
		if err != nil {
			t.Fatalf("round %d, %s %s: %s\n%s\n%s", round+1, strike.name, what, shortened(err.Error(), 20000), c.book.totals(), k.totals())
		}
		tally[strike.name]++
		starts = append(starts, took)
	}
	slices.Sort(starts)
	t.Logf("%s; %s; %s; starts: median %v, slowest %v", counted(tally), k.totals(), c.book.totals(), starts[len(starts)/2], starts[len(starts)-1])
	must(t, k.comeBack(r))
}

// choose takes one of the strikes, each as often as its share says.
func choose(r *rand.Rand, strikes []strike) strike {
	all := 0
	for _, s := range strikes {
		all += s.share
	}
	n := r.IntN(all)
	for _, s := range strikes {
		if n -= s.share; n < 0 {
			return s
		}
	}
	return strikes[0]
}

// round lets everybody act, strikes, starts again and checks what was promised.
func (c *cast) round(k *keeper, s *server.Server, strike strike, round uint64, r *rand.Rand) (what string, took time.Duration, err error) {
	c.book.fails(strike.name == "calls fail")
	acting := c.act(round)
	acting.Go(func() { k.works(choices(c.seed+round, 2000)) })
	what = strike.hit(c.t, s, r)
	acting.Wait()
	if err := k.keyless(s.Data); err != nil {
		return what, 0, err
	}
	if strike.name == "killed at start" {
		what = disturb(s, r)
	}
	if strike.name == "killed again as people return" {
		if err := c.sendAway(s, r); err != nil {
			return what, 0, err
		}
	}
	begin := time.Now()
	if err := s.Again(); err != nil {
		return what, 0, err
	}
	took = time.Since(begin)
	if err := c.check(s); err != nil {
		return what, took, err
	}
	return what, took, k.check()
}

// sendAway starts the server and kills it again while clients sign in, resume and take what waited.
func (c *cast) sendAway(s *server.Server, r *rand.Rand) error {
	if err := s.Again(); err != nil {
		return err
	}
	arrived := make(chan error, 1)
	go func() { arrived <- c.arrive() }()
	time.Sleep(loaded(r) / 4) // the random moment
	s.Kill()
	<-arrived // whatever came of it
	return nil
}

// counted is how often each thing was done.
func counted(tally map[string]int) string {
	var all []string
	for _, name := range slices.Sorted(maps.Keys(tally)) {
		all = append(all, fmt.Sprintf("%s %d", name, tally[name]))
	}
	return strings.Join(all, ", ")
}
