package pubsub

import (
	"slices"
	"strconv"

	"protokoll/xmpp/features"
	"protokoll/xmpp/frame"
)

// Result Set Management, XEP-0059 version 1.0.1: pages of items, and of lists of nodes. Counted are all that there are.

// pageXML is the page that is asked for. XEP-0059 §2
type pageXML struct {
	Max    *string `xml:"max"`
	After  *string `xml:"after"`
	Before *string `xml:"before"`
	Index  *string `xml:"index"`
}

// page is what was found: a stretch of a list.
type page struct {
	from, to int // of the list
	total    int
}

// maxPage is the largest page.
const maxPage = MaxItems

// cut finds the page of a list of ids. A nil page is everything. XEP-0059 §2.1–§2.6
func (p *pageXML) cut(ids []string) (page, error) {
	all := page{0, len(ids), len(ids)}
	if p == nil {
		return all, nil
	}
	size := maxPage
	if p.Max != nil {
		n, err := strconv.ParseUint(*p.Max, 10, 31)
		if err != nil {
			return all, features.BadRequest("")
		}
		size = min(int(n), maxPage)
	}
	switch {
	case p.Before != nil && *p.Before == "": // the last page. XEP-0059 §2.5
		all.from = max(0, len(ids)-size)
	case p.Before != nil:
		at := slices.Index(ids, *p.Before)
		if at < 0 {
			return all, features.ItemNotFound() // XEP-0059 §2.2
		}
		all.from, all.to = max(0, at-size), at
	case p.After != nil && *p.After != "":
		at := slices.Index(ids, *p.After)
		if at < 0 {
			return all, features.ItemNotFound()
		}
		all.from = at + 1
	case p.Index != nil: // XEP-0059 §2.6
		n, err := strconv.ParseUint(*p.Index, 10, 31)
		if err != nil {
			return all, features.BadRequest("")
		}
		if int(n) > len(ids) {
			return all, features.ItemNotFound()
		}
		all.from = int(n)
	}
	all.to = min(all.to, all.from+size)
	return all, nil
}

// append appends what a page says of itself.
func (p page) append(dst []byte, ids []string) []byte {
	dst = append(dst, "<set xmlns='"+NSRSM+"'>"...)
	if p.to > p.from {
		dst = append(strconv.AppendInt(append(dst, "<first index='"...), int64(p.from), 10), "'>"...)
		dst = append(frame.AppendEscaped(dst, ids[p.from]), "</first><last>"...)
		dst = append(frame.AppendEscaped(dst, ids[p.to-1]), "</last>"...)
	}
	dst = strconv.AppendInt(append(dst, "<count>"...), int64(p.total), 10)
	return append(dst, "</count></set>"...)
}
