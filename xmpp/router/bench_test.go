package router

import (
	"testing"

	"protokoll/xmpp/frame"
	"protokoll/xmpp/stream"
)

// sink is an Outlet that takes everything and keeps nothing.
type sink struct {
	phone
	acks bool
}

func (s *sink) Deliver(t *stream.Turn, p Parcel) bool {
	if p.Duty != nil {
		p.Duty.Hold(s)
		t.After(func(t *stream.Turn) {})
		s.f.Settle(t, []*Duty{p.Duty}, nil)
	}
	return true
}

func (s *sink) Acks() bool { return s.acks }

// chatStanza has 300 bytes, as a current client writes it.
const chatStanza = "<message to='bert@example.org' type='chat' id='b000000000000'><body>Can you send me the slides of the last lecture? " +
	"I was ill on Tuesday and would like to catch up.</body><active xmlns='http://jabber.org/protocol/chatstates'/>" +
	"<origin-id xmlns='urn:xmpp:sid:0' id='b000000000000'/></message>"

// BenchmarkMessage routes a message between two people who are online: everything between the framer and the stream.
func BenchmarkMessage(b *testing.B) {
	for name, acks := range map[string]bool{"plain": false, "managed": true} {
		b.Run(name, func(b *testing.B) {
			f := newFixture(b)
			defer f.Close()
			anna := f.bind("anna", "desk", false)
			bert := &sink{acks: acks}
			bert.f = f
			bert.res.Outlet = bert
			t := stream.NewTurn()
			if err := f.Bind(split([]byte("bert@example.org")), "phone", &bert.res, t); err != nil {
				b.Fatal(err)
			}
			presence, err := frame.Parse([]byte("<presence/>"), frame.NSClient, frame.AfterLogin())
			if err != nil {
				b.Fatal(err)
			}
			if err := f.Presence(&bert.res, &presence, t); err != nil {
				b.Fatal(err)
			}
			t.End()
			m, err := frame.Parse([]byte(chatStanza), frame.NSClient, frame.AfterLogin())
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				t := stream.NewTurn()
				if err := f.Message(&anna.res, &m, t); err != nil {
					b.Fatal(err)
				}
				t.End()
			}
		})
	}
}
