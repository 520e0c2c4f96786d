package ledger

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/mod/sumdb/tlog"

	"protokoll/eventlog"
)

const (
	tipFile = "tip"
	tipHead = "protokoll ledger tip 1"
)

// tip says how much of the trees is on disk.
type tip struct {
	epoch uint64
	lanes map[eventlog.Lane]laneTip
}

type laneTip struct {
	size uint64
	root tlog.Hash
	born uint64 // epoch in which the tree began
}

// folder is where a lane's tree lies.
func (t laneTip) folder(dir string, l eventlog.Lane) string {
	return filepath.Join(dir, fmt.Sprintf("%s.%d", l, t.born))
}

func firstTip() tip {
	t := tip{epoch: 1, lanes: map[eventlog.Lane]laneTip{}}
	for _, l := range eventlog.Lanes {
		t.lanes[l] = laneTip{root: rootOf(nil), born: 1}
	}
	return t
}

func (t tip) encode() []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s\nepoch %d\n", tipHead, t.epoch)
	for _, l := range eventlog.Lanes {
		lt := t.lanes[l]
		fmt.Fprintf(&b, "%s %d %s %d\n", l, lt.size, base64.StdEncoding.EncodeToString(lt.root[:]), lt.born)
	}
	sum := sha256.Sum256(b.Bytes())
	fmt.Fprintf(&b, "sha256 %s\n", hex.EncodeToString(sum[:]))
	return b.Bytes()
}

// parseTip accepts exactly what encode writes.
func parseTip(data []byte) (t tip, err error) {
	t.lanes = map[eventlog.Lane]laneTip{}
	lines := strings.Split(string(data), "\n")
	if len(lines) != len(eventlog.Lanes)+4 || lines[0] != tipHead {
		return t, errors.New("not a tip")
	}
	if _, err := fmt.Sscanf(lines[1], "epoch %d", &t.epoch); err != nil {
		return t, err
	}
	for i, l := range eventlog.Lanes {
		var name, root string
		var lt laneTip
		if _, err := fmt.Sscanf(lines[i+2], "%s %d %s %d", &name, &lt.size, &root, &lt.born); err != nil {
			return t, err
		}
		if lt.root, err = tlog.ParseHash(root); err != nil {
			return t, err
		}
		if name != l.String() {
			return t, fmt.Errorf("lane %q out of order", name)
		}
		t.lanes[l] = lt
	}
	if !bytes.Equal(t.encode(), data) {
		return t, errors.New("wrong checksum")
	}
	return t, nil
}

func readTip(dir string) (tip, error) {
	path := filepath.Join(dir, tipFile)
	data, err := os.ReadFile(path)
	if err != nil {
		return tip{}, fmt.Errorf("read the ledger's tip: %w", err)
	}
	t, err := parseTip(data)
	if err != nil {
		return t, fmt.Errorf("%s: %w", path, err)
	}
	return t, nil
}
