package node

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"time"

	"mellium.im/xmpp/jid"

	"protokoll/eventlog"
	"protokoll/internal/control"
	"protokoll/portability"
)

// CommandExport hands out everything about one person.
const CommandExport = "export"

// ExportArguments say whose data, and who asked.
type ExportArguments struct {
	Staff
	Address     string `json:"address"`
	Credentials bool   `json:"credentials"` // with the keys that check a local account's password
}

// ExportResult is the export.
type ExportResult struct {
	Address string `json:"address"`
	Facts   int    `json:"facts"`
	Held    int    `json:"held"`
	Staff   int    `json:"staff"` // entries about what staff did, this export included
	Zip     []byte `json:"zip"`   // without the person's files: they are fetched with CommandExportFile

	Files  []ExportFile `json:"files,omitempty"`
	Ticket string       `json:"ticket,omitempty"`
}

// export writes down first who asks, so that nobody sees anything unrecorded and the export tells of itself.
func (s *Store) export(ctx context.Context, input json.RawMessage, progress func(control.Progress)) (any, error) {
	var a ExportArguments
	if err := json.Unmarshal(input, &a); err != nil {
		return nil, fmt.Errorf("read the arguments: %w", err)
	}
	address, err := jid.Parse(a.Address)
	if err != nil || address.Localpart() == "" || address.Resourcepart() != "" {
		return nil, fmt.Errorf("%q is no address such as anna@example.org", a.Address)
	}
	account, err := s.Accounts.Find(address.Domainpart(), address.Localpart())
	if err != nil {
		return nil, err
	}
	detail := "without credentials"
	if a.Credentials {
		detail = "with credentials"
	}
	if err := s.audited(ctx, a.Staff, CommandExport, detail, account.Owner.ID()); err != nil {
		return nil, err
	}
	if err := s.facts().Wait(ctx, s.marks()...); err != nil {
		return nil, err
	}
	source := portability.Source{Log: s.Log, State: s.facts(), Keys: s.Keys}
	h, err := source.Gather(ctx, account, func(step string, done, total uint64) {
		progress(control.Progress{Step: step, Done: done, Total: total})
	})
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	if err := h.WriteZip(&out, time.Now(), a.Credentials); err != nil {
		return nil, err
	}
	r := ExportResult{Address: account.Address(), Facts: len(h.Facts), Held: len(h.Held), Staff: len(h.Staff), Zip: out.Bytes()}
	owner := account.Owner.ID()
	var files []portability.File
	if files, r.Files = s.there(owner, h.Files()); len(files) > 0 {
		r.Ticket = s.handouts.add(handout{owner: owner, files: files}, time.Now())
	}
	return r, nil
}

// marks are the ends of the lanes that the state folds.
func (s *Store) marks() (marks []eventlog.Position) {
	for _, l := range []eventlog.Lane{eventlog.Now, eventlog.Inbox, eventlog.Lasting, eventlog.Archive} {
		if n := s.Log.Mark(l); n > 0 {
			marks = append(marks, eventlog.Position{Lane: l, Number: n})
		}
	}
	return marks
}
