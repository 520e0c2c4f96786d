package rights

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"time"

	"protokoll/eventlog"
	"protokoll/schemas"
)

// Receipt says what an erasure did. It names nobody: the reference is the account's random id, which stands in the proofs too.
type Receipt struct {
	Reference string    `json:"reference"`
	At        time.Time `json:"at"` // since when nothing can be read
	Facts     []Count   `json:"facts"`
	Files     int       `json:"files,omitempty"` // that were unlinked
	Here      int       `json:"here"`            // contacts of ours that were told
	Elsewhere int       `json:"elsewhere"`       // contacts elsewhere for whom stanzas wait
	KeptFree  time.Time `json:"kept_free"`       // until when the address is given to nobody else
	Text      string    `json:"text"`            // all of this in words, signed by the ledger's key if there is one
}

func (r *Rights) receipt(ctx context.Context, e *erasure, until time.Time) (Receipt, error) {
	v := Receipt{Reference: e.who.Owner.ID().String(), At: r.Clock().UTC(), Facts: e.counts, Files: filesOf(e.counts), KeptFree: until.UTC()}
	v.Here, v.Elsewhere = sums(e.partings)
	v.Text = v.words(r.KeyPlace)
	if r.Ledger == nil {
		return v, nil
	}
	signed, err := r.signed(ctx, v.Text)
	if err != nil {
		return v, fmt.Errorf("the account is erased, but its receipt is not signed: %w", err)
	}
	v.Text = string(signed)
	return v, nil
}

func filesOf(counts []Count) int {
	for _, c := range counts {
		if c.Family == schemas.Family_UPLOAD_FACTS {
			return c.Facts
		}
	}
	return 0
}

// signed adds the newest checkpoint, which holds the erasure, and signs both.
func (r *Rights) signed(ctx context.Context, text string) ([]byte, error) {
	for _, lane := range []eventlog.Lane{eventlog.Lasting, eventlog.Proof} {
		if err := r.Ledger.Passed(ctx, eventlog.Position{Lane: lane, Number: r.Log.Mark(lane)}); err != nil {
			return nil, err
		}
	}
	checkpoint, err := r.Ledger.Checkpoint()
	if err != nil {
		return nil, err
	}
	return r.Ledger.SignReceipt(text + "checkpoint of the ledger, which holds the erasure:\n" + indented(checkpoint))
}

// indented sets a checkpoint off, so that its own signature is not taken for the receipt's.
func indented(note []byte) string {
	var b strings.Builder
	for line := range bytes.Lines(note) {
		b.WriteString("  ")
		b.Write(line)
	}
	return b.String()
}

// words is the receipt as text, one fact a line, ending with a newline.
func (v Receipt) words(keyPlace string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "Receipt for the erasure of an account\nreference: %s\nunreadable since: %s\n", v.Reference, v.At.Format(time.RFC3339))
	total := 0
	for _, c := range v.Facts {
		fmt.Fprintf(&b, "erased: %s: %d\n", Kind(c.Family), c.Facts)
		total += c.Facts
	}
	fmt.Fprintf(&b, "erased in all: %d\ncontacts of this server told: %d\ncontacts of other servers, told as soon as they can be reached: %d\n",
		total, v.Here, v.Elsewhere)
	if v.Files > 0 {
		fmt.Fprintf(&b, "files unlinked: %d\n", v.Files)
	}
	fmt.Fprintf(&b, "address kept free until: %s\n", v.KeptFree.Format(time.DateOnly))
	b.WriteString("how: the only key to these data was destroyed; the enciphered bytes leave the disk within the policy's deadline\n")
	if keyPlace != "" {
		fmt.Fprintf(&b, "the key lay: %s\n", keyPlace)
	}
	b.WriteString("not erased: what the person wrote into other people's inboxes and rosters is theirs\n")
	return b.String()
}
