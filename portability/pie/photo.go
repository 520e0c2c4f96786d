package pie

import (
	"encoding/base64"
	"strings"
)

// Photos returns the decoded photos of a stored vCard; none of anything else.
func Photos(vCard []byte) (all [][]byte) {
	n, err := parse(vCard)
	if err != nil || !n.Is(nsVCard, "vCard") {
		return nil
	}
	for _, c := range n.Elements() {
		for _, binary := range c.Elements() {
			if c.Local == "PHOTO" && binary.Local == "BINVAL" {
				// White space between the digits does not count. XEP-0153 §4.6
				b, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(binary.Text()), ""))
				if err == nil && len(b) > 0 {
					all = append(all, b)
				}
			}
		}
	}
	return all
}
