package ledger

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"protokoll/eventlog"
)

// checkpointHead is the first line of every checkpoint.
const checkpointHead = "protokoll ledger"

// LaneRoot is one lane's tree.
type LaneRoot struct {
	Size uint64
	Root tlog.Hash
}

// Checkpoint is what a signed note says.
type Checkpoint struct {
	Epoch uint64
	Time  time.Time // to the second
	Lanes map[eventlog.Lane]LaneRoot
}

func (c Checkpoint) text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\nepoch %d\ntime %s\n", checkpointHead, c.Epoch, c.Time.UTC().Format(time.RFC3339))
	for _, l := range eventlog.Lanes {
		r := c.Lanes[l]
		fmt.Fprintf(&b, "%s %d %s\n", l, r.Size, base64.StdEncoding.EncodeToString(r.Root[:]))
	}
	return b.String()
}

// sameTrees tells whether two checkpoints differ in their time at most.
func (c Checkpoint) sameTrees(o Checkpoint) bool {
	c.Time = o.Time
	return c.text() == o.text()
}

// ParseCheckpoint checks a signed note's signature and reads it.
func ParseCheckpoint(signed []byte, v note.Verifier) (Checkpoint, error) {
	n, err := note.Open(signed, note.VerifierList(v))
	if err != nil {
		return Checkpoint{}, fmt.Errorf("checkpoint: %w", err)
	}
	c, err := parseText(n.Text)
	if err != nil {
		return c, fmt.Errorf("checkpoint: %w", err)
	}
	return c, nil
}

// parseText accepts exactly what text writes.
func parseText(text string) (c Checkpoint, err error) {
	c.Lanes = map[eventlog.Lane]LaneRoot{}
	lines := strings.Split(text, "\n")
	if len(lines) != len(eventlog.Lanes)+4 {
		return c, errors.New("not a checkpoint")
	}
	if _, err := fmt.Sscanf(lines[1], "epoch %d", &c.Epoch); err != nil {
		return c, err
	}
	if c.Time, err = time.Parse(time.RFC3339, strings.TrimPrefix(lines[2], "time ")); err != nil {
		return c, err
	}
	for i, l := range eventlog.Lanes {
		var name, root string
		var r LaneRoot
		if _, err := fmt.Sscanf(lines[i+3], "%s %d %s", &name, &r.Size, &root); err != nil {
			return c, err
		}
		if r.Root, err = tlog.ParseHash(root); err != nil {
			return c, err
		}
		c.Lanes[l] = r
	}
	if c.text() != text {
		return c, errors.New("not as a checkpoint is written")
	}
	return c, nil
}

func (c Checkpoint) sign(s note.Signer) ([]byte, error) {
	signed, err := note.Sign(&note.Note{Text: c.text()}, s)
	if err != nil {
		return nil, fmt.Errorf("sign a checkpoint: %w", err)
	}
	return signed, nil
}
