package server

import (
	"fmt"
	"sync/atomic"
)

// Pool hands out accounts that nobody has used: user1, user2 …
type Pool struct {
	next atomic.Int64
	size int64
	Form string // of the localpart; empty: user%d
}

// NewPool is a pool of size accounts.
func NewPool(size int) *Pool { return &Pool{size: int64(size), Form: "user%d"} }

// Account returns the next unused localpart. A pool that runs dry is a fault of the test that made it too small.
func (p *Pool) Account() string {
	n := p.next.Add(1)
	if n > p.size {
		panic(fmt.Sprintf("server: the pool has only %d accounts", p.size))
	}
	return fmt.Sprintf(p.Form, n)
}
