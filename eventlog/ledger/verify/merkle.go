package verify

import (
	"crypto/sha256"

	"protokoll/eventlog/ledger/leaf"
)

// stack is the complete subtrees of a growing Merkle tree, largest first. RFC 9162 §2.1.1
type stack struct {
	nodes []node
	size  uint64 // leaves
	// made is called with every complete subtree that pushing made out of two.
	made func(level int, index uint64, h leaf.Hash)
}

type node struct {
	level int
	hash  leaf.Hash
}

// push appends a complete subtree of 2^level leaves. It reports false if that cannot stand here.
func (s *stack) push(level int, h leaf.Hash) bool {
	if level < 0 || level > 48 || s.size&(1<<level-1) != 0 {
		return false
	}
	s.size += 1 << level
	for n := len(s.nodes); n > 0 && s.nodes[n-1].level == level; n-- {
		h = parent(s.nodes[n-1].hash, h)
		s.nodes = s.nodes[:n-1]
		level++
		if s.made != nil {
			s.made(level, s.size>>level-1, h)
		}
	}
	s.nodes = append(s.nodes, node{level, h})
	return true
}

func parent(left, right leaf.Hash) leaf.Hash {
	var b [1 + 2*sha256.Size]byte
	b[0] = 1
	copy(b[1:], left[:])
	copy(b[1+sha256.Size:], right[:])
	return sha256.Sum256(b[:])
}

func (s *stack) root() leaf.Hash {
	if len(s.nodes) == 0 {
		return sha256.Sum256(nil)
	}
	h := s.nodes[len(s.nodes)-1].hash
	for i := len(s.nodes) - 2; i >= 0; i-- {
		h = parent(s.nodes[i].hash, h)
	}
	return h
}
