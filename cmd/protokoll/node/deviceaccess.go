package node

import (
	"context"
	"errors"
	"strings"

	"mellium.im/xmpp/jid"

	"protokoll/accounts"
	"protokoll/schemas"
	"protokoll/xmpp/features"
	"protokoll/xmpp/router"
)

// deviceAccess joins what is known of devices with the clients that are bound: features.Devices, for the person and for operators.
type deviceAccess struct {
	accounts *accounts.Registry
	router   *router.Router // nil while no server runs
}

var _ features.Devices = (*deviceAccess)(nil)

// sessionPrefix and passwordPrefix begin the ids of what is no device: a client that did not say which it is, and a device password
// that no device has used.
const (
	sessionPrefix  = "session-"
	passwordPrefix = "password-"
)

func (d *deviceAccess) find(address string) (accounts.Account, error) {
	a, err := jid.Parse(address)
	if err != nil {
		return accounts.Account{}, accounts.ErrNoAccount
	}
	return d.accounts.Find(a.Domainpart(), a.Localpart())
}

// Devices implements features.Devices.
func (d *deviceAccess) Devices(_ context.Context, address string) ([]features.AccessDevice, error) {
	account, err := d.find(address)
	if err != nil {
		return nil, err
	}
	known, err := d.accounts.Devices(account)
	if err != nil {
		return nil, err
	}
	passwords, err := d.accounts.DevicePasswords(account)
	if err != nil {
		return nil, err
	}
	online, all := map[string]bool{}, []features.AccessDevice{}
	for _, b := range d.bound(account.Address()) {
		online[b.Device] = true
		if b.Device == "" {
			all = append(all, features.AccessDevice{ID: sessionPrefix + b.ID, Connected: true, Session: true, Password: true})
		}
	}
	used := map[string]bool{}
	for _, k := range known {
		used[k.Key] = true
		all = append(all, features.AccessDevice{
			ID: k.ID, Connected: online[k.ID], Session: true, FirstSeen: k.FirstSeen, LastSeen: k.LastSeen,
			Password: !k.Proved.IsZero() && k.Key == "", Grant: k.Key != "", Tokens: k.Tokens,
			Software: k.Agent.Software, Device: k.Agent.Device,
		})
	}
	for _, p := range passwords {
		if !used[p.ID] {
			all = append(all, features.AccessDevice{ID: passwordPrefix + p.ID, Grant: true, FirstSeen: p.Made, LastSeen: p.LastUsed, Device: p.Label})
		}
	}
	return all, nil
}

func (d *deviceAccess) bound(bare string) []router.Bound {
	if d.router == nil {
		return nil
	}
	return d.router.BoundTo(bare)
}

// Revoke implements features.Devices, on behalf of the person.
func (d *deviceAccess) Revoke(ctx context.Context, address, id string) error {
	return d.revoke(ctx, schemas.Cause_CLIENT, address, id)
}

// revoke takes a device's tokens and its device password, and ends its sessions.
func (d *deviceAccess) revoke(ctx context.Context, cause schemas.Cause, address, id string) error {
	account, err := d.find(address)
	if err != nil {
		return err
	}
	if session, ok := strings.CutPrefix(id, sessionPrefix); ok {
		if d.expel(account, func(b router.Bound) bool { return b.ID == session && b.Device == "" }) == 0 {
			return features.ErrNoDevice
		}
		return features.ErrPasswordNeeded
	}
	if password, ok := strings.CutPrefix(id, passwordPrefix); ok {
		return noDevice(d.accounts.RevokeDevicePassword(ctx, cause, account, password))
	}
	forgotten, err := d.accounts.RevokeDevice(ctx, cause, account, id)
	if err != nil {
		return noDevice(err)
	}
	d.expel(account, func(b router.Bound) bool { return b.Device == id })
	if !forgotten {
		return features.ErrPasswordNeeded
	}
	return nil
}

func (d *deviceAccess) expel(account accounts.Account, which func(router.Bound) bool) int {
	if d.router == nil {
		return 0
	}
	return d.router.ExpelBound(account.Address(), which)
}

func noDevice(err error) error {
	if errors.Is(err, accounts.ErrNoDevice) {
		return features.ErrNoDevice
	}
	return err
}
