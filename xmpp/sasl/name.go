package sasl

import (
	"strings"
	"unicode/utf8"

	"mellium.im/xmpp/jid"
)

// account takes both names of a message apart: authcid is `user` or `user@domain`, authzid is empty or the same person's
// bare JID (RFC 6120 §6.3.8). It returns the prepared localpart.
func account(domain, authzid, authcid string) (string, error) {
	localpart, err := prepareName(domain, authcid)
	if err != nil {
		return "", err
	}
	if authzid == "" {
		return localpart, nil
	}
	other, err := prepareName(domain, authzid)
	if err != nil || other != localpart || !strings.Contains(authzid, "@") {
		return "", fail(InvalidAuthzid)
	}
	return localpart, nil
}

// prepareName returns the localpart that a name means on our domain, or not-authorized: a name that cannot exist is
// answered like one that does not.
func prepareName(domain, name string) (string, error) {
	if name == "" {
		return "", fail(MalformedRequest)
	}
	if !utf8.ValidString(name) {
		return "", fail(IncorrectEncoding)
	}
	localpart, nameDomain := name, domain
	if i := strings.LastIndexByte(name, '@'); i >= 0 {
		localpart, nameDomain = name[:i], name[i+1:]
	}
	if localpart == "" || strings.ContainsAny(localpart, `"&'/:<>@`) { // RFC 7622 §3.3.1
		return "", fail(NotAuthorized)
	}
	own, err := jid.New(localpart, nameDomain, "")
	if err != nil || own.Domainpart() != domain || own.Localpart() == "" {
		return "", fail(NotAuthorized)
	}
	return own.Localpart(), nil
}
