package profile

import (
	"bytes"
	"context"
	"image"
	"net/http"
	"time"

	"protokoll/schemas"
	"protokoll/xmpp/features"
	"protokoll/xmpp/frame"
	"protokoll/xmpp/pubsub"
)

// What the directory says of people who say nothing of themselves: as vcard-temp (XEP-0054), as the node of vCard4 (XEP-0292) and
// as an avatar (XEP-0084, XEP-0153). It is made when it is asked for and stored nowhere. Whoever has a vCard of their own shows
// that and nothing of the directory, whole; whoever has a node for avatars, even an empty one, shows no photo of the directory.
// Who objects (GDPR Art. 21), or whose processing is restricted (Art. 18), shows nothing of it.

// Card is what a directory says of a person. Texts are checked where they are written.
type Card struct {
	Name, Given, Family, Mail, Phone, Organisation, Unit, Title string
	Photo                                                       []byte // as the directory has it

	photo *Photo // checked; nil: none that may be shown
}

// Source asks a directory.
type Source interface {
	// Card returns what the directory says of the owner of a bare JID; nil: nothing. It may take long.
	Card(ctx context.Context, bare string) (*Card, error)
	// Life is how long that may be shown before the directory is asked again; 0: nothing is shown of people with such an address.
	Life(bare string) time.Duration
}

// MaxPhotoSide is the most pixels that a directory's photo is high or wide.
const MaxPhotoSide = 2048

// check makes of a card what may be shown. A photo is shown if it is a JPEG or PNG that can be decoded to its end, is not larger
// than an avatar may be, and has no more than MaxPhotoSide pixels a side.
func (c *Card) check() *Card {
	if c == nil {
		return nil
	}
	checked := *c
	checked.Photo, checked.photo = nil, nil
	for _, text := range []*string{&checked.Name, &checked.Given, &checked.Family, &checked.Mail, &checked.Phone, &checked.Organisation,
		&checked.Unit, &checked.Title} {
		*text = cutText(*text)
	}
	if p := newPhoto(bytes.Clone(c.Photo)); p != nil && sound(p) {
		checked.photo = p
	}
	return &checked
}

// sound decodes a photo of bounded size.
func sound(p *Photo) bool {
	if kind := http.DetectContentType(p.Image); kind != "image/jpeg" && kind != "image/png" {
		return false
	}
	c, _, err := image.DecodeConfig(bytes.NewReader(p.Image))
	if err != nil || c.Width < 1 || c.Height < 1 || c.Width > MaxPhotoSide || c.Height > MaxPhotoSide {
		return false
	}
	_, _, err = image.Decode(bytes.NewReader(p.Image))
	return err == nil
}

// hash is the SHA-1 of the photo in hex; empty: none.
func (c *Card) hash() string {
	if c == nil || c.photo == nil {
		return ""
	}
	return c.photo.ID()
}

// tree is the card as vcard-temp; nil: it says nothing. XEP-0054 §3
func (c *Card) tree(photo bool) *element {
	if c == nil {
		return nil
	}
	e := &element{space: features.NSVCard, local: "vCard"}
	e.addIf("FN", c.Name)
	if c.Given != "" || c.Family != "" {
		n := e.add("N", "")
		n.addIf("FAMILY", c.Family)
		n.addIf("GIVEN", c.Given)
	}
	if c.Mail != "" {
		m := e.add("EMAIL", "")
		m.add("INTERNET", "")
		m.add("USERID", c.Mail)
	}
	if c.Phone != "" {
		t := e.add("TEL", "")
		t.add("WORK", "")
		t.add("NUMBER", c.Phone)
	}
	if c.Organisation != "" || c.Unit != "" {
		o := e.add("ORG", "")
		o.addIf("ORGNAME", c.Organisation)
		o.addIf("ORGUNIT", c.Unit)
	}
	e.addIf("TITLE", c.Title)
	if photo && c.photo != nil {
		e.kids = append(e.kids, c.photo.element())
	}
	if len(e.kids) == 0 {
		return nil
	}
	return e
}

// bytes is the card as a payload that is valid XML whatever the directory says.
func (c *Card) bytes(photo bool) []byte {
	e := c.tree(photo)
	if e == nil {
		return emptyVCard()
	}
	raw := e.append(nil, "")
	if _, err := frame.Parse(raw, frame.NSClient, frame.AfterLogin()); err != nil {
		return emptyVCard()
	}
	return raw
}

func emptyVCard() []byte { return []byte("<vCard xmlns='" + features.NSVCard + "'/>") } // XEP-0054 §3.1

// Natural keys of facts of family account, as package rights and xmpp/router write them.
const (
	entityObjection   = "objection:"
	entityRestriction = "restriction"
)

// unsaid tells whether an account shows the directory's card, and its photo.
func unsaid(o pubsub.Owner) (card, photo bool, err error) {
	own, err := vCardOf(o)
	if err != nil || own != nil {
		return false, false, err
	}
	for _, entity := range []string{entityObjection + schemas.ObjectionKind_DIRECTORY_PHOTO.String(), entityRestriction} {
		if m, err := o.Get(schemas.Family_ACCOUNT_FACTS, entity); err != nil || m != nil {
			return false, false, err
		}
	}
	d, err := pubsub.Begin(o, time.Time{})
	if err != nil {
		return false, false, err
	}
	item, err := d.Newest(vCard4Node)
	if err != nil || !emptyVCard4(item) {
		return false, false, err
	}
	return true, d.Node(avatarMetadata) == nil && d.Node(avatarData) == nil, nil
}

// emptyVCard4 tells whether an item says nothing: that is what a vCard becomes that was taken back.
func emptyVCard4(item *schemas.ItemPublished) bool {
	if item == nil {
		return true
	}
	e, err := parseTree(item.GetPayload())
	return err == nil && e.is(nsVCardXML, "vcard") && len(e.kids) == 0
}

// getVCard answers with the vCard of an account, or what the directory says. XEP-0054 §3.1, §3.3
func (p keeper) getVCard(req *features.Request) (features.Reply, error) {
	account := req.Visible()
	if account == nil {
		return features.Reply{}, features.ServiceUnavailable()
	}
	own, err := vCardOf(account)
	if err != nil {
		return features.Reply{}, err
	}
	if own != nil {
		return features.Reply{Payload: own.GetVcard()}, nil
	}
	bare := account.Bare()
	if card, fresh := p.cards.peek(bare); fresh {
		return p.showCard(bare, card)
	}
	return features.Reply{Later: func(ctx context.Context) (features.Reply, error) {
		return p.showCard(bare, p.cards.get(ctx, bare))
	}}, nil
}

// showCard looks again whether the card is to be shown: that may be another answer than before the directory was asked.
func (p keeper) showCard(bare string, card *Card) (reply features.Reply, err error) {
	err = p.core.Read(bare, func(o pubsub.Owner) error {
		shown, photo, err := unsaid(o)
		reply.Payload = emptyVCard()
		if own, e := vCardOf(o); e == nil && own != nil {
			reply.Payload = own.GetVcard()
		} else if shown && card != nil {
			reply.Payload = card.bytes(photo)
		}
		return err
	})
	return reply, err
}

// derive makes the items of a node from a card.
func (p keeper) derive(of func(c *Card, photo bool) (id string, payload []byte)) pubsub.Derived {
	return func(ctx context.Context, owner string) (items []*schemas.ItemPublished, err error) {
		card := p.cards.get(ctx, owner)
		if card == nil {
			return nil, nil
		}
		err = p.core.Read(owner, func(o pubsub.Owner) error {
			shown, photo, err := unsaid(o)
			if err != nil || !shown {
				return err
			}
			if id, payload := of(card, photo); payload != nil && len(payload) <= pubsub.MaxItemBytes {
				items = []*schemas.ItemPublished{{ItemId: id, Payload: payload}}
			}
			return nil
		})
		return items, err
	}
}

func (p keeper) registerDirectory(r *features.Registry) {
	r.Handle(features.Get, features.Self, features.NSVCard, "vCard", p.getVCard)
	r.Handle(features.Get, features.Contact, features.NSVCard, "vCard", p.getVCard)
	p.core.Derive(NSVCard4, p.derive(func(c *Card, _ bool) (string, []byte) {
		if e := c.tree(false); e != nil {
			return vCard4Item, toVCard4(e, nil).append(nil, "")
		}
		return "", nil
	}))
	p.core.Derive(NSAvatarMetadata, p.derive(func(c *Card, photo bool) (string, []byte) {
		if c.photo == nil || !photo {
			return "", nil
		}
		return c.photo.ID(), c.photo.metadata()
	}))
	p.core.Derive(NSAvatarData, p.derive(func(c *Card, photo bool) (string, []byte) {
		if c.photo == nil || !photo {
			return "", nil
		}
		return c.photo.ID(), c.photo.data()
	}))
}
