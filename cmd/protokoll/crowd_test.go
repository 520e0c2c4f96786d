package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"protokoll/test/ldap"
	"protokoll/test/wire"
)

// slowRelay passes connections on to a directory and lets every answer wait.
type slowRelay struct {
	url   string
	delay time.Duration
	open  atomic.Int64
	most  atomic.Int64 // connections at once
}

func newSlowRelay(t *testing.T, slapd *ldap.Server, delay time.Duration) *slowRelay {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	r := &slowRelay{url: "ldap://" + l.Addr().String(), delay: delay}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go r.pass(c, strings.TrimPrefix(slapd.URL(), "ldap://"))
		}
	}()
	return r
}

func (r *slowRelay) pass(client net.Conn, to string) {
	defer client.Close()
	for n := r.open.Add(1); ; {
		most := r.most.Load()
		if n <= most || r.most.CompareAndSwap(most, n) {
			break
		}
	}
	server, err := net.Dial("tcp", to)
	if err != nil {
		r.open.Add(-1)
		return
	}
	defer server.Close()
	go func() {
		_, _ = io.Copy(server, client) // either side may hang up
		r.open.Add(-1)
		_ = server.Close()
	}()
	buf := make([]byte, 64<<10)
	for {
		n, err := server.Read(buf)
		if err != nil {
			return
		}
		time.Sleep(r.delay) // the directory is slow: this is the fault, no synchronisation
		if _, err := client.Write(buf[:n]); err != nil {
			return
		}
	}
}

const (
	crowdSize = 2000
	crowdPool = 4
)

// patientDirectory keeps a machine that is busy with the tests from taking slow for dead.
const patientDirectory = "dial_timeout = \"30s\"\ntimeout = \"30s\""

// F54: everybody signs in by password at once and the directory does not keep up. Some get in, the others are told to come
// again; no more connections are opened to the directory than the pool has, and afterwards everything is as before.
func TestCrowdAtASlowDirectory(t *testing.T) {
	t.Parallel()
	slapd := startDirectory(t)
	relay := newSlowRelay(t, slapd, 10*time.Millisecond)
	s := newSite(t, nil, "[limits]\nconnections_per_origin = 5000\nnew_connections_per_origin = 5000\nconnections_per_account = 5000\nlogin_time = \"2m\"\n")
	s.write("protokoll.toml", fileText(t, s.config)+s.directory(relay.url, slapd.CAFile()))
	s.edit("protokoll.toml", "[domain.directory]", fmt.Sprintf("[domain.directory]\npool = %d\n%s", crowdPool, patientDirectory))
	server := s.serve()
	people := ordinaryPeople(t, slapd)
	crowded := server.target
	crowded.Source = &net.TCPAddr{IP: net.IPv4(127, 0, 0, 2)} // so many ports are taken where no other test needs one

	signIn(t, server.target, anna, ldap.Password)
	var crowd sync.WaitGroup
	var in, later atomic.Int64
	for i, c := range connect(t, crowded, crowdSize) {
		crowd.Go(func() {
			_, err := c.SignIn("PLAIN", people[i%len(people)], ldap.Password)
			switch {
			case err == nil:
				in.Add(1)
			case errors.Is(err, wire.ErrNotAuthorized) && strings.HasSuffix(err.Error(), ": temporary-auth-failure"):
				later.Add(1)
			default:
				t.Errorf("neither in nor told to come again: %v", err)
			}
		})
	}
	crowd.Wait()
	t.Logf("%d signed in, %d were told to come again, at most %d connections to the directory", in.Load(), later.Load(), relay.most.Load())
	if in.Load() == 0 {
		t.Error("nobody got in")
	}
	// One pool for searches and one for sign-ins; and of a connection that was hung up the relay hears a moment later.
	if most := relay.most.Load(); most > 2*2*crowdPool {
		t.Errorf("%d connections to the directory at once, with two pools of %d", most, crowdPool)
	}
	signInSoon(t, server, anna)
	server.stop()
	if n := strings.Count(server.output(), "\n"); n > 50 {
		t.Errorf("the log has %d lines", n)
	}
}

// connect opens connections with TLS, so that the sign-ins meet the directory at once and not one after the other.
func connect(t *testing.T, target wire.Target, n int) []*wire.Conn {
	t.Helper()
	connections := make([]*wire.Conn, n)
	var workers sync.WaitGroup
	var next atomic.Int64
	for range 16 {
		workers.Go(func() {
			for i := next.Add(1) - 1; i < int64(n); i = next.Add(1) - 1 {
				c, err := wire.DialTLS(target)
				if err != nil {
					t.Error(err)
					return
				}
				t.Cleanup(c.Drop)
				connections[i] = c
			}
		})
	}
	workers.Wait()
	if t.Failed() {
		t.FailNow()
	}
	return connections
}

// ordinaryPeople are the localparts of the people without peculiarities.
func ordinaryPeople(t *testing.T, slapd *ldap.Server) (names []string) {
	t.Helper()
	for line := range strings.SplitSeq(fileText(t, slapd.Dir+"/tree.ldif"), "\n") {
		mail, ok := strings.CutPrefix(line, "mail: ")
		if !ok || len(names) == 40 {
			continue
		}
		name, domain, _ := strings.Cut(mail, "@")
		if domain == "stud.uni-due.de" {
			name += ".stud"
		}
		names = append(names, name)
	}
	return names
}
