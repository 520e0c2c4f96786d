package blocks

import (
	"testing"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

func publish(t testing.TB, srv *server.Server, first uint64, payloads [][]byte) {
	t.Helper()
	conn, err := nats.Connect("", nats.InProcessServer(srv))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	js, err := conn.JetStream()
	if err != nil {
		t.Fatal(err)
	}
	if first == 1 {
		first = 0 // the default, which begins in 1.blk without a tombstone
	}
	if _, err := js.AddStream(&nats.StreamConfig{Name: testStream, Subjects: []string{testSubject}, FirstSeq: first}); err != nil {
		t.Fatal(err)
	}
	for _, p := range payloads {
		if _, err := js.Publish(testSubject, p); err != nil {
			t.Fatal(err)
		}
	}
}
