package profile

import (
	"bytes"
	"encoding/xml"
	"slices"
	"strings"

	"mellium.im/xmpp/jid"

	"protokoll/eventlog"
	"protokoll/schemas"
	"protokoll/xmpp/features"
	"protokoll/xmpp/pubsub"
)

// Bookmarks: XEP-0402 version 1.2.0 with its compatibility, XEP-0048 version 1.2 and XEP-0411 version 1.1.0. One bookmark is an
// item of the newest form; the older forms hold all of them in one element. Whichever changes, the others follow. What the older
// forms have no place for (extensions) stays in the items.
const (
	NSBookmarks         = "urn:xmpp:bookmarks:1"
	nsBookmarksCompat   = NSBookmarks + "#compat"           // XEP-0402 §6
	nsBookmarksPEP      = NSBookmarks + "#compat-pep"       // XEP-0402 §6
	nsBookmarksConverts = "urn:xmpp:bookmarks-conversion:0" // XEP-0411 §2
	NSStorage           = "storage:bookmarks"
	// MaxBookmarks is the number of bookmarks of one account.
	MaxBookmarks = pubsub.MaxItems
	storageItem  = "current"
	storageKey   = NSStorage + " storage"
)

var (
	bookmarkNode = pubsub.Ref{Name: NSBookmarks}
	storageNode  = pubsub.Ref{Name: NSStorage}
)

// storage is the old form as far as it can be read.
type storage struct {
	*element
}

// parseStorage reads the old form; nothing stored: an empty one.
func parseStorage(raw []byte) storage {
	if e, err := parseTree(raw); err == nil && e.is(NSStorage, "storage") {
		return storage{e}
	}
	return storage{&element{space: NSStorage, local: "storage"}}
}

// rooms are the bookmarks of rooms, by canonical address. Of two the last counts.
func (s storage) rooms() map[string]*element {
	all := map[string]*element{}
	for _, k := range s.kids {
		if k.is(NSStorage, "conference") {
			if room := canonical(k.attr("jid")); room != "" {
				all[room] = k
			}
		}
	}
	return all
}

func canonical(address string) string {
	j, err := jid.Parse(address)
	if err != nil {
		return ""
	}
	return j.Bare().String()
}

// conference is the old form of an item. XEP-0048 §3.1
func conference(room string, item *element) *element {
	e := &element{space: NSStorage, local: "conference"}
	e.set("jid", room)
	if name := item.attr("name"); name != "" {
		e.set("name", name)
	}
	if truth(item.attr("autojoin")) {
		e.set("autojoin", "true")
	}
	e.addIf("nick", item.content("nick"))
	e.addIf("password", item.content("password"))
	return e
}

func (e *element) set(name, value string) {
	e.attrs = append(e.attrs, xml.Attr{Name: xml.Name{Local: name}, Value: value})
}

func truth(v string) bool { return v == "true" || v == "1" }

// bookmark is the new form of an old one. What the item had besides stays. XEP-0402 §3
func bookmark(old, before *element) *element {
	e := &element{space: NSBookmarks, local: "conference"}
	if name := old.attr("name"); name != "" {
		e.set("name", name)
	}
	if truth(old.attr("autojoin")) {
		e.set("autojoin", "true")
	}
	e.addIf("nick", old.content("nick"))
	e.addIf("password", old.content("password"))
	if before != nil {
		for _, k := range before.kids {
			if !k.is(NSBookmarks, "nick") && !k.is(NSBookmarks, "password") {
				e.kids = append(e.kids, k)
			}
		}
	}
	return e
}

// sameBookmark tells whether two old forms say the same.
func sameBookmark(a, b *element) bool {
	return a != nil && b != nil && bytes.Equal(conference("x@x", a).append(nil, ""), conference("x@x", b).append(nil, ""))
}

// private tells whether a node is for the owner alone, or can be made so. XEP-0411 §5
func private(d *pubsub.Draft, r pubsub.Ref) bool {
	n := d.Node(r)
	return n == nil || n.Config.GetAccess() == schemas.NodeAccess_ACCESS_WHITELIST && len(n.Config.GetAffiliations()) == 0
}

// privately configures the nodes that a conversion makes. XEP-0402 §4, XEP-0223 §3
func privately(items uint32) *schemas.NodeConfigured {
	c := pubsub.Defaults("")
	c.Access, c.MaxItems, c.NotifyRetract = schemas.NodeAccess_ACCESS_WHITELIST, items, true
	c.LastItem = schemas.NodeLastItem_LAST_ITEM_NEVER
	return c
}

// oldChanged lets the items follow what an old form says now, and said before.
func oldChanged(d *pubsub.Draft, before, after storage) error {
	if !private(d, bookmarkNode) {
		return nil
	}
	was, is := before.rooms(), after.rooms()
	if len(is) > MaxBookmarks {
		return features.LimitReached()
	}
	for _, room := range sortedKeys(was) {
		if is[room] == nil {
			d.Retract(bookmarkNode, room, true)
		}
	}
	for _, room := range sortedKeys(is) {
		if err := putBookmark(d, room, was[room], is[room]); err != nil {
			return err
		}
	}
	return nil
}

func putBookmark(d *pubsub.Draft, room string, was, is *element) error {
	item, err := d.Item(bookmarkNode, room)
	if err != nil {
		return err
	}
	if item != nil && sameBookmark(was, is) {
		return nil
	}
	var before *element
	if item != nil {
		if before, err = parseTree(item.GetPayload()); err != nil {
			before = nil
		}
	}
	payload := bookmark(is, before).append(nil, "")
	if bytes.Equal(payload, item.GetPayload()) {
		return nil
	}
	_, err = d.Publish(pubsub.Publication{Ref: bookmarkNode, ID: room, Payload: payload, Create: privately(0)})
	return err
}

func sortedKeys(m map[string]*element) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// collate makes the old form of all items. What it has besides rooms stays.
func collate(d *pubsub.Draft, before storage) (storage, error) {
	after := storage{&element{space: NSStorage, local: "storage", attrs: before.attrs}}
	for _, k := range before.kids {
		if !k.is(NSStorage, "conference") {
			after.kids = append(after.kids, k)
		}
	}
	items, err := d.Items(bookmarkNode)
	if err != nil {
		return after, err
	}
	old, size := before.rooms(), 0
	for _, item := range items {
		e, err := parseTree(item.GetPayload())
		if err != nil || !e.is(NSBookmarks, "conference") || canonical(item.GetItemId()) == "" {
			continue
		}
		c := conference(item.GetItemId(), e)
		if b := old[canonical(item.GetItemId())]; sameBookmark(b, c) {
			c = b
		}
		if size += len(c.append(nil, NSStorage)); size > features.MaxPrivateBytes/2 {
			break // old clients see the oldest ones; what they do not see they do not take away
		}
		after.kids = append(after.kids, c)
	}
	return after, nil
}

// itemsChanged lets both old forms follow the items.
func itemsChanged(d *pubsub.Draft, _ pubsub.Change) error {
	before, err := privateStorage(d)
	if err != nil {
		return err
	}
	after, err := collate(d, parseStorage(before.GetElement()))
	if err != nil {
		return err
	}
	raw := after.append(nil, "")
	if err := statePrivate(d, before, raw); err != nil {
		return err
	}
	return publishStorage(d, raw)
}

// storageChanged lets the other two follow the one element of PEP.
func storageChanged(d *pubsub.Draft, _ pubsub.Change) error {
	if !private(d, storageNode) {
		return nil
	}
	item, err := d.Newest(storageNode)
	if err != nil {
		return err
	}
	before, err := privateStorage(d)
	if err != nil {
		return err
	}
	after := parseStorage(item.GetPayload())
	if err := oldChanged(d, parseStorage(before.GetElement()), after); err != nil {
		return err
	}
	return statePrivate(d, before, after.append(nil, ""))
}

func privateStorage(f features.Facts) (*schemas.PrivateElement, error) {
	m, err := f.Get(schemas.Family_PRIVATE_FACTS, storageKey)
	if err != nil {
		return nil, err
	}
	e, _ := m.(*schemas.PrivateElement)
	return e, nil
}

// statePrivate states the private element of bookmarks.
func statePrivate(d *pubsub.Draft, before *schemas.PrivateElement, raw []byte) error {
	empty := len(parseStorage(raw).kids) == 0
	switch {
	case len(raw) > features.MaxPrivateBytes:
		return features.TooBig()
	case empty && before == nil, bytes.Equal(before.GetElement(), raw):
	case empty:
		d.Facts = append(d.Facts, eventlog.End(schemas.Family_PRIVATE_FACTS, storageKey))
	default:
		d.Facts = append(d.Facts, eventlog.Set(storageKey, &schemas.PrivateElement{Space: NSStorage, Local: "storage", Element: raw}))
	}
	return nil
}

// publishStorage brings the old form into its node. XEP-0411 §3
func publishStorage(d *pubsub.Draft, raw []byte) error {
	if !private(d, storageNode) {
		return nil
	}
	item, err := d.Newest(storageNode)
	if err != nil || bytes.Equal(item.GetPayload(), raw) || item == nil && len(parseStorage(raw).kids) == 0 {
		return err
	}
	id := storageItem
	if item != nil {
		id = item.GetItemId()
	}
	_, err = d.Publish(pubsub.Publication{Ref: storageNode, ID: id, Payload: raw, Create: privately(1)})
	return err
}

// isStorage tells whether an element of private XML is the one with bookmarks.
func isStorage(e *schemas.PrivateElement) bool {
	return e.GetSpace() == NSStorage && e.GetLocal() == "storage" && len(strings.TrimSpace(string(e.GetElement()))) > 0
}
