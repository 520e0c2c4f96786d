package verify

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"google.golang.org/protobuf/proto"

	"protokoll/eventlog"
	"protokoll/eventlog/jetstream/blocks"
	"protokoll/eventlog/seal"
	"protokoll/schemas"
)

// chain is what a lane's manifest says, as far as it matters here.
type chain struct {
	raw      []byte
	Lane     string `json:"lane"`
	Segments []link `json:"segments"`
	Voids    []struct {
		First uint64 `json:"first"`
		Last  uint64 `json:"last"`
		Told  bool   `json:"told"`
	} `json:"voids"`
}

type link struct {
	ID    string `json:"id"`
	State string `json:"state"`
	First uint64 `json:"first"`
	Last  uint64 `json:"last"` // of a closed one
}

func (s link) id() (id seal.SegmentID, err error) {
	raw, err := hex.DecodeString(s.ID)
	if err != nil || len(raw) != len(id) {
		return id, fmt.Errorf("segment %q: impossible id", s.ID)
	}
	return seal.SegmentID(raw), nil
}

func readChain(log string, l eventlog.Lane) (c chain, err error) {
	path := filepath.Join(log, "manifests", l.String()+".json")
	if c.raw, err = os.ReadFile(path); err != nil {
		return c, err
	}
	sum, body, _ := bytes.Cut(c.raw, []byte("\n"))
	if want := sha256.Sum256(body); string(sum) != "sha256 "+hex.EncodeToString(want[:]) {
		return c, fmt.Errorf("%s: wrong checksum", path)
	}
	if err := json.Unmarshal(body, &c); err != nil {
		return c, fmt.Errorf("%s: %w", path, err)
	}
	if c.Lane != l.String() {
		return c, fmt.Errorf("%s: belongs to lane %q", path, c.Lane)
	}
	return c, nil
}

// event is one stored event, as far as it matters here. Its bytes are valid until the next one is read.
type event struct {
	number   uint64
	envelope []byte
	sealed   []byte
}

// segmentReader reads the events of one segment in order.
type segmentReader struct {
	lane   eventlog.Lane
	link   link
	key    *seal.Segment
	blocks *blocks.Reader
	plain  []byte
	at     uint64 // number that must come
}

var errGone = errors.New("is listed and not there")

func openSegment(log string, keys *seal.Keybook, l eventlog.Lane, s link) (*segmentReader, error) {
	id, err := s.id()
	if err != nil {
		return nil, err
	}
	key, err := keys.Segment(id)
	if err != nil {
		return nil, err
	}
	name := l.String() + "-" + s.ID
	for _, dir := range []string{filepath.Join(log, "live", "jetstream", "$G", "streams"), filepath.Join(log, "segments")} {
		msgs := filepath.Join(dir, name, "msgs")
		indexes, err := blocks.List(msgs)
		if errors.Is(err, os.ErrNotExist) || err == nil && len(indexes) == 0 {
			continue
		}
		if err != nil {
			return nil, err
		}
		stream := blocks.Stream{Name: name, Subject: l.String() + "." + hex.EncodeToString(id[:4]), Open: blocks.Folder(msgs)}
		return &segmentReader{lane: l, link: s, key: key, at: s.First, blocks: blocks.NewReader(stream, indexes[0], s.First)}, nil
	}
	return nil, fmt.Errorf("segment %s %w", name, errGone)
}

// next returns io.EOF behind the last event.
func (r *segmentReader) next() (e event, err error) {
	rec, err := r.blocks.Next()
	if err == io.EOF && r.link.State == "closed" && r.at <= r.link.Last {
		return e, fmt.Errorf("the segment is cut off: it ends at %d and should at %d", r.at-1, r.link.Last)
	}
	if err != nil {
		return e, err
	}
	const head = 1 + 8 // version, mark
	if len(rec.Payload) < head || rec.Payload[0] != 1 {
		return e, errors.New("a record has no known form")
	}
	// What the cipher covers besides the content: version, lane, number and mark.
	additional := append([]byte{1, byte(r.lane)}, binary.BigEndian.AppendUint64(nil, rec.Number)...)
	additional = append(additional, rec.Payload[1:head]...)
	if r.plain, err = r.key.Decipher(r.plain[:0], rec.Number, additional, rec.Payload[head:]); err != nil {
		return e, err
	}
	n, w := binary.Uvarint(r.plain)
	if w <= 0 || n > uint64(len(r.plain)-w) {
		return e, errors.New("a record has no known form")
	}
	r.at = rec.Number + 1
	return event{number: rec.Number, envelope: r.plain[w : w+int(n)], sealed: r.plain[w+int(n):]}, nil
}

func (e event) parse() (*schemas.Envelope, error) {
	m := new(schemas.Envelope)
	return m, proto.Unmarshal(e.envelope, m)
}
