package schemas

import (
	"errors"
	"fmt"
	"sync"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// ErrUnknownType is returned when a record carries an event type or version that this program does not know. It is never
// skipped: an older program on a newer log must stop.
var ErrUnknownType = errors.New("unknown event type or version")

// Type is the literal name and version of an event, and the family it belongs to.
type Type struct {
	Name    string
	Version uint32
	Family  Family
}

// known lists the newest message of every event type. The literals come from the messages' own options.
var known = []proto.Message{
	(*AccountOpened)(nil), (*AccountCredentials)(nil),
	(*AccountClosing)(nil), (*AccountRestricted)(nil), (*AccountObjection)(nil), (*AddressReserved)(nil), (*AccountConsent)(nil),
	(*SessionOpened)(nil), (*LastLogin)(nil),
	(*PresenceUpdated)(nil),
	(*RosterItem)(nil),
	(*OfflineMessage)(nil),
	(*VCard)(nil),
	(*PrivateElement)(nil),
	(*BlockedAddress)(nil), (*PrivacyList)(nil), (*DefaultPrivacyList)(nil),
	(*NumbersVoid)(nil), (*SegmentErased)(nil), (*Ordered)(nil), (*EpochBegun)(nil),
	(*StaffAction)(nil), (*PolicyChanged)(nil),
	(*OutboxStanza)(nil),
	(*DailyNotice)(nil),
	(*DeviceSignedIn)(nil), (*DevicePasswordMade)(nil),
	(*PushEnabled)(nil),
	(*ArchivedMessage)(nil), (*ArchivePreferences)(nil),
	(*Uploaded)(nil), (*UploadedBriefly)(nil), (*UploadedForGood)(nil),
	(*NodeConfigured)(nil), (*NodeHosted)(nil), (*ItemPublished)(nil), (*NodeSubscribed)(nil),
}

type key struct {
	name    string
	version uint32
}

// registry finds types by their literal and by their message.
type registry struct {
	byKey     map[key]protoreflect.MessageType
	byMessage map[protoreflect.FullName]Type
}

// index is built at first use: the generated files are ready only after package variables are.
var index = sync.OnceValue(func() registry {
	r := registry{map[key]protoreflect.MessageType{}, map[protoreflect.FullName]Type{}}
	for _, known := range known {
		m := known.ProtoReflect()
		e := proto.GetExtension(m.Descriptor().Options(), E_Event).(*EventType)
		r.byKey[key{e.GetName(), e.GetVersion()}] = m.Type()
		r.byMessage[m.Descriptor().FullName()] = Type{e.GetName(), e.GetVersion(), e.GetFamily()}
	}
	return r
})

// Types returns every event type this program writes, in the order of the registry.
func Types() []Type {
	types := make([]Type, 0, len(known))
	for _, m := range known {
		types = append(types, index().byMessage[m.ProtoReflect().Descriptor().FullName()])
	}
	return types
}

// TypeOf returns the literal under which m is written. It returns ErrUnknownType for a message that is no event.
func TypeOf(m proto.Message) (Type, error) {
	t, ok := index().byMessage[m.ProtoReflect().Descriptor().FullName()]
	if !ok {
		return Type{}, fmt.Errorf("%s: %w", m.ProtoReflect().Descriptor().FullName(), ErrUnknownType)
	}
	return t, nil
}

// Known tells whether this program can read events of this type and version. Folds ask it before they take an event, so
// that a replay stops at what it cannot read without opening a payload.
func Known(name string, version uint32) bool {
	_, ok := index().byKey[key{name, version}]
	return ok
}

// Decode turns an opened payload of any version ever written into the newest message of its type. It returns
// ErrUnknownType for what it does not know. There is one version of each type so far, hence no upcasting step yet.
func Decode(name string, version uint32, payload []byte) (proto.Message, error) {
	mt, ok := index().byKey[key{name, version}]
	if !ok {
		return nil, fmt.Errorf("%q version %d: %w", name, version, ErrUnknownType)
	}
	m := mt.New().Interface()
	if err := proto.Unmarshal(payload, m); err != nil {
		return nil, fmt.Errorf("decode %q version %d: %w", name, version, err)
	}
	return m, nil
}
