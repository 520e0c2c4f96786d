package script

import (
	"errors"
	"fmt"
	"strings"

	"protokoll/test/wire"
)

// elements parses the elements of a block; they are in jabber:client unless they say otherwise.
func elements(text string) ([]*wire.Node, error) {
	r := wire.NewReader(strings.NewReader("<block>"+text+"</block>"), map[string]string{
		"": wire.NSClient, "stream": wire.NSStream, "script": nsScript,
	})
	if _, err := r.Open(); err != nil {
		return nil, err
	}
	var out []*wire.Node
	for {
		n, err := r.Next()
		if errors.Is(err, wire.ErrStreamEnd) {
			return out, nil
		}
		if err != nil {
			return nil, fmt.Errorf("the block is no XML: %w", err)
		}
		out = append(out, n)
	}
}

// countStanzas counts the stanzas in bytes that a script sends; bytes that are no XML end a stream and count nothing.
func countStanzas(text string) uint32 {
	nodes, err := elements(text)
	if err != nil {
		return 0
	}
	var n uint32
	for _, e := range nodes {
		if isStanza(e) {
			n++
		}
	}
	return n
}
