package accounts

import (
	"cmp"
	"context"
	"encoding/base32"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"protokoll/eventlog"
	"protokoll/projections/state"
	"protokoll/schemas"
)

// Devices that sign in to an account, as facts of family token: see tokens.go and devicepasswords.go. They are changed under a
// lock of their own, one for the accounts whose ids begin alike, below Registry.opening; nothing else writes facts of this family.

// MaxDevices is how many devices of one account are known at once; the one that was away longest makes room for a new one.
const MaxDevices = 50

// ErrNoDevice is returned when an account has no such device, or no such device password.
var ErrNoDevice = errors.New("no such device")

// The natural keys of facts of family token.
const (
	entityDevice         = "device:"   // then the user agent's id
	entityDevicePassword = "password:" // then the password's id
)

// Agent is an installation of a client, as it presents itself. XEP-0388 §2.3
type Agent struct {
	ID, Software, Device string
}

// Device is what is known of one.
type Device struct {
	ID        string // names it towards its owner: says nothing of the user agent's id
	Agent     Agent
	FirstSeen time.Time // days, UTC
	LastSeen  time.Time
	Proved    time.Time // when it last signed in with a password that is still valid; zero: it has not
	Key       string    // id of the device password that was; empty: the account's own password
	Tokens    bool      // it can sign in with a token
}

// shards is how many locks there are for devices.
const shards = 64

// shelf is what an account has of family token, opened.
type shelf struct {
	registry  *Registry
	account   Account
	devices   []*schemas.DeviceSignedIn
	passwords []*schemas.DevicePasswordMade
}

// withDevices calls fn with what an account has while nobody else changes it. What fn returns is appended, and is on disk and
// folded when withDevices returns. It returns ErrNoAccount for an account that is being erased.
func (r *Registry) withDevices(ctx context.Context, cause schemas.Cause, a Account, fn func(*shelf) ([]eventlog.Fact, error)) error {
	r.opening.RLock() // nothing may follow the close of the account's facts
	defer r.opening.RUnlock()
	id := a.Owner.ID()
	lock := &r.shelves[int(id[0])%shards]
	lock.Lock()
	defer lock.Unlock()
	now, err := r.ByOwner(id)
	if err != nil {
		return err
	}
	if !now.Closing.IsZero() {
		return ErrNoAccount
	}
	s, err := r.shelf(a)
	if err != nil {
		return err
	}
	facts, err := fn(s)
	if err != nil || len(facts) == 0 {
		return err
	}
	if err := r.settled(ctx, r.log.Append(eventlog.Command{Owner: a.Owner, Cause: cause, Facts: facts})); err != nil {
		return fmt.Errorf("note a device: %w", err)
	}
	return nil
}

// shelf opens what an account has.
func (r *Registry) shelf(a Account) (*shelf, error) {
	facts, err := r.state.Facts(a.Owner.ID(), schemas.Family_TOKEN_FACTS)
	if err != nil {
		return nil, fmt.Errorf("read devices: %w", err)
	}
	s := &shelf{registry: r, account: a}
	for _, f := range facts {
		if err := s.add(f); err != nil {
			return nil, err
		}
	}
	return s, nil
}

func (s *shelf) add(f state.Fact) error {
	m, err := eventlog.Open(s.account.Owner, f.About, f.Sealed)
	if err != nil {
		return fmt.Errorf("open a device: %w", err)
	}
	switch m := m.(type) {
	case *schemas.DeviceSignedIn:
		s.devices = append(s.devices, m)
	case *schemas.DevicePasswordMade:
		s.passwords = append(s.passwords, m)
	default:
		return fmt.Errorf("open a device: %w", schemas.ErrUnknownType)
	}
	return nil
}

// device returns the fact of a user agent, nil if there is none.
func (s *shelf) device(agent string) *schemas.DeviceSignedIn {
	i := slices.IndexFunc(s.devices, func(d *schemas.DeviceSignedIn) bool { return d.GetAgent() == agent })
	if i < 0 {
		return nil
	}
	return s.devices[i]
}

// known returns the fact of a user agent that is just signing in, a new one where there was none, and what has to make room for
// it. changed: it says something else than before.
func (s *shelf) known(agent Agent) (d *schemas.DeviceSignedIn, room []eventlog.Fact, changed bool) {
	today := s.registry.today()
	if d = s.device(agent.ID); d == nil {
		room = s.makeRoom()
		d = &schemas.DeviceSignedIn{Agent: agent.ID, FirstSeen: today}
	}
	changed = d.GetLastSeen() != today || d.GetSoftware() != agent.Software || d.GetDevice() != agent.Device
	d.Software, d.Device, d.LastSeen = agent.Software, agent.Device, today
	return d, room, changed
}

func (s *shelf) makeRoom() []eventlog.Fact {
	if len(s.devices) < MaxDevices {
		return nil
	}
	oldest := slices.MinFunc(s.devices, func(a, b *schemas.DeviceSignedIn) int {
		return cmp.Or(cmp.Compare(a.GetLastSeen(), b.GetLastSeen()), strings.Compare(a.GetAgent(), b.GetAgent()))
	})
	return []eventlog.Fact{endDevice(oldest)}
}

func setDevice(d *schemas.DeviceSignedIn) eventlog.Fact {
	return eventlog.Set(entityDevice+d.GetAgent(), d)
}

func endDevice(d *schemas.DeviceSignedIn) eventlog.Fact {
	return eventlog.End(schemas.Family_TOKEN_FACTS, entityDevice+d.GetAgent())
}

// today is the beginning of the day, UTC, in milliseconds.
func (r *Registry) today() int64 { return r.Clock().UTC().Truncate(24 * time.Hour).UnixMilli() }

func day(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

// deviceIDSize is how many bytes name a device towards its owner.
const deviceIDSize = 10

// DeviceID names a user agent of an account.
func (a Account) DeviceID(agent string) string {
	sum := a.Owner.MAC("device id", []byte(agent))
	return base32.HexEncoding.WithPadding(base32.NoPadding).EncodeToString(sum[:deviceIDSize])
}

// Devices lists the devices of an account, the one seen last first.
func (r *Registry) Devices(a Account) ([]Device, error) {
	s, err := r.shelf(a)
	if err != nil {
		return nil, err
	}
	all := make([]Device, 0, len(s.devices))
	for _, d := range s.devices {
		all = append(all, s.describe(d))
	}
	slices.SortFunc(all, func(a, b Device) int { return cmp.Or(b.LastSeen.Compare(a.LastSeen), strings.Compare(a.ID, b.ID)) })
	return all, nil
}

func (s *shelf) describe(d *schemas.DeviceSignedIn) Device {
	return Device{
		ID: s.account.DeviceID(d.GetAgent()), Agent: Agent{d.GetAgent(), d.GetSoftware(), d.GetDevice()},
		FirstSeen: day(d.GetFirstSeen()), LastSeen: day(d.GetLastSeen()), Proved: day(d.GetProved()), Key: d.GetKey(),
		Tokens: s.alive(d.GetCurrent()) || s.alive(d.GetFresh()),
	}
}

// alive tells whether a token can still be used.
func (s *shelf) alive(t *schemas.Token) bool {
	return t != nil && s.registry.Clock().UnixMilli() < t.GetExpires()
}

// RevokeDevice ends the tokens of a device, and the device password that it had. What is left is that it may know the account's own
// password: forgotten is false then, and the device stays listed, because only another password shuts it out.
func (r *Registry) RevokeDevice(ctx context.Context, cause schemas.Cause, a Account, id string) (forgotten bool, err error) {
	err = r.withDevices(ctx, cause, a, func(s *shelf) ([]eventlog.Fact, error) {
		i := slices.IndexFunc(s.devices, func(d *schemas.DeviceSignedIn) bool { return a.DeviceID(d.GetAgent()) == id })
		if i < 0 {
			return nil, ErrNoDevice
		}
		d := s.devices[i]
		if forgotten = d.GetProved() == 0 || d.GetKey() != ""; !forgotten {
			d.Current, d.Fresh = nil, nil
			return []eventlog.Fact{setDevice(d)}, nil
		}
		facts := []eventlog.Fact{endDevice(d)}
		if p := s.password(d.GetKey()); p != nil {
			facts = append(facts, endPassword(p))
			facts = append(facts, s.without(p.GetId(), d)...)
		}
		return facts, nil
	})
	return forgotten, err
}

// without ends what other devices had by a device password.
func (s *shelf) without(key string, but *schemas.DeviceSignedIn) (facts []eventlog.Fact) {
	for _, d := range s.devices {
		if d != but && d.GetKey() == key {
			facts = append(facts, endDevice(d))
		}
	}
	return facts
}

// EndTokens ends all tokens of an account: its devices need a password. Device passwords stay.
func (r *Registry) EndTokens(ctx context.Context, cause schemas.Cause, a Account) error {
	return r.withDevices(ctx, cause, a, func(s *shelf) (facts []eventlog.Fact, err error) {
		for _, d := range s.devices {
			if d.GetCurrent() != nil || d.GetFresh() != nil {
				d.Current, d.Fresh = nil, nil
				facts = append(facts, setDevice(d))
			}
		}
		return facts, nil
	})
}

// forgetDevices ends what is known of every device, because the password that they proved is not valid any more. The caller holds
// opening, and appends the facts with the new password.
func (r *Registry) forgetDevices(a Account) (facts []eventlog.Fact, err error) {
	s, err := r.shelf(a)
	if err != nil {
		return nil, err
	}
	for _, d := range s.devices {
		facts = append(facts, endDevice(d))
	}
	return facts, nil
}

// locks is one lock for each shard of accounts.
type locks [shards]sync.Mutex
