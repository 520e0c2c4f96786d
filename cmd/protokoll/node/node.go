package node

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"protokoll/accounts"
	"protokoll/directory"
	"protokoll/internal/control"
	"protokoll/internal/peer"
	"protokoll/internal/wheel"
	"protokoll/xmpp/adhoc"
	archives "protokoll/xmpp/archive"
	"protokoll/xmpp/features"
	"protokoll/xmpp/profile"
	"protokoll/xmpp/pubsub"
	"protokoll/xmpp/router"
	"protokoll/xmpp/sasl"
	"protokoll/xmpp/session"
	"protokoll/xmpp/stream"
)

// Domain is one served domain.
type Domain struct {
	stream.Pair
	Directory *directory.LDAP // nil: local accounts only
	Search    string          // who may be found; empty: off
	// PasswordPage is where people of the directory change their passwords. May be empty.
	PasswordPage string
	// VCard is what of the directory is shown of people who have no vCard; nil: nothing.
	VCard *VCard
	// Groups are in the rosters of their members.
	Groups []GroupSearch
	// DevicePasswords makes a domain with a directory offer SCRAM, by which device passwords work and no others.
	DevicePasswords bool
}

// Config is everything a server is made of.
type Config struct {
	Store           StoreConfig
	Domains         []Domain
	Listen          []string // STARTTLS
	ListenTLS       []string // direct TLS
	Tokens          accounts.TokenLife
	HTTPS           []string          // files that people upload; empty: none
	Proxy           []string          // bytestreams that are relayed; empty: none
	ListenComponent []string          // external components; empty: none
	Components      map[string]string // secrets by host
	AnyPort         []string          // of HTTPS and Proxy: where one of these is taken, another port will do
	Upload          Upload
	Relay           Relay
	PubSub          string // host of the service; empty: "pubsub." and the first domain
	Contacts        features.Contacts
	Operators       []string // bare JIDs, prepared; their clients show the menus of operators
	Streams         stream.Limits
	Accounts        router.Limits
	Origins         peer.Limits
	Resume          time.Duration // 0: the default of xmpp/session
	Stop            time.Duration // for streams to close; 0: 3 s
	Logger          *slog.Logger
	// Prepare, where it is set, works on the store before the first client is let in.
	Prepare func(context.Context, *Store) error
}

// defaultStop leaves two of the five seconds that a stop may take to the log.
const defaultStop = 3 * time.Second

// Node is a server that runs.
type Node struct {
	*Store
	cfg          Config
	Router       *router.Router
	Sessions     *session.Sessions
	Streams      *stream.Server
	certificates *stream.Certificates
	control      *control.Server
	wheel        *wheel.Wheel
	beside       beside
	cards        *profile.Cards // what the directories say of people; nil: nothing
	groups       *sharedGroups  // that the directories put into rosters; nil: none

	sweeping  sweeping
	listeners []net.Listener
	serving   sync.WaitGroup
	failed    chan error
}

// Start opens the store and serves. The error names everything that could not be opened.
func Start(ctx context.Context, c Config) (*Node, error) {
	if c.Stop == 0 {
		c.Stop = defaultStop
	}
	if c.Streams.Streams == 0 {
		most, err := openFiles()
		if err != nil {
			return nil, err
		}
		c.Streams.Streams = streamsFor(most - uint64(webConnections(most)))
	}
	certificates, err := loadCertificates(c.Domains)
	if err != nil {
		return nil, err
	}
	c.Store.Domains, c.Store.Directories = nil, map[string]*directory.LDAP{}
	for _, d := range c.Domains {
		c.Store.Domains = append(c.Store.Domains, d.Domain)
		c.Store.Directories[d.Domain] = d.Directory
	}
	store, err := OpenStore(ctx, c.Store)
	if err != nil {
		return nil, err
	}
	n := &Node{Store: store, cfg: c, certificates: certificates, wheel: wheel.New(0), failed: make(chan error, 8)}
	err = store.adopt(ctx, store.Policy)
	if err == nil && c.Prepare != nil {
		err = c.Prepare(ctx, store)
	}
	if err == nil {
		err = n.assemble()
	}
	if err != nil {
		return nil, errors.Join(err, store.Close())
	}
	if err := n.listen(); err != nil {
		return nil, errors.Join(err, n.Stop(context.WithoutCancel(ctx)))
	}
	n.startRetention()
	return n, nil
}

func loadCertificates(domains []Domain) (*stream.Certificates, error) {
	var pairs []stream.Pair
	for _, d := range domains {
		pairs = append(pairs, d.Pair)
	}
	return stream.LoadCertificates(pairs, nil)
}

// assemble is the one place where every part meets.
func (n *Node) assemble() error {
	c := n.cfg
	directories := map[string]*directory.LDAP{}
	for _, d := range c.Domains {
		directories[d.Domain] = d.Directory
	}
	secret := n.Keys.Secret(saslSecret)
	who := &authenticator{accounts: n.Accounts, directories: directories, devices: scramDomains(c.Domains), secret: secret[:], logger: c.Logger}
	n.Accounts.Tokens = c.Tokens
	reports := newReports(c.Contacts, c.Store.Domains, c.Logger)
	access := &deviceAccess{accounts: n.Accounts}
	registry := features.New(features.Config{
		Devices: access,
		Logger:  c.Logger, Clock: n.clock, Started: n.clock(), Contacts: c.Contacts,
		Software: features.Software{Name: "Protokoll", Version: Version}, Policy: dataPolicy(n.Policy), Reports: reports.sink(),
		Registrar: n.registrar(),
	})
	adhoc.Register(registry, n.menu())
	archives.Register(registry, n.Archive)
	nodes := pubsub.New(c.Logger, n.clock)
	nodes.Register(registry)
	people := n.newPeople()
	n.cards = n.newCards()
	profile.Register(registry, nodes, people.changed, n.cards)
	origins := peer.NewOrigins(c.Origins, time.Now)
	services, err := n.services(origins)
	if err != nil {
		return err
	}
	host := cmp.Or(c.PubSub, "pubsub."+c.Store.Domains[0])
	services[host] = nodes.Service(host, "PubSub", c.Logger)
	if people != nil {
		services["search."+c.Store.Domains[0]] = profile.Search(people, "Suche / search", n.clock, c.Logger)
	}
	remotes, err := n.components(origins, services)
	if err != nil {
		return err
	}
	n.Router = router.New(router.Config{
		Log: n.Log, State: n.facts(), Accounts: n.Accounts, Domains: c.Store.Domains, Registry: registry, Logger: c.Logger,
		Services: services, Archive: n.Archive, Resolve: who.Resolve, Elsewhere: n.elsewhere(), Remotes: remotes, Limits: c.Accounts, Clock: n.clock,
	})
	if n.beside.others != nil {
		n.beside.others.Use(n.Router)
	}
	access.router = n.Router
	n.access = access
	if n.beside.upload != nil {
		n.beside.upload.People = n.Router
	}
	if reports != nil {
		reports.router = n.Router
	}
	if err := nodes.Use(n.Router.Owners()); err != nil {
		return err
	}
	resources := n.Keys.Secret("resources")
	n.Sessions, err = session.New(session.Config{
		Router: n.Router, Registry: registry, Table: filepath.Join(n.Folder, "resume"), Wheel: n.wheel,
		Secret: resources[:],
		Limits: session.Limits{Resume: c.Resume}, Logger: c.Logger, Clock: n.clock,
	})
	if err != nil {
		return fmt.Errorf("start sessions: %w", err)
	}
	n.Streams, err = stream.New(stream.Config{
		Domains:     func(domain string) bool { _, ours := directories[domain]; return ours },
		Certificate: n.certificates.Get, Authenticator: who, Sessions: n.Sessions, Limits: c.Streams,
		Inline: n.Sessions, Devices: who, Upgrades: who,
		Origins: origins, Wheel: n.wheel, Logger: c.Logger,
		Secret: secret[:], Iterations: sasl.DefaultIterations,
	})
	if err != nil {
		return err
	}
	if err := n.finishErasures(); err != nil {
		return err
	}
	n.groups.start()
	return n.showNotice()
}

// finishErasures goes on with what a kill interrupted, before the first client is let in.
func (n *Node) finishErasures() error {
	n.followRights()
	n.rights = n.newRights(n.Router)
	n.groups = n.newGroups()
	finished, err := n.rights.Finish(context.Background())
	if finished > 0 {
		n.cfg.Logger.Warn("erasures that were interrupted are finished", "accounts", finished)
	}
	return err
}

// listen opens the ports and the control socket; only then is the server ready.
func (n *Node) listen() error {
	if err := n.listenBeside(); err != nil { // before the first client asks where that is
		return err
	}
	tcp := net.ListenConfig{KeepAlive: -1} // internal/peer sets it, with times that let phones sleep
	for _, l := range []struct {
		addresses []string
		direct    bool
	}{{n.cfg.Listen, false}, {n.cfg.ListenTLS, true}} {
		for _, address := range l.addresses {
			listener, err := tcp.Listen(context.Background(), "tcp", address)
			if err != nil {
				return fmt.Errorf("listen on %s: %w", address, peer.Clean(err))
			}
			n.listeners = append(n.listeners, listener)
			n.serving.Go(func() {
				if err := n.Streams.Serve(listener, l.direct); err != nil {
					n.failed <- err
				}
			})
		}
	}
	commands := control.NewServer(n.cfg.Logger)
	for name, handler := range n.Commands() {
		commands.Handle(name, handler)
	}
	commands.Handle(CommandAccountAdd, n.accountAdd)
	commands.Handle(CommandAccountRestore, n.accountRestore)
	commands.Handle(CommandImportPlan, n.importPlan)
	commands.Handle(CommandImport, n.importAccounts)
	if err := commands.Start(n.Folder); err != nil {
		return err
	}
	n.control = commands
	return nil
}

// Addresses returns where the server listens, in the order of the configuration: for port 0 the port that was chosen.
func (n *Node) Addresses() (addresses []string) {
	for _, l := range append(slices.Clone(n.listeners), n.beside.listeners...) {
		addresses = append(addresses, l.Addr().String())
	}
	return addresses
}

// Wait returns nil when ctx ends, or what makes it impossible to go on serving.
func (n *Node) Wait(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return nil
	case err := <-n.Store.Failed():
		return err
	case err := <-n.Log.Fatal():
		return fmt.Errorf("the log cannot go on: %w", err)
	case err := <-n.failed:
		return err
	}
}

// Reload reads the certificates again; sessions that are open stay. A pair that cannot be used leaves the old one in place.
func (n *Node) Reload() error { return n.certificates.Reload() }

// Stop ends the server in two stages. Nothing new is accepted and every stream gets system-shutdown; then what is queued is
// written, readers stop and the log is closed. Sessions with XEP-0198 stay resumable, and nobody is told that they went.
func (n *Node) Stop(ctx context.Context) error {
	var errs []error
	n.sweeping.stop() // a sweep goes on at the next start
	if n.control != nil {
		errs = append(errs, n.control.Close(n.Folder)) // no command may begin now
	}
	patience, cancel := context.WithTimeout(ctx, n.cfg.Stop)
	defer cancel()
	n.Sessions.Stopping() // from here on a stream that ends leaves its session resumable
	if err := n.Streams.Shutdown(patience); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		errs = append(errs, err)
	}
	errs = append(errs, n.beside.close(patience))
	n.serving.Wait()
	errs = append(errs, n.Sessions.Close()) // before the log: it appends what is owed
	n.groups.close()
	n.cards.Close() // before the router, which it tells
	n.Router.Close()
	for _, d := range n.cfg.Domains {
		if d.Directory != nil {
			errs = append(errs, d.Directory.Close())
		}
	}
	return errors.Join(append(errs, n.Store.Close())...)
}
