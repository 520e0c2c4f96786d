package strict

import (
	"fmt"
	"io"
	"os"
)

// MaxFile is the largest file that is read, in bytes.
const MaxFile = 1 << 20

// Load reads a file of at most MaxFile bytes.
func Load(file string) ([]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, MaxFile+1))
	if err != nil {
		return nil, err
	}
	if len(data) > MaxFile {
		return nil, fmt.Errorf("%s is larger than %d bytes", file, MaxFile)
	}
	return data, nil
}
