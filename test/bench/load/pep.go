package load

import (
	"bytes"
	"context"
	"crypto/sha1" //nolint:gosec // XEP-0115 §5.1
	"encoding/base64"
	"fmt"
	"time"
)

// nsTune is what the circles publish: personal events (XEP-0163) that every contact's client wants to be told of.
const nsTune = "http://jabber.org/protocol/tune"

const nsDisco = "http://jabber.org/protocol/disco#info"

// discoContent is what a member says of its client when a server asks what its capabilities stand for.
const discoContent = "<identity category='client' type='bot' name='bench'/><feature var='" + nsDisco + "'/><feature var='" + nsTune + "+notify'/>"

// capabilities is the element that members put into their presence. XEP-0115 §5.1
func capabilities() string {
	sum := sha1.Sum([]byte("client/bot//bench<" + nsDisco + "<" + nsTune + "+notify<")) //nolint:gosec // as above
	return "<c xmlns='http://jabber.org/protocol/caps' hash='sha-1' node='https://bench.example/' ver='" + base64.StdEncoding.EncodeToString(sum[:]) + "'/>"
}

// pep measures the fan-out of personal events: like presence, but each update is an item that is published, stored and sent to the
// contacts whose clients asked for it by their capabilities.
func (r *Run) pep(ctx context.Context) error {
	fan, err := r.circles(ctx)
	if err != nil {
		return err
	}
	defer fan.sessions.end()
	for range 2 { // a server that asked the first client what that stands for may have forgotten the others meanwhile
		for _, m := range fan.members {
			if err := m.session.WriteString("<presence>" + capabilities() + "</presence>"); err != nil {
				return err
			}
		}
		r.quiesce(ctx)
	}
	fan.events = true
	s, n, err := r.circulate(ctx, fan)
	if err != nil {
		return err
	}
	res := s.result("pep", "delivered event", n)
	res.Note = fmt.Sprintf("%d contacts each", r.Contacts)
	r.emit(res)
	return nil
}

// published is the request by which a member publishes its next update.
func (m *member) published() string {
	return fmt.Sprintf("<iq type='set' id='pub%d'><pubsub xmlns='http://jabber.org/protocol/pubsub'><publish node='%s'><item id='current'>"+
		"<tune xmlns='%s'><title>%s%03d, number %06d</title></tune></item></publish></pubsub></iq>", m.update, nsTune, nsTune, marker, m.index, m.update)
}

// discovered answers a server that asks what a client can do.
func (s *session) discovered(elem []byte) bool {
	if !bytes.Contains(elem, []byte(nsDisco)) {
		return false
	}
	node := ""
	if i := bytes.Index(elem, []byte(" node=")); i >= 0 {
		quote := elem[i+6]
		if end := bytes.IndexByte(elem[i+7:], quote); end >= 0 {
			node = " node='" + string(elem[i+7:i+7+end]) + "'"
		}
	}
	s.answer(elem, "result", "<query xmlns='"+nsDisco+"'"+node+">"+discoContent+"</query>")
	return true
}

// drain is how long the last updates may take to arrive.
const drain = time.Minute
