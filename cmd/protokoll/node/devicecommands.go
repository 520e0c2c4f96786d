package node

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"protokoll/accounts"
	"protokoll/internal/control"
	"protokoll/schemas"
	"protokoll/xmpp/features"
	"protokoll/xmpp/sasl"
)

// DeviceArguments are those of the commands about devices. What they show is personal, and every call is written down.
type DeviceArguments struct {
	Staff
	Address string `json:"address"`
	ID      string `json:"id,omitempty"`
	Label   string `json:"label,omitempty"`
}

// DeviceView is what operators see of a device.
type DeviceView struct {
	ID        string    `json:"id"`
	Connected bool      `json:"connected"`
	FirstSeen time.Time `json:"first_seen,omitzero"`
	LastSeen  time.Time `json:"last_seen,omitzero"`
	Password  bool      `json:"password"` // it knows the account's own password
	Grant     bool      `json:"device_password"`
	Tokens    bool      `json:"tokens"`
	Software  string    `json:"software,omitempty"`
	Device    string    `json:"device,omitempty"`
}

// DeviceRevoked is what became of a revocation.
type DeviceRevoked struct {
	PasswordNeeded bool `json:"password_needed"` // it knows the account's own password: only another one shuts it out
}

// DevicePasswordView is a device password that was just made; nobody can see it again.
type DevicePasswordView struct {
	ID       string `json:"id"`
	Password string `json:"password"`
}

// devices is the live view, or one of the folder alone.
func (s *Store) devices() *deviceAccess {
	if s.access != nil {
		return s.access
	}
	return &deviceAccess{accounts: s.Accounts}
}

// deviceAccount reads the arguments and finds the account.
func (s *Store) deviceAccount(input json.RawMessage) (a DeviceArguments, account accounts.Account, err error) {
	if err := json.Unmarshal(input, &a); err != nil {
		return a, account, fmt.Errorf("read the arguments: %w", err)
	}
	_, address, err := arguments(input)
	if err != nil {
		return a, account, err
	}
	account, err = s.Accounts.Find(address.Domainpart(), address.Localpart())
	return a, account, err
}

func (s *Store) accountDevices(ctx context.Context, input json.RawMessage, _ func(control.Progress)) (any, error) {
	a, account, err := s.deviceAccount(input)
	if err != nil {
		return nil, err
	}
	if err := s.audited(ctx, a.Staff, "devices.list", "", account.Owner.ID()); err != nil {
		return nil, err
	}
	known, err := s.devices().Devices(ctx, account.Address())
	if err != nil {
		return nil, err
	}
	all := make([]DeviceView, 0, len(known))
	for _, d := range known {
		all = append(all, DeviceView{ID: d.ID, Connected: d.Connected, FirstSeen: d.FirstSeen, LastSeen: d.LastSeen,
			Password: d.Password, Grant: d.Grant, Tokens: d.Tokens, Software: d.Software, Device: d.Device})
	}
	return all, nil
}

func (s *Store) deviceRevoke(ctx context.Context, input json.RawMessage, _ func(control.Progress)) (any, error) {
	a, account, err := s.deviceAccount(input)
	if err != nil {
		return nil, err
	}
	if err := s.audited(ctx, a.Staff, "devices.revoke", "", account.Owner.ID()); err != nil {
		return nil, err
	}
	err = s.devices().revoke(ctx, schemas.Cause_STAFF, account.Address(), a.ID)
	needed := errors.Is(err, features.ErrPasswordNeeded)
	if needed {
		err = nil
	}
	return DeviceRevoked{PasswordNeeded: needed}, err
}

func (s *Store) devicePasswordMake(ctx context.Context, input json.RawMessage, _ func(control.Progress)) (any, error) {
	a, account, err := s.deviceAccount(input)
	if err != nil {
		return nil, err
	}
	if err := s.audited(ctx, a.Staff, "devices.password", "", account.Owner.ID()); err != nil {
		return nil, err
	}
	made, password, err := s.MakeDevicePassword(ctx, schemas.Cause_STAFF, account, a.Label)
	return DevicePasswordView{ID: made.ID, Password: password}, err
}

// MakeDevicePassword makes a password for one device of a directory account. The caller shows it to its owner, once.
func (s *Store) MakeDevicePassword(ctx context.Context, cause schemas.Cause, account accounts.Account, label string) (accounts.DevicePassword, string, error) {
	secret := s.Keys.Secret(saslSecret)
	return s.Accounts.MakeDevicePassword(ctx, cause, account, label, func(domain, localpart string, h sasl.Hash) sasl.Verifier {
		return sasl.Invented(secret[:], domain, localpart, h, sasl.DefaultIterations)
	})
}
