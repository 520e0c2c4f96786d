package main

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"time"

	"protokoll/cmd/protokoll/node"
	"protokoll/portability"
)

// writeExport writes the archive with the person's files in it, which come piece by piece. The manifest goes last.
func (t *target) writeExport(ctx context.Context, w io.Writer, r *node.ExportResult) error {
	if len(r.Files) == 0 {
		_, err := w.Write(r.Zip)
		return err
	}
	from, err := zip.NewReader(bytes.NewReader(r.Zip), int64(len(r.Zip)))
	if err != nil {
		return err
	}
	to, manifest := zip.NewWriter(w), []byte(nil)
	for _, f := range from.File {
		if f.Name == portability.Manifest {
			if manifest, err = readZipped(f); err != nil {
				return err
			}
			continue
		}
		if err := to.Copy(f); err != nil {
			return err
		}
	}
	for i := range r.Files {
		line, err := t.writeFile(ctx, to, r, i)
		if err != nil {
			return fmt.Errorf("%s: %w", r.Files[i].Path, err)
		}
		manifest = append(manifest, line...)
	}
	out, err := to.CreateHeader(&zip.FileHeader{Name: portability.Manifest, Method: zip.Deflate, Modified: time.Now().UTC()})
	if err != nil {
		return err
	}
	if _, err := out.Write(manifest); err != nil {
		return err
	}
	return to.Close()
}

func readZipped(f *zip.File) ([]byte, error) {
	r, err := f.Open()
	if err != nil {
		return nil, err
	}
	defer r.Close() //nolint:errcheck // it is only read
	return io.ReadAll(r)
}

// writeFile fetches one file and returns its line of the manifest. Pictures and films are not compressed again.
func (t *target) writeFile(ctx context.Context, to *zip.Writer, r *node.ExportResult, i int) (line string, err error) {
	f, sum := r.Files[i], sha256.New()
	out, err := to.CreateHeader(&zip.FileHeader{Name: f.Path, Method: zip.Store, Modified: time.Now().UTC()})
	if err != nil {
		return "", err
	}
	for at := int64(0); at < f.Size; {
		var p node.ExportPiece
		if err := t.call(ctx, node.CommandExportFile, node.ExportFileArguments{Ticket: r.Ticket, File: i, Offset: at}, &p); err != nil {
			return "", err
		}
		if len(p.Data) == 0 {
			return "", io.ErrUnexpectedEOF
		}
		if _, err := io.MultiWriter(out, sum).Write(p.Data); err != nil {
			return "", err
		}
		at += int64(len(p.Data))
	}
	return fmt.Sprintf("%x  %s\n", sum.Sum(nil), f.Path), nil
}
