package router

import (
	"protokoll/xmpp/features"
	"protokoll/xmpp/frame"
	"protokoll/xmpp/stream"
)

// blocksChanged tells contacts that a change of the block list hides the owner from, or shows again. XEP-0191 §3.3, §3.4
func (r *Router) blocksChanged(a *Account, change *features.BlockChange, t *stream.Turn) {
	r.work(func() {
		a.mu.Lock()
		a.subscribers = nil
		var hide, show []string
		for contact, item := range a.roster {
			before, after := change.Before.Match(contact), change.After.Match(contact)
			switch {
			case !item.SubscribedFrom() || before == after:
			case after:
				hide = append(hide, contact)
			default:
				show = append(show, contact)
			}
		}
		a.mu.Unlock()
		t := stream.NewTurn()
		defer t.End()
		for _, contact := range hide {
			r.showTo(a, contact, false, t)
		}
		for _, contact := range show {
			r.showTo(a, contact, true, t)
		}
	})
}

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
			if c := &f.Children[i]; string(c.Space) == features.NSPhotoUpdate {
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
