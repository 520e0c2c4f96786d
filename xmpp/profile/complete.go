package profile

import (
	"time"

	"protokoll/eventlog"
	"protokoll/schemas"
	"protokoll/xmpp/pubsub"
)

// Complete makes the forms that are missing after an import: other servers keep a photo or bookmarks in one form only. What is
// there in both is left as it is. It returns a receipt for each command that it appended. XEP-0398 §3, XEP-0411 §3
func Complete(owners pubsub.Owners, bare string, now time.Time) (receipts []*eventlog.Receipt, err error) {
	// Each step is a command of its own: it must see what the one before it stated.
	for _, step := range []func(d *pubsub.Draft) error{completeText, completePhoto, completeBookmarks} {
		rc, err := owners.Change(bare, schemas.Cause_IMPORT, func(o pubsub.Owner) ([]eventlog.Fact, error) {
			d, err := pubsub.Begin(o, now)
			if err != nil {
				return nil, err
			}
			if err := step(d); err != nil {
				return nil, err
			}
			return d.Facts, nil
		})
		if err != nil {
			return receipts, err
		}
		if rc != nil {
			receipts = append(receipts, rc)
		}
	}
	return receipts, nil
}

// completeText makes a vCard of a vCard4, where there is none.
func completeText(d *pubsub.Draft) error {
	before, err := vCardOf(d)
	if err != nil || before != nil || d.Node(vCard4Node) == nil {
		return err
	}
	return vCard4Published(d, pubsub.Change{Ref: vCard4Node})
}

// completePhoto makes an avatar of the vCard's photo, or the other way round.
func completePhoto(d *pubsub.Draft) error {
	before, err := vCardOf(d)
	if err != nil {
		return err
	}
	switch avatar := d.Node(avatarMetadata) != nil; {
	case avatar && before.GetPhotoSha1() == "":
		return avatarPublished(d, pubsub.Change{Ref: avatarMetadata})
	case !avatar && before.GetPhotoSha1() != "":
		card, err := treeOf(before)
		if err != nil {
			return nil // not what a client can show: nothing to make an avatar of
		}
		if photo := photoIn(card); photo != nil {
			return convertPhoto(d, photo)
		}
	}
	return nil
}

// completeBookmarks makes the items of the old form, or the other way round.
func completeBookmarks(d *pubsub.Draft) error {
	old, err := privateStorage(d)
	if err != nil {
		return err
	}
	switch items := d.Node(bookmarkNode) != nil; {
	case items && old == nil:
		return itemsChanged(d, pubsub.Change{Ref: bookmarkNode})
	case !items && old != nil:
		return oldChanged(d, parseStorage(nil), parseStorage(old.GetElement()))
	}
	return nil
}
