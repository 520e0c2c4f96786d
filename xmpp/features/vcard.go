package features

import (
	"bytes"
	"crypto/sha1"
	"encoding/base64"
	"encoding/hex"
	"encoding/xml"
	"strings"

	"protokoll/eventlog"
	"protokoll/schemas"
	"protokoll/xmpp/frame"
)

// vcard-temp, XEP-0054 version 1.3.0: what people publish about themselves, as the bytes they sent, for themselves and for
// those who may see their presence. An empty vCard ends the fact. Not here: search.
const (
	NSVCard = "vcard-temp"
	// MaxVCardBytes is the largest vCard that is kept, photo included: room for the largest avatar and 32 KiB beside it.
	MaxVCardBytes = 160 << 10

	entityVCard = "vcard"
)

func (r *Registry) registerVCard() {
	r.Handle(Get, Self, NSVCard, "vCard", getVCard)
	r.Handle(Get, Contact, NSVCard, "vCard", getVCard)
	r.Handle(Set, Self, NSVCard, "vCard", setVCard)
	r.Feature(Server, NSVCard)
}

func vCardOf(f Facts) (*schemas.VCard, error) {
	m, err := f.Get(schemas.Family_PROFILE_FACTS, entityVCard)
	if err != nil {
		return nil, err
	}
	card, _ := m.(*schemas.VCard)
	return card, nil
}

func getVCard(req *Request) (Reply, error) {
	account := req.visible()
	if account == nil {
		return Reply{}, ServiceUnavailable()
	}
	card, err := vCardOf(account)
	if err != nil {
		return Reply{}, err
	}
	if card == nil {
		return Reply{Payload: []byte("<vCard xmlns='" + NSVCard + "'/>")}, nil // XEP-0054 §3.1
	}
	return Reply{Payload: card.GetVcard()}, nil
}

func setVCard(req *Request) (Reply, error) {
	card, err := ParseVCard(req.Payload.Raw)
	if err != nil {
		return Reply{}, err
	}
	photo := false
	after, err := req.Account.Change(schemas.Cause_CLIENT, func(f Facts) ([]eventlog.Fact, error) {
		before, err := vCardOf(f)
		if err != nil {
			return nil, err
		}
		photo = before.GetPhotoSha1() != card.GetPhotoSha1()
		switch {
		case bytes.Equal(before.GetVcard(), card.GetVcard()):
			return nil, nil
		case card == nil:
			return []eventlog.Fact{eventlog.End(schemas.Family_PROFILE_FACTS, entityVCard)}, nil
		}
		return []eventlog.Fact{eventlog.Set(entityVCard, card)}, nil
	})
	return Reply{After: after, Photo: photo}, err
}

// ParseVCard returns the fact of a vCard, nil for an empty one.
func ParseVCard(payload []byte) (*schemas.VCard, error) {
	if len(payload) > MaxVCardBytes {
		return nil, TooBig()
	}
	element, err := standalone(payload)
	if err != nil {
		return nil, err
	}
	if len(element.Children) == 0 {
		return nil, nil
	}
	return &schemas.VCard{Vcard: bytes.Clone(payload), PhotoSha1: PhotoHash(payload)}, nil
}

// PhotoHash returns the SHA-1 in hex of the first photo that can be decoded. XEP-0153 §3.1
func PhotoHash(vCard []byte) string {
	var v struct {
		Photos []struct {
			Binval string `xml:"vcard-temp BINVAL"`
		} `xml:"vcard-temp PHOTO"`
	}
	if xml.Unmarshal(vCard, &v) != nil {
		return ""
	}
	for _, p := range v.Photos {
		// White space between the digits does not count. XEP-0153 §4.6
		image, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(p.Binval), ""))
		if err == nil && len(image) > 0 {
			sum := sha1.Sum(image)
			return hex.EncodeToString(sum[:])
		}
	}
	return ""
}

// standalone checks that a payload means the same without the stanza around it, so that its bytes can be kept and sent in
// another one: a prefix that the stanza declares is refused.
func standalone(payload []byte) (frame.Frame, error) {
	f, err := frame.Parse(payload, frame.NSClient, frame.AfterLogin())
	if err != nil {
		return frame.Frame{}, BadRequest("a prefix is declared outside the payload")
	}
	return f, nil
}
