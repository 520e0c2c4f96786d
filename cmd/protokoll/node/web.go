package node

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/net/idna"
	"golang.org/x/sys/unix"

	"protokoll/internal/peer"
	"protokoll/xmpp/bytestreams"
	"protokoll/xmpp/component"
	"protokoll/xmpp/features"
	"protokoll/xmpp/router"
	"protokoll/xmpp/upload"
	"protokoll/xmpp/web"
)

// Upload is how files are taken. XEP-0363
type Upload struct {
	Host   string // JID of the service; empty: "upload." and the first domain
	URL    string // how clients reach Config.HTTPS; empty: Name and the port that was opened
	Name   string // empty: the first domain
	Limits upload.Limits
}

// Relay is how bytestreams are relayed. XEP-0065
type Relay struct {
	Host    string // JID of the service; empty: "proxy." and the first domain
	Address string // how clients reach Config.Proxy; empty: the first domain
	Limits  bytestreams.Limits
}

// beside is what stands beside the streams: the web server, what hangs in it, and the relay.
type beside struct {
	web    *web.Server
	upload *upload.Service
	relay  *bytestreams.Proxy
	others *component.Server
	cancel context.CancelFunc

	listeners []net.Listener
}

// webConnections is how many of the process's connections are for the web.
func webConnections(descriptors uint64) int { return int(min(descriptors/8, web.DefaultConnections)) }

// services makes what answers at hosts of its own.
func (n *Node) services(origins *peer.Origins) (map[string]*features.Registry, error) {
	c, first, hosts := n.cfg, n.cfg.Domains[0].Domain, map[string]*features.Registry{}
	if len(c.HTTPS) > 0 {
		n.beside.upload = upload.New(upload.Config{
			Files: n.Uploads, Secret: n.Keys.Secret("links to uploads"), Keep: n.Policy.UploadsFor(), Limits: c.Upload.Limits,
			Clock: n.clock, Logger: c.Logger, URL: strings.TrimSuffix(c.Upload.URL, "/"),
		})
		hosts[or(c.Upload.Host, "upload."+first)] = n.beside.upload.Registry(c.Logger)
		if err := n.openWeb(origins); err != nil {
			return nil, err
		}
	}
	if len(c.Proxy) > 0 {
		host := or(c.Relay.Host, "proxy."+first)
		n.beside.relay = bytestreams.New(bytestreams.Config{
			JID: host, Host: or(c.Relay.Address, ascii(first)), Origins: origins, Limits: c.Relay.Limits, Logger: c.Logger,
			Ours: func(domain string) bool { return n.Router.Ours([]byte(domain)) },
		})
		hosts[host] = n.beside.relay.Registry(c.Logger)
	}
	return hosts, nil
}

// minComponentSecret is the shortest secret of a component, in bytes.
const minComponentSecret = 16

// components makes the way to programs beside the server; nil if there are none. None may take the name of a service.
func (n *Node) components(origins *peer.Origins, services map[string]*features.Registry) (router.Remotes, error) {
	if len(n.cfg.Components) == 0 {
		return nil, nil
	}
	for host, secret := range n.cfg.Components {
		address, err := router.ParseAddress([]byte(host))
		switch {
		case err != nil || !address.IsServer() || address.String() != host:
			return nil, fmt.Errorf("component %q: this is no host name in its prepared (lower-case) form", host)
		case services[host] != nil || slices.Contains(n.cfg.Store.Domains, host):
			return nil, fmt.Errorf("component %s: this name is the server's own", host)
		case len(secret) < minComponentSecret:
			return nil, fmt.Errorf("component %s: its secret must have at least %d characters", host, minComponentSecret)
		}
	}
	n.beside.others = component.New(component.Config{Secrets: n.cfg.Components, Origins: origins, Logger: n.cfg.Logger})
	return n.beside.others, nil
}

// openWeb makes the web server and hangs into it what there is.
func (n *Node) openWeb(origins *peer.Origins) error {
	most, err := openFiles()
	if err != nil {
		return err
	}
	var names []string
	for _, d := range n.cfg.Domains {
		names = append(names, ascii(d.Domain))
	}
	if n.cfg.Upload.Name != "" {
		names = append(names, n.cfg.Upload.Name)
	}
	if u, err := url.Parse(n.cfg.Upload.URL); err == nil && u.Hostname() != "" {
		names = append(names, strings.ToLower(u.Hostname()))
	}
	n.beside.web = web.New(web.Config{
		Certificate: n.certificates.Get, Hosts: names, Origins: origins, Connections: webConnections(most), Logger: n.cfg.Logger,
	})
	n.beside.upload.Handle(n.beside.web.Handle)
	return nil
}

// listenBeside opens the ports of the web server and the relay, after those of the streams.
func (n *Node) listenBeside() error {
	ctx, cancel := context.WithCancel(context.Background())
	n.beside.cancel = cancel
	for _, address := range n.cfg.HTTPS {
		l, err := n.open(address)
		if err != nil {
			return err
		}
		if n.beside.upload.URL == "" {
			n.beside.upload.URL = "https://" + net.JoinHostPort(or(n.cfg.Upload.Name, ascii(n.cfg.Domains[0].Domain)), portOf(l))
		}
		n.serving.Go(func() { n.ended(n.beside.web.Serve(l)) })
	}
	for _, address := range n.cfg.Proxy {
		l, err := n.open(address)
		if err != nil {
			return err
		}
		if n.beside.relay.Port == 0 {
			if n.beside.relay.Port, err = strconv.Atoi(portOf(l)); err != nil {
				return fmt.Errorf("listen on %s: %w", address, err)
			}
		}
		n.serving.Go(func() { n.ended(n.beside.relay.Serve(l)) })
	}
	for _, address := range n.cfg.ListenComponent {
		l, err := n.open(address)
		if err != nil {
			return err
		}
		n.serving.Go(func() { n.ended(n.beside.others.Serve(l)) })
	}
	if n.beside.upload != nil {
		n.serving.Go(func() { n.beside.upload.Run(ctx) })
	}
	return nil
}

// open opens a port beside the streams; another one where it is taken and any will do.
func (n *Node) open(address string) (net.Listener, error) {
	tcp := net.ListenConfig{KeepAlive: -1} // internal/peer sets it
	l, err := tcp.Listen(context.Background(), "tcp", address)
	if slices.Contains(n.cfg.AnyPort, address) && errors.Is(err, unix.EADDRINUSE) {
		host, _, _ := net.SplitHostPort(address) // it was listened to
		l, err = tcp.Listen(context.Background(), "tcp", net.JoinHostPort(host, "0"))
	}
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", address, peer.Clean(err))
	}
	n.beside.listeners = append(n.beside.listeners, l)
	return l, nil
}

func (n *Node) ended(err error) {
	if err != nil {
		n.failed <- err
	}
}

// close ends what stands beside the streams. What is on its way has until ctx ends.
func (b *beside) close(ctx context.Context) (err error) {
	if b.cancel == nil {
		return nil
	}
	b.cancel()
	if b.relay != nil {
		b.relay.Close()
	}
	if b.others != nil {
		b.others.Close()
	}
	if b.web != nil {
		ctx, cancel := context.WithTimeout(ctx, webPatience)
		defer cancel()
		err = b.web.Shutdown(ctx)
	}
	return err
}

// webPatience is how long uploads and downloads on their way may hold up a stop.
const webPatience = 2 * time.Second

func portOf(l net.Listener) string {
	_, port, _ := net.SplitHostPort(l.Addr().String()) // a TCP listener has one
	return port
}

// ascii is how URLs and DNS spell a domain. RFC 5890 §2.3.2.1
func ascii(domain string) string {
	if a, err := idna.Lookup.ToASCII(domain); err == nil {
		return a
	}
	return domain
}

func or(s, otherwise string) string {
	if s != "" {
		return s
	}
	return otherwise
}
