package profile

import (
	"bytes"
	"crypto/sha1"
	"encoding/base64"
	"encoding/hex"
	"image"
	_ "image/gif"  // registers itself with package image
	_ "image/jpeg" // registers itself with package image
	_ "image/png"  // registers itself with package image
	"net/http"
	"strconv"
	"strings"

	"google.golang.org/protobuf/proto"

	"protokoll/eventlog"
	"protokoll/schemas"
	"protokoll/xmpp/features"
	"protokoll/xmpp/pubsub"
)

// User Avatar to vCard-Based Avatars Conversion, XEP-0398 version 1.0.1, both ways. XEP-0398 advises to convert only open
// avatars, because vCards are commonly open to everybody; here a vCard is for who may see the owner's presence, and so is
// an avatar that a vCard becomes. Nodes that fewer people may read are not converted.
const (
	NSAvatarData     = "urn:xmpp:avatar:data"
	NSAvatarMetadata = "urn:xmpp:avatar:metadata"
	// NSAvatarConversion says that the server converts. XEP-0398 §2
	NSAvatarConversion = "urn:xmpp:pep-vcard-conversion:0"
	// maxAvatar is the largest image that fits into an item, in bytes.
	maxAvatar = (pubsub.MaxItemBytes - 256) / 4 * 3
)

var (
	avatarData     = pubsub.Ref{Name: NSAvatarData}
	avatarMetadata = pubsub.Ref{Name: NSAvatarMetadata}
	vCard4Node     = pubsub.Ref{Name: NSVCard4}
)

// Photo is an image as vCards and avatars have it.
type Photo struct {
	Image []byte
	Type  string // image/png …, found by looking at the image, not by what was said of it
}

// newPhoto returns nil for what is no image, or one that is too large.
func newPhoto(b []byte) *Photo {
	if len(b) == 0 || len(b) > maxAvatar {
		return nil
	}
	kind, _, _ := strings.Cut(http.DetectContentType(b), ";")
	if !strings.HasPrefix(kind, "image/") {
		return nil
	}
	return &Photo{b, kind}
}

// ID is the id of the avatar: the SHA-1 of the image in hex. XEP-0084 §4.2.1
func (p *Photo) ID() string {
	sum := sha1.Sum(p.Image)
	return hex.EncodeToString(sum[:])
}

// data is the payload of the data node. XEP-0084 §4.1
func (p *Photo) data() []byte {
	b := []byte("<data xmlns='" + NSAvatarData + "'>")
	return append(base64.StdEncoding.AppendEncode(b, p.Image), "</data>"...)
}

// metadata is the payload of the metadata node. XEP-0084 §4.2
func (p *Photo) metadata() []byte {
	b := appendAttr([]byte("<metadata xmlns='"+NSAvatarMetadata+"'><info"), "id", p.ID())
	b = appendAttr(appendAttr(b, "type", p.Type), "bytes", strconv.Itoa(len(p.Image)))
	if c, _, err := image.DecodeConfig(bytes.NewReader(p.Image)); err == nil && c.Width < 1<<16 && c.Height < 1<<16 {
		b = appendAttr(appendAttr(b, "width", strconv.Itoa(c.Width)), "height", strconv.Itoa(c.Height))
	}
	return append(b, "/></metadata>"...)
}

// element is the photo in a vCard. XEP-0054 §3.2
func (p *Photo) element() *element {
	e := &element{space: features.NSVCard, local: "PHOTO"}
	e.add("TYPE", p.Type)
	e.add("BINVAL", base64.StdEncoding.EncodeToString(p.Image))
	return e
}

// photoIn finds the photo of a vCard, nil if it has none that can be shown.
func photoIn(card *element) *Photo {
	for _, k := range card.kids {
		if !k.is(features.NSVCard, "PHOTO") {
			continue
		}
		b, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(k.content("BINVAL")), ""))
		if p := newPhoto(b); err == nil && p != nil {
			return p
		}
	}
	return nil
}

// avatarPublished brings the avatar into the vCard. XEP-0398 §3.1
func avatarPublished(d *pubsub.Draft, _ pubsub.Change) error {
	if n := d.Node(avatarMetadata); n != nil && !shared(n) {
		return nil
	}
	photo, ok, err := avatarOf(d)
	if err != nil || !ok {
		return err
	}
	before, err := vCardOf(d)
	if err != nil {
		return err
	}
	card, err := treeOf(before)
	if err != nil {
		return err
	}
	card.drop(func(k *element) bool { return k.is(features.NSVCard, "PHOTO") })
	if photo != nil {
		card.kids = append(card.kids, photo.element())
	}
	return keepVCard(d, before, card)
}

// avatarOf returns the avatar that the metadata names, nil for none. It is not ok if it lies elsewhere, or is not what it says.
func avatarOf(d *pubsub.Draft) (photo *Photo, ok bool, err error) {
	item, err := d.Newest(avatarMetadata)
	if err != nil || item == nil {
		return nil, err == nil, err
	}
	meta, err := parseTree(item.GetPayload())
	if err != nil || !meta.is(NSAvatarMetadata, "metadata") {
		return nil, false, nil
	}
	if len(meta.kids) == 0 {
		return nil, true, nil // XEP-0084 §4.2.1: no avatar
	}
	for _, info := range meta.kids {
		if !info.is(NSAvatarMetadata, "info") || info.attr("url") != "" {
			continue
		}
		n := d.Node(avatarData)
		if n == nil || !shared(n) {
			return nil, false, nil
		}
		data, err := d.Item(avatarData, info.attr("id"))
		if err != nil {
			return nil, false, err
		}
		photo := photoOf(data)
		return photo, photo != nil && strings.EqualFold(photo.ID(), info.attr("id")), nil
	}
	return nil, false, nil
}

func photoOf(data *schemas.ItemPublished) *Photo {
	e, err := parseTree(data.GetPayload())
	if err != nil || !e.is(NSAvatarData, "data") {
		return nil
	}
	b, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(e.text), ""))
	if err != nil {
		return nil
	}
	return newPhoto(b)
}

// shared tells whether a node is for everybody who may see the owner's presence, or for more.
func shared(n *pubsub.Node) bool {
	a := n.Config.GetAccess()
	return (a == schemas.NodeAccess_ACCESS_PRESENCE || a == schemas.NodeAccess_ACCESS_OPEN) && len(n.Config.GetAffiliations()) == 0
}

// publishAvatar makes the avatar that of a vCard. XEP-0398 §3.2
func publishAvatar(d *pubsub.Draft, photo *Photo) error {
	had, err := d.Newest(avatarMetadata)
	if err != nil || photo == nil && had == nil {
		return err
	}
	payload := []byte("<metadata xmlns='" + NSAvatarMetadata + "'/>")
	id := "none"
	if photo != nil {
		payload, id = photo.metadata(), photo.ID()
		if _, err := d.Publish(pubsub.Publication{Ref: avatarData, ID: id, Payload: photo.data()}); err != nil {
			return err
		}
	}
	if bytes.Equal(had.GetPayload(), payload) {
		return nil
	}
	_, err = d.Publish(pubsub.Publication{Ref: avatarMetadata, ID: id, Payload: payload})
	return err
}

// entityVCard is the natural key of the vCard.
const entityVCard = "vcard"

func vCardOf(f features.Facts) (*schemas.VCard, error) {
	m, err := f.Get(schemas.Family_PROFILE_FACTS, entityVCard)
	if err != nil {
		return nil, err
	}
	card, _ := m.(*schemas.VCard)
	return card, nil
}

// treeOf reads a stored vCard; none: an empty one.
func treeOf(card *schemas.VCard) (*element, error) {
	if len(card.GetVcard()) == 0 {
		return &element{space: features.NSVCard, local: "vCard"}, nil
	}
	return parseTree(card.GetVcard())
}

func (e *element) drop(gone func(*element) bool) {
	kept := e.kids[:0]
	for _, k := range e.kids {
		if !gone(k) {
			kept = append(kept, k)
		}
	}
	e.kids = kept
}

// keepVCard states a vCard that a conversion made. One that is too large is left as it was, without what it would have got.
func keepVCard(d *pubsub.Draft, before *schemas.VCard, card *element) error {
	var after *schemas.VCard
	if len(card.kids) > 0 {
		raw := card.append(nil, "")
		if len(raw) > features.MaxVCardBytes {
			return nil
		}
		after = &schemas.VCard{Vcard: raw, PhotoSha1: features.PhotoHash(raw)}
	}
	stateVCard(d, before, after)
	return nil
}

func stateVCard(d *pubsub.Draft, before, after *schemas.VCard) {
	switch {
	case proto.Equal(before, after):
		return
	case after == nil && before == nil:
		return
	case after == nil:
		d.Facts = append(d.Facts, eventlog.End(schemas.Family_PROFILE_FACTS, entityVCard))
	default:
		d.Facts = append(d.Facts, eventlog.Set(entityVCard, after))
	}
	d.Photo = d.Photo || before.GetPhotoSha1() != after.GetPhotoSha1()
}
