package router

import (
	"context"
	"log/slog"
	"testing"

	"protokoll/xmpp/features"
)

// withService adds a host whose only answer waits for open.
func withService(open <-chan struct{}) func(*Config) {
	return func(c *Config) {
		g := features.NewRegistry(slog.New(slog.DiscardHandler))
		g.Identity(features.Server, features.Identity{Category: "pubsub", Type: "service", Name: "Nodes"})
		g.Handle(features.Get, features.Server, "urn:slow", "query", func(*features.Request) (features.Reply, error) {
			return features.Reply{Later: func(ctx context.Context) (features.Reply, error) {
				select {
				case <-open:
					return features.Reply{Payload: []byte("<found/>")}, nil
				case <-ctx.Done():
					return features.Reply{}, ctx.Err()
				}
			}}, nil
		})
		c.Services = map[string]*features.Registry{"nodes.example.org": g}
	}
}

func TestService(t *testing.T) {
	t.Parallel()
	f := newFixture(t, withService(nil))
	defer f.Close()
	anna := f.bind("anna", "desk", true)
	for _, c := range []struct{ send, want string }{
		{"<iq type='get' id='1' to='example.org'><query xmlns='http://jabber.org/protocol/disco#items'/></iq>", "<item jid='nodes.example.org' name='Nodes'/>"},
		{"<iq type='get' id='2' to='nodes.example.org'><query xmlns='http://jabber.org/protocol/disco#info'/></iq>", "category='pubsub'"},
		{"<iq type='get' id='3' to='nodes.example.org'><query xmlns='jabber:iq:roster'/></iq>", "id='3' type='error'"},
		{"<message to='nodes.example.org' id='4'><body>x</body></message>", "id='4' type='error'"},
		{"<iq type='get' id='5' to='others.example.org'><query xmlns='urn:slow'/></iq>", "<remote-server-not-found"},
	} {
		anna.send(c.send)
		f.await(anna, c.want)
	}
}

// TestLater is a reply that waits for something else: it holds up nobody, and there is an end to how many may wait.
func TestLater(t *testing.T) {
	t.Parallel()
	open := make(chan struct{})
	f := newFixture(t, withService(open))
	defer f.Close()
	anna := f.bind("anna", "desk", true)
	for range maxPending {
		anna.send("<iq type='get' id='slow' to='nodes.example.org'><query xmlns='urn:slow'/></iq>")
	}
	anna.send("<iq type='get' id='one' to='nodes.example.org'><query xmlns='urn:slow'/></iq>")
	f.await(anna, "id='one' type='error'")
	anna.send("<iq type='get' id='ping' to='example.org'><ping xmlns='urn:xmpp:ping'/></iq>")
	f.await(anna, "id='ping'")
	close(open)
	f.await(anna, "<found/>")
}
