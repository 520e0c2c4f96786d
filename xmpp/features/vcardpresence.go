package features

import (
	"encoding/xml"
	"strings"

	"protokoll/xmpp/frame"
)

// vCard-Based Avatars, XEP-0153 version 1.1.1: the server knows the photo of the vCard and says so in the presence of every
// resource, also of those that do not know how.
const NSPhotoUpdate = "vcard-temp:x:update"

// PhotoUpdate prepares an available presence of the account's own resource: where the vCard has a photo, what the client says
// about one is taken out and the bytes to be appended are returned. A client that says that it shows none is believed, and
// without a photo the client's word stands, be it "none" or "not yet". XEP-0153 §4.1, XEP-0398 §4
func PhotoUpdate(f *frame.Frame, hash string) []byte {
	if hash == "" || f.Type != nil {
		return nil
	}
	for n := range f.Children {
		c := &f.Children[n]
		if string(c.Space) != NSPhotoUpdate || string(c.Local) != "x" || c.Dropped {
			continue
		}
		if ShowsNoPhoto(c.Raw) {
			return nil
		}
		f.Drop(n)
	}
	return []byte("<x xmlns='" + NSPhotoUpdate + "'><photo>" + hash + "</photo></x>")
}

// ShowsNoPhoto tells whether a client says that it has no photo to show, unlike one that does not know yet. XEP-0153 §3.1
func ShowsNoPhoto(update []byte) bool {
	var x struct {
		Photo *string `xml:"vcard-temp:x:update photo"`
	}
	return xml.Unmarshal(update, &x) == nil && x.Photo != nil && strings.TrimSpace(*x.Photo) == ""
}
