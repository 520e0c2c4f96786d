package rights

import (
	"strings"

	"protokoll/schemas"
)

// kinds are the families in words.
var kinds = map[schemas.Family]string{
	schemas.Family_ACCOUNT_FACTS:       "account (address, credentials, orders)",
	schemas.Family_SESSION_FACTS:       "sessions and last sign-in",
	schemas.Family_PRESENCE_FACTS:      "last presence",
	schemas.Family_ROSTER_FACTS:        "contacts",
	schemas.Family_OFFLINE_FACTS:       "waiting messages",
	schemas.Family_PROFILE_FACTS:       "profile (vCard, photo)",
	schemas.Family_PRIVATE_FACTS:       "private storage of clients",
	schemas.Family_ARCHIVE_FACTS:       "archived messages",
	schemas.Family_ARCHIVE_PREFERENCES: "what is archived",
	schemas.Family_TOKEN_FACTS:         "devices and device passwords",
	schemas.Family_PEP_FACTS:           "published items and subscriptions",
	schemas.Family_NODE_FACTS:          "nodes that hold published items",
	schemas.Family_BLOCK_FACTS:         "blocked addresses",
	schemas.Family_UPLOAD_FACTS:        "uploaded files",
	schemas.Family_PUSH_FACTS:          "notifications to devices",
}

// Kind is a family in words.
func Kind(f schemas.Family) string {
	if text, ok := kinds[f]; ok {
		return text
	}
	return strings.ToLower(strings.TrimSuffix(f.String(), "_FACTS"))
}
