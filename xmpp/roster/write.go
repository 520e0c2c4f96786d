package roster

import (
	"protokoll/schemas"
	"protokoll/xmpp/frame"
)

// AppendQuery appends a <query/> with the items that are listed. ver is left out if empty.
func AppendQuery(dst []byte, ver string, items ...Item) []byte {
	dst = appendStart(dst, ver)
	for _, i := range items {
		if i.Listed {
			dst = AppendItem(dst, i)
		}
	}
	return append(dst, "</query>"...)
}

// AppendPush appends the <query/> of a roster push about one item: what it is now, or that it was removed.
// RFC 6121 §2.1.6
func AppendPush(dst []byte, ver string, i Item) []byte {
	dst = appendStart(dst, ver)
	if i.Listed {
		dst = AppendItem(dst, i)
	} else {
		dst = appendAttr(append(dst, "<item"...), "jid", i.Contact)
		dst = append(dst, " subscription='remove'/>"...)
	}
	return append(dst, "</query>"...)
}

func appendStart(dst []byte, ver string) []byte {
	dst = append(dst, "<query xmlns='"+NS+"'"...)
	if ver != "" {
		dst = appendAttr(dst, "ver", ver)
	}
	return append(dst, '>')
}

// AppendItem appends an <item/> as the owner's clients see it. RFC 6121 §2.1.2
func AppendItem(dst []byte, i Item) []byte {
	dst = appendAttr(append(dst, "<item"...), "jid", i.Contact)
	if i.Name != "" {
		dst = appendAttr(dst, "name", i.Name)
	}
	dst = appendAttr(dst, "subscription", subscriptionName(i.Subscription))
	if i.Ask {
		dst = append(dst, " ask='subscribe'"...)
	}
	if i.Approved {
		dst = append(dst, " approved='true'"...)
	}
	if len(i.Groups) == 0 {
		return append(dst, "/>"...)
	}
	dst = append(dst, '>')
	for _, g := range i.Groups {
		dst = append(frame.AppendEscaped(append(dst, "<group>"...), g), "</group>"...)
	}
	return append(dst, "</item>"...)
}

func subscriptionName(s schemas.Subscription) string {
	switch s {
	case schemas.Subscription_TO:
		return "to"
	case schemas.Subscription_FROM:
		return "from"
	case schemas.Subscription_BOTH:
		return "both"
	}
	return "none"
}

func appendAttr(dst []byte, name, value string) []byte {
	dst = append(append(append(dst, ' '), name...), '=', '\'')
	return append(frame.AppendEscaped(dst, value), '\'')
}
