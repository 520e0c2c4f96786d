package eventlog

import (
	"fmt"

	"google.golang.org/protobuf/proto"

	"protokoll/eventlog/seal"
	"protokoll/schemas"
)

// Open opens a fact's payload with its owner's key and decodes it as the newest message of its type.
func Open(o *seal.Owner, about seal.About, sealed []byte) (proto.Message, error) {
	payload, err := o.Open(nil, about, sealed)
	if err != nil {
		return nil, fmt.Errorf("open %q: %w", about.Type, err)
	}
	defer clear(payload) // what is decoded shares no memory with it; what is tiny would outlive its use
	return schemas.Decode(about.Type, about.Version, payload)
}
