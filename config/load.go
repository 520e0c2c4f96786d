package config

import (
	"fmt"

	"protokoll/internal/strict"
)

// MaxFile is the largest file that is read, in bytes.
const MaxFile = strict.MaxFile

// Load reads and checks a file. What is wrong inside it comes back as Faults, all at once.
func Load(file string) (Config, error) {
	data, err := strict.Load(file)
	if err != nil {
		return Config{}, fmt.Errorf("read the configuration: %w", err)
	}
	return Parse(file, data)
}

// Parse checks the contents of a file; name is what faults call it.
func Parse(name string, data []byte) (Config, error) {
	c := Default()
	f, err := strict.Parse(name, data, &c)
	if err != nil {
		return Config{}, err
	}
	check{f}.validate(&c)
	if err := f.Err(); err != nil {
		return Config{}, err
	}
	return c, nil
}
