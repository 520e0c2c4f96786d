package session_test

import (
	"fmt"
	"sync/atomic"
	"testing"
)

// BenchmarkSignIn is a sign-in up to the own presence, and the end of the stream; client, TLS and log included.
func BenchmarkSignIn(b *testing.B) {
	s := newServer(b)
	b.ReportAllocs()
	var n atomic.Uint64
	b.SetParallelism(8)
	b.RunParallel(func(pb *testing.PB) {
		name, desk := people[n.Add(1)%4], fmt.Sprint("desk", n.Load())
		for pb.Next() {
			s.online(name, desk).leave()
		}
	})
}

// BenchmarkChat is a message between two people who are online, over TLS, one after the other.
func BenchmarkChat(b *testing.B) {
	for _, managed := range []bool{false, true} {
		b.Run(fmt.Sprintf("managed=%t", managed), func(b *testing.B) {
			s := newServer(b)
			open := s.online
			if managed {
				open = s.managed
			}
			anna, bert := open("anna", "desk"), open("bert", "phone")
			text := message("bert", "m1", "Can you send me the slides of the last lecture? I was ill on Tuesday.")
			acked := 2
			b.ReportAllocs()
			for b.Loop() {
				anna.send(text)
				bert.until("</message>")
				if managed {
					acked++
					bert.ack(acked)
				}
			}
		})
	}
}
