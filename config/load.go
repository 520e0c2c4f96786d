package config

import (
	"errors"
	"fmt"
	"os"
	"reflect"

	"github.com/pelletier/go-toml/v2"
)

// MaxFile is the largest file that is read, in bytes.
const MaxFile = 1 << 20

// Load reads and checks a file. What is wrong inside it comes back as Faults, all at once.
func Load(file string) (Config, error) {
	info, err := os.Stat(file)
	if err != nil {
		return Config{}, fmt.Errorf("read the configuration: %w", err)
	}
	if info.Size() > MaxFile {
		return Config{}, fmt.Errorf("read the configuration: %s is larger than %d bytes", file, MaxFile)
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return Config{}, fmt.Errorf("read the configuration: %w", err)
	}
	return Parse(file, data)
}

// Parse checks the contents of a file; name is what faults call it.
func Parse(name string, data []byte) (Config, error) {
	var table map[string]any
	if err := toml.Unmarshal(data, &table); err != nil {
		return Config{}, Faults{syntaxFault(err)}.in(name)
	}
	c := Default()
	d := &decoder{lines: lineMap(data)}
	d.table("", table, reflect.ValueOf(&c).Elem())
	d.validate(&c)
	if len(d.faults) > 0 {
		return Config{}, d.faults.in(name)
	}
	return c, nil
}

func syntaxFault(err error) Fault {
	var at *toml.DecodeError
	if !errors.As(err, &at) {
		return Fault{Line: 1, Key: "syntax", Reason: err.Error()}
	}
	line, _ := at.Position()
	return Fault{Line: line, Key: "syntax", Reason: at.Error()}
}
