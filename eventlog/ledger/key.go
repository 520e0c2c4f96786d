package ledger

import (
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"protokoll/internal/durable"

	"golang.org/x/mod/sumdb/note"
)

const (
	keyFile    = "key"
	publicFile = "key.pub"
	// keyName is the name under which checkpoints are signed; the key's hash in a signature tells servers apart.
	keyName = "protokoll-ledger"
)

// signing is the key of checkpoints.
type signing struct {
	signer   note.Signer
	verifier note.Verifier
	public   string
}

// createKey makes the key, once. The public half is written last.
func createKey(dir string) error {
	private, public, err := note.GenerateKey(rand.Reader, keyName)
	if err != nil {
		return fmt.Errorf("make the ledger's key: %w", err)
	}
	if err := durable.Replace(filepath.Join(dir, keyFile), []byte(private+"\n")); err != nil {
		return fmt.Errorf("store the ledger's key: %w", err)
	}
	if err := durable.Replace(filepath.Join(dir, publicFile), []byte(public+"\n")); err != nil {
		return fmt.Errorf("store the ledger's key: %w", err)
	}
	return nil
}

func readKey(dir string) (k signing, err error) {
	path := filepath.Join(dir, keyFile)
	info, err := os.Stat(path)
	if err != nil {
		return k, fmt.Errorf("the ledger's key: %w", err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return k, fmt.Errorf("the ledger's key %s may be read by others: chmod 600", path)
	}
	private, err := os.ReadFile(path)
	if err != nil {
		return k, fmt.Errorf("the ledger's key: %w", err)
	}
	if k.signer, err = note.NewSigner(strings.TrimSpace(string(private))); err != nil {
		return k, fmt.Errorf("the ledger's key %s: %w", path, err)
	}
	k.public, k.verifier, err = readPublic(dir)
	if err == nil && k.verifier.KeyHash() != k.signer.KeyHash() {
		err = errors.New("the ledger's key and its public half do not belong together")
	}
	return k, err
}

func readPublic(dir string) (string, note.Verifier, error) {
	path := filepath.Join(dir, publicFile)
	data, err := os.ReadFile(path)
	if err != nil {
		return "", nil, fmt.Errorf("the public half of the ledger's key: %w", err)
	}
	public := strings.TrimSpace(string(data))
	v, err := note.NewVerifier(public)
	if err != nil {
		return "", nil, fmt.Errorf("%s: %w", path, err)
	}
	return public, v, nil
}
