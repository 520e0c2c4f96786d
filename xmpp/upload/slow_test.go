package upload

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"protokoll/schemas"
	"protokoll/uploads"
)

// pipes hands out the server's ends of pipes.
type pipes struct{ conns chan net.Conn }

func (p pipes) Accept() (net.Conn, error) {
	c, ok := <-p.conns
	if !ok {
		return nil, net.ErrClosed
	}
	return c, nil
}

func (p pipes) Close() error   { close(p.conns); return nil }
func (p pipes) Addr() net.Addr { return &net.TCPAddr{} }

// A client that sends nothing for a while, or too little in the long run, loses its slot's attempt and its connection, not the slot.
func TestSlow(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		size, piece int
		every       time.Duration
		most        time.Duration
	}{
		"silent":   {1000, 0, 0, Stall + time.Second},
		"dripping": {200, 1, Stall - time.Second, 2*Stall + time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			folder := filepath.Join(t.TempDir(), "u")
			store, err := uploads.Open(folder)
			if err != nil {
				t.Fatal(err)
			}
			synctest.Test(t, func(t *testing.T) {
				s := New(Config{Files: store})
				o := &slot{owner: schemas.OwnerID{1}, size: int64(c.size), name: "a"}
				s.slots.add(o, time.Now())
				ours, theirs := net.Pipe()
				listener := pipes{make(chan net.Conn, 1)}
				listener.conns <- theirs
				server := &http.Server{Handler: http.HandlerFunc(s.serveSlot)}
				go func() { _ = server.Serve(listener) }()
				began := time.Now()
				go func() {
					_, err := fmt.Fprintf(ours, "PUT /slot/%s/a HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n", o.secret, c.size)
					for err == nil && c.piece > 0 {
						time.Sleep(c.every)
						_, err = ours.Write(make([]byte, c.piece))
					}
				}()
				resp, err := http.ReadResponse(bufio.NewReader(ours), nil)
				if err != nil {
					t.Fatal(err)
				}
				if took := time.Since(began); resp.StatusCode != http.StatusBadRequest || took > c.most {
					t.Errorf("%s after %v", resp.Status, took)
				}
				_, _ = io.Copy(io.Discard, resp.Body)
				_ = ours.Close()
				_ = server.Close()
				time.Sleep(Stall) // until the client's goroutine has noticed
				synctest.Wait()
				if again, busy := s.slots.take(o.secret, time.Now()); again != o {
					t.Errorf("no second try: busy %v", busy)
				}
			})
			if left, err := os.ReadDir(filepath.Join(folder, "new")); err != nil || len(left) > 0 {
				t.Errorf("left: %v, %v", left, err)
			}
		})
	}
}
