package features

import "protokoll/xmpp/frame"

// vCard-Based Avatars, XEP-0153 version 1.1.1: the server knows the photo of the vCard and says so in the presence of every
// resource, also of those that do not know how.
const NSPhotoUpdate = "vcard-temp:x:update"

// PhotoUpdate prepares an available presence of the account's own resource for broadcast: where the vCard has a photo, what
// the client says about one is taken out and the bytes to be appended are returned. Without a photo the client's word
// stands, be it "none" or "not yet". XEP-0153 §4.1
func PhotoUpdate(f *frame.Frame, hash string) []byte {
	if hash == "" || f.Type != nil {
		return nil
	}
	for n := range f.Children {
		if c := &f.Children[n]; string(c.Space) == NSPhotoUpdate && string(c.Local) == "x" {
			f.Drop(n)
		}
	}
	return []byte("<x xmlns='" + NSPhotoUpdate + "'><photo>" + hash + "</photo></x>")
}
