package state

import (
	"sync"

	"protokoll/schemas"
)

var typeNames = sync.OnceValue(func() map[string]string {
	names := map[string]string{}
	for _, t := range schemas.Types() {
		names[t.Name] = t.Name
	}
	return names
})
