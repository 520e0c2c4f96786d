package ledger

import (
	"fmt"

	"golang.org/x/mod/sumdb/note"
)

// receiptHeader is the first line of every receipt, so that nobody can take one for a checkpoint.
const receiptHeader = "protokoll receipt\n"

// SignReceipt signs a text that says what was done, as a note under the ledger's key. The text is UTF-8 without control
// characters other than newlines, and ends with one.
func (g *Ledger) SignReceipt(text string) ([]byte, error) {
	signed, err := note.Sign(&note.Note{Text: receiptHeader + text}, g.key.signer)
	if err != nil {
		return nil, fmt.Errorf("sign a receipt: %w", err)
	}
	return signed, nil
}
