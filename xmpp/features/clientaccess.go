package features

import (
	"context"
	"errors"
	"time"

	"protokoll/xmpp/frame"
)

// Client Access Management, XEP-0494 version 0.1.0: which devices have access to the own account, and taking it away from one. A
// device is one that says which it is when it signs in by SASL2 (XEP-0388 §2.3), or a password that the server made for one; who
// signs in otherwise is seen while it is connected, as one entry. Not here: grants of other services.
const NSClientAccess = "urn:xmpp:cam:0"

// AccessDevice is what has access to an account.
type AccessDevice struct {
	ID        string
	Connected bool
	Session   bool // it has had a session; false: it has access and was never seen
	FirstSeen time.Time
	LastSeen  time.Time
	Password  bool // it has proven a password that can only be taken away by changing it
	Grant     bool // it has proven a password that was made for it
	Tokens    bool
	Software  string
	Device    string
}

// ErrPasswordNeeded is returned when nothing but another password of the account takes access away.
var ErrPasswordNeeded = errors.New("only another password takes that access away")

// ErrNoDevice is returned for a device that nobody knows.
var ErrNoDevice = errors.New("no such device")

// Devices lists and revokes what has access to accounts. Addresses are bare JIDs. Its calls may wait for the disk.
type Devices interface {
	Devices(ctx context.Context, address string) ([]AccessDevice, error)
	// Revoke returns ErrNoDevice, or ErrPasswordNeeded when it did what it could.
	Revoke(ctx context.Context, address, id string) error
}

func (r *Registry) registerClientAccess(d Devices) {
	if d == nil {
		return
	}
	r.Handle(Get, Self, NSClientAccess, "list", func(req *Request) (Reply, error) {
		address := bareOf(req.From)
		return Reply{Later: func(ctx context.Context) (Reply, error) {
			all, err := d.Devices(ctx, address)
			return Reply{Payload: appendDevices(nil, all)}, err
		}}, nil
	})
	r.Handle(Set, Self, NSClientAccess, "revoke", func(req *Request) (Reply, error) {
		address, id := bareOf(req.From), string(req.Payload.Attr("id"))
		if id == "" {
			return Reply{}, BadRequest("")
		}
		return Reply{Later: func(ctx context.Context) (Reply, error) { return Reply{}, revokeError(d.Revoke(ctx, address, id)) }}, nil
	})
}

// revokeError is what the client is told. XEP-0494 §3.2
func revokeError(err error) error {
	switch {
	case errors.Is(err, ErrNoDevice):
		return &Error{Type: "cancel", Condition: "item-not-found"}
	case errors.Is(err, ErrPasswordNeeded):
		return &Error{Type: "cancel", Condition: "service-unavailable", App: []byte("<password-reset-required xmlns='" + NSClientAccess + "'/>")}
	}
	return err
}

// appendDevices appends <clients/>. XEP-0494 §3.1
func appendDevices(b []byte, all []AccessDevice) []byte {
	b = append(b, "<clients xmlns='"+NSClientAccess+"'>"...)
	for _, d := range all {
		kind := "access"
		if d.Session {
			kind = "session"
		}
		connected := "false"
		if d.Connected {
			connected = "true"
		}
		b = appendAttr(append(b, "<client"...), "connected", connected)
		b = appendAttr(b, "id", d.ID)
		b = append(appendAttr(b, "type", kind), '>')
		b = appendDay(b, "first-seen", d.FirstSeen)
		b = appendDay(b, "last-seen", d.LastSeen)
		b = d.appendAuth(b)
		b = append(b, "<permission status='unrestricted'/>"...)
		b = append(d.appendAgent(b), "</client>"...)
	}
	return append(b, "</clients>"...)
}

func appendDay(b []byte, name string, at time.Time) []byte {
	if at.IsZero() {
		return b
	}
	b = append(append(append(b, '<'), name...), '>')
	b = at.UTC().AppendFormat(b, time.RFC3339)
	return append(append(append(b, "</"...), name...), '>')
}

func (d AccessDevice) appendAuth(b []byte) []byte {
	b = append(b, "<auth>"...)
	for _, way := range []struct {
		has  bool
		name string
	}{{d.Password, "<password/>"}, {d.Grant, "<grant/>"}, {d.Tokens, "<fast/>"}} {
		if way.has {
			b = append(b, way.name...)
		}
	}
	return append(b, "</auth>"...)
}

func (d AccessDevice) appendAgent(b []byte) []byte {
	if d.Software == "" && d.Device == "" {
		return b
	}
	b = append(b, "<user-agent>"...)
	if d.Software != "" {
		b = append(frame.AppendEscaped(append(b, "<software>"...), d.Software), "</software>"...)
	}
	if d.Device != "" {
		b = append(frame.AppendEscaped(append(b, "<device>"...), d.Device), "</device>"...)
	}
	return append(b, "</user-agent>"...)
}
