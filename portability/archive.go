package portability

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"protokoll/portability/pie"
	"protokoll/schemas"
)

// Manifest is the file of sums, the last one of an archive.
const Manifest = "MANIFEST"

// WriteZip writes the export. Without credentials the keys that check a password are in none of its files.
func (h *Holding) WriteZip(w io.Writer, made time.Time, credentials bool) error {
	archive, sums := zip.NewWriter(w), ""
	for _, part := range []struct {
		name  string
		write func(io.Writer) error
	}{
		{"data.xml", func(w io.Writer) error { return h.writeXML(w, credentials) }},
		{"facts.json", func(w io.Writer) error { return h.writeJSON(w, made, credentials) }},
		{"index.html", func(w io.Writer) error { return h.WritePage(w, made, credentials) }},
		{Manifest, func(w io.Writer) error { _, err := io.WriteString(w, sums); return err }},
	} {
		var content bytes.Buffer
		if err := part.write(&content); err != nil {
			return fmt.Errorf("write %s of an export: %w", part.name, err)
		}
		sums += fmt.Sprintf("%x  %s\n", sha256.Sum256(content.Bytes()), part.name)
		out, err := archive.CreateHeader(&zip.FileHeader{Name: part.name, Method: zip.Deflate, Modified: made.UTC()})
		if err == nil {
			_, err = out.Write(content.Bytes())
		}
		if err != nil {
			return fmt.Errorf("write an export: %w", err)
		}
	}
	if err := archive.Close(); err != nil {
		return fmt.Errorf("write an export: %w", err)
	}
	return nil
}

func (h *Holding) writeXML(w io.Writer, credentials bool) error {
	u := h.User()
	if !credentials {
		u.Credentials = nil
	}
	return pie.WriteDocument(w, u)
}

// visible leaves out the keys that check a password unless they are wanted.
func visible(facts []Fact, credentials bool) (all []Fact) {
	for _, f := range facts {
		if _, secret := f.Value.(*schemas.AccountCredentials); credentials || !secret {
			all = append(all, f)
		}
	}
	return all
}

// factJSON is a fact as it stands in facts.json.
type factJSON struct {
	Type  string          `json:"type"`
	Time  time.Time       `json:"time"`
	Cause string          `json:"cause"`
	Lane  string          `json:"lane"`
	Value json.RawMessage `json:"value"` // as schemas/*.proto has it; bytes in base64
}

func (h *Holding) writeJSON(w io.Writer, made time.Time, credentials bool) error {
	var parts [5][]factJSON
	for i, facts := range [][]Fact{h.Facts, h.Held, h.Staff, h.Orders, h.Outbox} {
		parts[i] = []factJSON{}
		for _, f := range visible(facts, credentials) {
			j, err := asJSON(f)
			if err != nil {
				return err
			}
			parts[i] = append(parts[i], j)
		}
	}
	out := json.NewEncoder(w)
	out.SetIndent("", " ")
	return out.Encode(struct {
		Address string     `json:"address"`
		Owner   string     `json:"owner"`
		Made    time.Time  `json:"made"`
		Facts   []factJSON `json:"facts"`
		Held    []factJSON `json:"held"`
		Staff   []factJSON `json:"staff"`
		Orders  []factJSON `json:"orders"`
		Outbox  []factJSON `json:"outbox"`
	}{h.Account.Address(), h.Account.Owner.ID().String(), made.UTC(), parts[0], parts[1], parts[2], parts[3], parts[4]})
}

func asJSON(f Fact) (factJSON, error) {
	value := f.Value
	if a, ok := value.(*schemas.StaffAction); ok { // others' owner ids are none of the person's business
		alone := proto.CloneOf(a)
		alone.Subjects = nil
		value = alone
	}
	t, err := schemas.TypeOf(value)
	if err != nil {
		return factJSON{}, err
	}
	data, err := protojson.Marshal(value)
	if err != nil {
		return factJSON{}, fmt.Errorf("write a fact: %w", err)
	}
	return factJSON{Type: t.Name, Time: f.Time.UTC(), Cause: f.Cause.String(), Lane: f.Lane.String(), Value: data}, nil
}
