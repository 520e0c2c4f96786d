package engine

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"time"

	"protokoll/eventlog"
	"protokoll/eventlog/seal"
	"protokoll/projections/state"
	"protokoll/retention"
	"protokoll/schemas"
)

// leftOverGrace is how old facts of an owner without an account must be to count as left over: keys and first facts of an
// account that is being opened come before its address.
const leftOverGrace = 10 * time.Minute

// restrictedType is the fact that says that an account is restricted. GDPR Art. 18.
const restrictedType = "account.restricted"

// openedType is the fact that makes an owner have an account.
const openedType = "account.opened"

// people says what is known of owners.
type people struct {
	server     schemas.OwnerID
	known      map[schemas.OwnerID]bool // have an account or a room
	restricted map[schemas.OwnerID]bool
	keys       Keys
	forgotten  map[schemas.OwnerID]bool // what was asked of keys
}

func (e *Engine) people() (*people, error) {
	p := &people{
		server: e.cfg.Keys.Server().ID(), keys: e.cfg.Keys,
		known: map[schemas.OwnerID]bool{}, restricted: map[schemas.OwnerID]bool{}, forgotten: map[schemas.OwnerID]bool{},
	}
	p.known[p.server] = true
	err := e.cfg.State.Each(schemas.Family_ACCOUNT_FACTS, func(f state.Fact) error {
		switch f.Type {
		case openedType:
			_, err := p.keys.Owner(f.Owner)
			p.known[f.Owner] = err == nil // an address without a key is the rest of an erased account
		case restrictedType:
			p.restricted[f.Owner] = true
		}
		return nil
	})
	if err == nil {
		err = e.cfg.State.Each(schemas.Family_ROOM_FACTS, func(f state.Fact) error { p.known[f.Owner] = true; return nil })
	}
	if err != nil {
		return nil, fmt.Errorf("list the accounts: %w", err)
	}
	return p, nil
}

// gone tells whether an owner's account was erased: the key is forgotten.
func (p *people) gone(id schemas.OwnerID) bool {
	if p.known[id] {
		return false
	}
	gone, asked := p.forgotten[id]
	if !asked {
		_, err := p.keys.Owner(id)
		gone = errors.Is(err, seal.ErrForgotten)
		p.forgotten[id] = gone
	}
	return gone
}

// index is what is live in a lane.
type index struct {
	at       []uint64            // numbers, ascending
	entities map[uint64]struct{} // their first bytes, which are keyed hashes: as good as random
	retired  map[uint64]int      // live numbers that a rule ends
	newest   int64               // time of the newest live event, in milliseconds since 1970
}

func short(entity []byte) uint64 {
	if len(entity) < 8 {
		return 0
	}
	return binary.LittleEndian.Uint64(entity)
}

func (x *index) live(number uint64) bool {
	_, ok := slices.BinarySearch(x.at, number)
	return ok
}

// within counts the live and the retired numbers of a segment.
func (x *index) within(first, last uint64) (live, retired uint64) {
	from, _ := slices.BinarySearch(x.at, first)
	to, _ := slices.BinarySearch(x.at, last+1)
	for n := range x.retired {
		if n >= first && n <= last {
			retired++
		}
	}
	return uint64(to - from), retired
}

// index reads the current facts of a lane. Whatever changes meanwhile, the log notes for the sweep.
func (e *Engine) index(l eventlog.Lane, p *people, now time.Time, ages bool) (*index, error) {
	x := &index{entities: map[uint64]struct{}{}, retired: map[uint64]int{}}
	if !stateful[l] {
		return x, nil
	}
	for f := range schemas.Family_name {
		if eventlog.LaneOf(schemas.Family(f)) != l {
			continue
		}
		err := e.cfg.State.Each(schemas.Family(f), func(f state.Fact) error {
			x.at = append(x.at, f.Position.Number)
			x.entities[short(f.Entity[:])] = struct{}{}
			x.newest = max(x.newest, f.Time)
			if rule := e.ending(p, f.About, now, ages); rule >= 0 {
				x.retired[f.Position.Number] = rule
			}
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("read the current facts of lane %s: %w", l, err)
		}
	}
	slices.Sort(x.at)
	return x, nil
}

// ending returns the rule that ends a live fact, or -1. No rule ends what a restricted person has.
func (e *Engine) ending(p *people, a seal.About, now time.Time, ages bool) int {
	if p.restricted[a.Owner] {
		return -1
	}
	if p.gone(a.Owner) {
		return e.rules.find(retention.AccountErased, a.Family, a.Type)
	}
	if !ages {
		return -1
	}
	if !p.known[a.Owner] && time.UnixMilli(a.Time).Add(leftOverGrace).Before(now) {
		return e.rules.find(retention.LeftOver, a.Family, a.Type)
	}
	return e.rules.aged(a.Family, a.Type, a.Time, now)
}
