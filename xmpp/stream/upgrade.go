package stream

import (
	"context"
	"encoding/xml"
	"slices"
	"strconv"
	"strings"

	"protokoll/xmpp/frame"
	"protokoll/xmpp/sasl"
)

// SASL Upgrade Tasks, XEP-0480 version 0.2.0: a client that has proven the password of a local account computes the keys that the
// account lacks, because it came from a server that kept those of one hash only. The password itself is not sent.
const (
	upgradeSpace = "urn:xmpp:sasl:upgrade:0"
	saltedSpace  = "urn:xmpp:scram-upgrade:0"
	upgradeName  = "UPGR-SCRAM-"
)

// Upgrades adds keys to accounts. Its calls may block and come from many goroutines.
type Upgrades interface {
	// Hashes returns which families of keys a domain's accounts should have, the same for all; none: there are no upgrades.
	Hashes(domain string) []sasl.Hash
	// Lacks tells whether an account, whose own password was just proven, should get the keys of a family.
	Lacks(ctx context.Context, domain, localpart string, h sasl.Hash) (bool, error)
	// Add stores them and returns when that is on disk.
	Add(ctx context.Context, domain, localpart string, v sasl.Verifier) error
}

// task is an upgrade under way.
type task struct {
	hash sasl.Hash
	salt []byte // once the client has begun
}

// offerUpgrades announces the tasks of the domain. XEP-0480 §2.1
func (s *Stream) offerUpgrades(dst []byte) []byte {
	if s.server.cfg.Upgrades == nil {
		return dst
	}
	for _, h := range s.server.cfg.Upgrades.Hashes(s.domain) {
		dst = append(append(dst, "<upgrade xmlns='"+upgradeSpace+"'>"+upgradeName...), h.String()...)
		dst = append(dst, "</upgrade>"...)
	}
	return dst
}

// appendUpgrade adds the hash of a task that the client wants, each once; tasks of other names are for other servers.
func appendUpgrade(all []sasl.Hash, name string) []sasl.Hash {
	name, ours := strings.CutPrefix(strings.TrimSpace(name), upgradeName)
	for _, h := range sasl.Hashes() {
		if ours && h.String() == name && !slices.Contains(all, h) {
			return append(all, h)
		}
	}
	return all
}

// nextTask sends the client the next task that it asked for and that the account needs. A token or a password for one device is no
// ground for keys that any device could use. XEP-0480 §2.2, XEP-0388 §2.6.3
func (s *Stream) nextTask(ctx context.Context, t *Turn) (sent bool, err error) {
	in, x, up := s.neg.second, s.neg.sasl, s.server.cfg.Upgrades
	in.task = nil
	if up == nil || x.Key() != "" || sasl.IsToken(x.Mechanism()) {
		return false, nil
	}
	for len(in.upgrades) > 0 {
		h := in.upgrades[0]
		in.upgrades = in.upgrades[1:]
		if !slices.Contains(up.Hashes(s.domain), h) {
			continue
		}
		lacks, err := up.Lacks(ctx, s.domain, x.Localpart(), h)
		if err != nil {
			return false, sasl.Temporary(err)
		}
		if !lacks {
			continue
		}
		in.task = &task{hash: h}
		b := in.appendData([]byte("<continue xmlns='" + sasl2Space + "'>"))
		b = append(b, "<tasks><task>"+upgradeName+h.String()+"</task></tasks></continue>"...)
		return true, ignoreEnd(t.Send(s, b))
	}
	return false, nil
}

// takeTask handles <next/> and <task-data/>. XEP-0480 §3
func (s *Stream) takeTask(kind string, f *frame.Frame, t *Turn) error {
	k := s.neg.second.task
	switch {
	case kind == "next" && k.salt == nil && string(f.Attr("task")) == upgradeName+k.hash.String():
		k.salt = sasl.NewSalt()
		b := append([]byte("<task-data xmlns='"+sasl2Space+"'><salt xmlns='"+saltedSpace+"' iterations='"), strconv.FormatUint(uint64(s.iterations()), 10)...)
		b = append(sasl.AppendEncoded(append(b, "'>"...), k.salt), "</salt></task-data>"...)
		return ignoreEnd(t.Send(s, b))
	case kind == "task-data" && k.salt != nil:
		return s.upgrade(f, t)
	}
	return &sasl.Failure{Condition: sasl.MalformedRequest}
}

// upgrade stores the keys that belong to the salted password of a client.
func (s *Stream) upgrade(f *frame.Frame, t *Turn) error {
	ctx, cancel := context.WithTimeout(s.server.signIns, s.server.cfg.Limits.Login)
	defer cancel()
	k, x := s.neg.second.task, s.neg.sasl
	var p struct {
		XMLName xml.Name
		Hash    string `xml:"urn:xmpp:scram-upgrade:0 hash"`
	}
	if err := f.Decoder().Decode(&p); err != nil {
		return &sasl.Failure{Condition: sasl.MalformedRequest}
	}
	salted, err := decode2([]byte(p.Hash))
	if err != nil {
		return err
	}
	v, err := sasl.FromSalted(k.hash, salted, k.salt, s.iterations())
	if err != nil {
		return &sasl.Failure{Condition: sasl.MalformedRequest}
	}
	s.conn.StepAside() // it waits for the disk
	if err := s.server.cfg.Upgrades.Add(ctx, s.domain, x.Localpart(), v); err != nil {
		return sasl.Temporary(err)
	}
	if next, err := s.nextTask(ctx, t); next || err != nil {
		return err
	}
	return s.welcome(ctx, t)
}

// iterations is how often new keys are hashed.
func (s *Stream) iterations() uint32 {
	if n := s.server.cfg.Iterations; n != 0 {
		return n
	}
	return sasl.DefaultIterations
}
