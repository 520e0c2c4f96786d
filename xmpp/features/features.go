package features

import (
	"log/slog"
	"time"
)

// Config says what the features need to know of the server.
type Config struct {
	Logger   *slog.Logger
	Clock    func() time.Time
	Started  time.Time // for the uptime
	Software Software
	Contacts Contacts
	Policy   []Field // XEP-0504: what the server does with people's data; empty: it does not say
	// Reports takes what people report of those whom they block; nil: reports are not asked for. XEP-0377
	Reports   func(Report)
	Devices   Devices   // lists and revokes what has access to an account; nil: clients cannot. XEP-0494
	Registrar Registrar // changes passwords and removes accounts; nil: clients cannot. XEP-0077
}

// New returns a registry with every feature of this package.
func New(c Config) *Registry {
	r := NewRegistry(c.Logger)
	r.Identity(Server, Identity{Category: "server", Type: "im", Name: c.Software.Name})
	r.Feature(Server, NSCaps, NSStanzaID, NSDelay, FeatureOffline)
	r.registerContacts(c.Contacts)
	r.registerDataPolicy(c.Policy)
	r.registerPing()
	r.registerVersion(c.Software)
	r.registerTime(c.Clock)
	r.registerLast(c.Clock, c.Started)
	r.registerVCard()
	r.registerPrivate()
	r.registerBlocking(c.Reports)
	r.registerPrivacy()
	r.registerCarbons()
	r.registerPush(c.Clock)
	r.registerRegistration(c.Registrar)
	r.registerClientAccess(c.Devices)
	r.registerSession()
	return r
}
