package node

import (
	"errors"
	"log/slog"
	"net/url"
	"strings"
	"sync/atomic"

	"mellium.im/xmpp/jid"

	"protokoll/accounts"
	"protokoll/xmpp/features"
	"protokoll/xmpp/frame"
	"protokoll/xmpp/router"
)

// reports hands what people report to whom the operator named for abuse: the accounts of this server among the contact
// addresses. Nothing is kept here but how many there were. docs/decisions/0013
type reports struct {
	to      []string // bare JIDs
	from    string   // the domain in whose name it is written
	router  *router.Router
	logger  *slog.Logger
	counted atomic.Uint64
}

// newReports returns nil if there is nobody to tell: then reports are not asked for.
func newReports(contacts features.Contacts, domains []string, logger *slog.Logger) *reports {
	r := &reports{logger: logger}
	for _, uri := range contacts.Abuse {
		if address := accountOf(uri, domains); address != "" {
			r.to = append(r.to, address)
		}
	}
	if len(r.to) == 0 || len(domains) == 0 {
		return nil
	}
	r.from = domains[0]
	return r
}

// accountOf returns the account of ours that an xmpp: URI names, empty for everything else. RFC 5122 §2
func accountOf(uri string, domains []string) string {
	u, err := url.Parse(uri)
	if err != nil || u.Scheme != "xmpp" || u.Opaque == "" {
		return ""
	}
	path, err := url.PathUnescape(u.Opaque)
	if err != nil {
		return ""
	}
	address, err := jid.Parse(path)
	if err != nil || address.Localpart() == "" {
		return ""
	}
	for _, d := range domains {
		if strings.EqualFold(d, address.Domainpart()) {
			return address.Bare().String()
		}
	}
	return ""
}

// take passes a report on.
func (r *reports) take(report features.Report) {
	r.logger.Info("somebody reported an address", slog.Uint64("reports", r.counted.Add(1)), slog.Bool("spam", report.Spam))
	inner := append([]byte("<subject>Meldung / report</subject><body>"), frame.AppendEscaped(nil, report.Body())...)
	inner = append(inner, "</body>"...)
	for _, to := range r.to {
		if err := r.router.Say(r.from, to, inner); err != nil && !errors.Is(err, accounts.ErrNoAccount) {
			r.logger.Error("a report was not passed on", slog.Any("error", err))
		}
	}
}

// sink is what takes reports; nil if nobody reads them.
func (r *reports) sink() func(features.Report) {
	if r == nil {
		return nil
	}
	return r.take
}
