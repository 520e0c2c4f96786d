package features

import (
	"errors"
	"testing"

	"protokoll/xmpp/frame"
)

// FuzzServe sends any payload to every handler: an answer is well-formed, an error is a stanza error, and what was refused
// changed nothing.
func FuzzServe(f *testing.F) {
	for route := range newTestRegistry().handlers {
		f.Add([]byte("<"+route.local+" xmlns='"+route.namespace+"'/>"), uint8(route.kind), uint8(route.target))
	}
	f.Add([]byte(blockIQ("@@", "a@b")), uint8(Set), uint8(Self))
	f.Add([]byte(private("<a xmlns='b'><c/></a>")), uint8(Set), uint8(Self))
	f.Add([]byte(card("<PHOTO><BINVAL>YQ==</BINVAL></PHOTO>")), uint8(Set), uint8(Self))
	r := newTestRegistry()
	f.Fuzz(func(t *testing.T, payload []byte, kind, target uint8) {
		stanza := append(append([]byte("<iq id='1' type='set'>"), payload...), "</iq>"...)
		iq, err := frame.Parse(stanza, frame.NSClient, frame.AfterLogin())
		if err != nil {
			return
		}
		a := newAccount(romeo)
		req := &Request{Kind: Kind(kind % 2), Target: Target(target % 3), From: romeo + "/x", To: romeo, Frame: &iq,
			Account: a, Session: &session{}}
		reply, err := r.Serve(req)
		if err != nil {
			if refused, ok := errors.AsType[*Error](err); !ok || refused.Condition == "internal-server-error" {
				t.Fatal(err)
			}
			if len(a.appended) > 0 {
				t.Fatal("refused, and changed something")
			}
		}
		wellFormed(t, reply.Payload)
		for _, p := range reply.Pushes {
			wellFormed(t, p.Payload)
		}
	})
}

// FuzzDropForged: nothing that claims to be ours is left, and what is left is well-formed.
func FuzzDropForged(f *testing.F) {
	f.Add([]byte("<stanza-id xmlns='urn:xmpp:sid:0' by='example.net'/><body>x</body>"))
	f.Add([]byte("<d:delay xmlns:d='urn:xmpp:delay' from='a@EXAMPLE.net'/>"))
	f.Fuzz(func(t *testing.T, inner []byte) {
		m, err := frame.Parse(append(append([]byte("<message>"), inner...), "</message>"...), frame.NSClient, frame.AfterLogin())
		if err != nil {
			return
		}
		ours := func(d string) bool { return d == domain }
		DropForged(&m, ours)
		again, err := frame.Parse(m.AppendTo(nil, frame.Stamp{}), frame.NSClient, frame.AfterLogin())
		if err != nil {
			t.Fatal(err)
		}
		for n := range again.Children {
			if forged(&again.Children[n], ours) {
				t.Fatal("left something forged")
			}
		}
	})
}
