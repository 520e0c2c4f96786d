package rights

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"protokoll/test/server"
	"protokoll/test/wire"
)

// kills is how many erasures are killed, unless PROTOKOLL_KILLS says otherwise.
const kills = 8

func number(t *testing.T, name string, otherwise uint64) uint64 {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.ParseUint(text, 10, 64)
	must(t, err)
	return n
}

// F4, F5: kill -9 at a random moment of an erasure. After the next start the account is as it was, or wholly gone: found by nobody,
// in nobody's roster, its address kept free, and the state is what the log says.
func TestKilledErasure(t *testing.T) {
	t.Parallel()
	rounds := number(t, "PROTOKOLL_KILLS", kills)
	seed := number(t, "PROTOKOLL_SEED", uint64(time.Now().UnixNano()))
	t.Logf("PROTOKOLL_SEED=%d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	s, err := server.Start(server.Options{Binary: binary, Accounts: int(rounds) + 1})
	must(t, err)
	t.Cleanup(s.Remove)
	target, err := s.Target()
	must(t, err)
	gone, intact := 0, 0
	for round := range rounds {
		juliet := arrive(t, target, "user1", "balcony")
		romeo := arrive(t, target, fmt.Sprintf("user%d", round+2), "orchard")
		befriend(romeo, juliet)
		erased := make(chan struct{})
		go func() {
			defer close(erased)
			_, _ = s.Command("erase", romeo.bare, "--yes") // it is killed in the middle
		}()
		time.Sleep(time.Duration(random.IntN(120)) * time.Millisecond) // the random moment
		s.Kill()
		<-erased // the command may have found a stopped folder and gone on with that
		must(t, s.Again())
		if wasErased(t, s, target, romeo.bare) {
			gone++
		} else {
			intact++
		}
	}
	t.Logf("%d gone, %d as they were", gone, intact)
	must(t, s.Stop())
	if out, err := s.Command("rebuild", "--check"); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// wasErased tells whether an account is gone, and fails for one that is neither gone nor as it was.
func wasErased(t *testing.T, s *server.Server, target wire.Target, bare string) bool {
	t.Helper()
	show, err := s.Command("account", "show", bare)
	juliet := arrive(t, target, "user1", "balcony")
	roster := juliet.subscription(bare)
	juliet.Drop()
	user, _, _ := strings.Cut(bare, "@")
	c, _, signIn := wire.SignIn(target, user, "secret")
	if c != nil {
		c.Drop()
	}
	again, eraseErr := s.Command("erase", bare) // not answered with yes: the plan only
	kept := strings.Contains(again, "is kept free until")
	switch {
	case err == nil && !strings.Contains(show, "standing") && roster == "both" && signIn == nil && !kept:
		return false
	case err != nil && strings.Contains(show, "no such account") && roster == "none" && signIn != nil && kept && eraseErr == nil:
		return true
	}
	t.Fatalf("%s\nroster %q\nsign-in: %v\n%s", show, roster, signIn, again)
	return false
}
