package profile

import (
	"bytes"
	"slices"

	"protokoll/eventlog"
	"protokoll/schemas"
	"protokoll/xmpp/features"
	"protokoll/xmpp/pubsub"
)

// Register lets the forms follow each other. The core must be registered already. changed is told whose vCard is another one,
// before the client knows; it may be nil, and does not block. cards are what a directory says; nil: there is none.
func Register(r *features.Registry, core *pubsub.Core, changed func(bare string), cards *Cards) {
	if changed == nil {
		changed = func(string) {}
	}
	p := keeper{core, changed, cards}
	core.Convert(NSAvatarMetadata, avatarPublished)
	core.Convert(NSVCard4, func(d *pubsub.Draft, c pubsub.Change) error {
		changed(d.Bare())
		return vCard4Published(d, c)
	})
	core.Convert(NSBookmarks, itemsChanged)
	core.Convert(NSStorage, storageChanged)
	r.Handle(features.Set, features.Self, features.NSVCard, "vCard", p.setVCard)
	r.Handle(features.Set, features.Self, features.NSPrivate, "query", p.setPrivate)
	r.Feature(features.Self, NSAvatarConversion, nsBookmarksCompat, nsBookmarksPEP, nsBookmarksConverts, nsVCardXML, NSVCard4)
	r.Feature(features.Server, nsVCardXML)
	if cards != nil {
		p.registerDirectory(r)
	}
}

// keeper answers what changes more than one form.
type keeper struct {
	core    *pubsub.Core
	changed func(bare string)
	cards   *Cards
}

// change decides about facts and nodes of the asker's account in one command.
func (p keeper) change(req *features.Request, decide func(d *pubsub.Draft) error) (features.Reply, error) {
	var reply features.Reply
	after, err := req.Account.Change(schemas.Cause_CLIENT, func(f features.Facts) ([]eventlog.Fact, error) {
		o, err := pubsub.OwnerOf(f)
		if err != nil {
			return nil, err
		}
		d, err := p.core.Begin(o)
		if err != nil {
			return nil, err
		}
		if err := decide(d); err != nil {
			return nil, err
		}
		reply.Notices, reply.Photo = d.Notices, d.Photo
		return d.Facts, nil
	})
	reply.After = after
	return reply, err
}

// setVCard keeps a vCard, and makes its photo the avatar and its text the vCard4. XEP-0054 §3.2, XEP-0398 §3.2
func (p keeper) setVCard(req *features.Request) (features.Reply, error) {
	after, err := features.ParseVCard(req.Payload.Raw)
	if err != nil {
		return features.Reply{}, err
	}
	card, err := treeOf(after)
	if err != nil {
		return features.Reply{}, features.BadRequest("")
	}
	defer p.changed(req.Account.Bare())
	return p.change(req, func(d *pubsub.Draft) error {
		before, err := vCardOf(d)
		if err != nil || bytes.Equal(before.GetVcard(), after.GetVcard()) {
			return err
		}
		stateVCard(d, before, after)
		if before.GetPhotoSha1() != after.GetPhotoSha1() {
			if err := convertPhoto(d, photoIn(card)); err != nil {
				return err
			}
		}
		return publishVCard4(d, card)
	})
}

// convertPhoto makes a photo the avatar, unless the nodes are for fewer people than the vCard.
func convertPhoto(d *pubsub.Draft, photo *Photo) error {
	for _, r := range []pubsub.Ref{avatarData, avatarMetadata} {
		if n := d.Node(r); n != nil && !shared(n) {
			return nil
		}
	}
	return publishAvatar(d, photo)
}

// setPrivate keeps private elements, and brings bookmarks into their nodes. XEP-0049 §2.2, XEP-0411 §3
func (p keeper) setPrivate(req *features.Request) (features.Reply, error) {
	wanted, err := features.ParsePrivate(req.Payload.Raw)
	if err != nil {
		return features.Reply{}, err
	}
	at := slices.IndexFunc(wanted, isStorage)
	return p.change(req, func(d *pubsub.Draft) error {
		facts, err := features.PrivateFacts(d, wanted)
		if err != nil || at < 0 {
			d.Facts = append(d.Facts, facts...)
			return err
		}
		before, err := privateStorage(d)
		if err != nil {
			return err
		}
		d.Facts = append(d.Facts, facts...)
		after := parseStorage(wanted[at].GetElement())
		if err := oldChanged(d, parseStorage(before.GetElement()), after); err != nil {
			return err
		}
		return publishStorage(d, after.append(nil, ""))
	})
}
