package router

import (
	"protokoll/xmpp/features"
	"protokoll/xmpp/frame"
	"protokoll/xmpp/stream"
)

// photoChanged sends the presence of every available resource again, with the new photo's hash. XEP-0153 §4.2
func (r *Router) photoChanged(a *Account) {
	t := stream.NewTurn()
	defer t.End()
	a.mu.Lock()
	a.photoLoaded = false
	var again []Parcel
	for _, res := range a.resources {
		if !res.view.available {
			continue
		}
		raw := append(append([]byte(nil), res.view.presence.Head...), res.view.presence.Tail...)
		f, err := frame.Parse(raw, frame.NSClient, storedLimits)
		if err != nil {
			continue
		}
		for i := range f.Children {
			if c := &f.Children[i]; string(c.Space) == features.NSPhotoUpdate && !features.ShowsNoPhoto(c.Raw) {
				f.Drop(i)
			}
		}
		shown := res.shown
		again = append(again, a.show(res, &f))
		res.shown = shown
	}
	a.publish()
	tell, s := a.audience(), a.snap.Load()
	a.mu.Unlock()
	for _, p := range again {
		r.tell(a, s, tell, p, t)
	}
}
