package strict

import (
	"encoding"
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/pelletier/go-toml/v2"
)

// Defaults is implemented by pointers to tables, also to those of a list, that have settings a file need not name.
type Defaults interface{ Defaults() }

// File is a file that was read, and what is wrong with it so far.
type File struct {
	name   string
	lines  map[string]int // path of a key, such as "domain.0.name", to its line
	faults Faults
}

// Parse fills the struct that out points to; name is what faults call the file. A file that is no TOML comes back as Faults; what
// else is wrong is noted for Err.
func Parse(name string, data []byte, out any) (*File, error) {
	var table map[string]any
	if err := toml.Unmarshal(data, &table); err != nil {
		return nil, Faults{syntaxFault(err)}.in(name)
	}
	f := &File{name: name, lines: lineMap(data)}
	f.table("", table, reflect.ValueOf(out).Elem())
	return f, nil
}

func syntaxFault(err error) Fault {
	var at *toml.DecodeError
	if !errors.As(err, &at) {
		return Fault{Line: 1, Key: "syntax", Reason: err.Error()}
	}
	line, _ := at.Position()
	return Fault{Line: line, Key: "syntax", Reason: at.Error()}
}

// Fault notes that something is wrong at a path such as "domain.0.name".
func (f *File) Fault(path, format string, args ...any) {
	f.faults = append(f.faults, Fault{Line: f.line(path), Key: display(path), Reason: fmt.Sprintf(format, args...)})
}

// Named tells whether the file has a key.
func (f *File) Named(path string) bool {
	_, ok := f.lines[path]
	return ok
}

// Err returns everything that is wrong as Faults, in the order of the lines, or nil.
func (f *File) Err() error {
	if len(f.faults) == 0 {
		return nil
	}
	return f.faults.in(f.name)
}

// line finds the nearest line that is known for a path: its own, else that of the table around it.
func (f *File) line(path string) int {
	for {
		if n, ok := f.lines[path]; ok {
			return n
		}
		i := strings.LastIndexByte(path, '.')
		if i < 0 {
			return 1
		}
		path = path[:i]
	}
}

func (f *File) table(path string, in map[string]any, out reflect.Value) {
	keys := make([]string, 0, len(in))
	for k := range in {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	for _, k := range keys {
		field, ok := fieldOf(out, k)
		if !ok {
			f.Fault(Join(path, k), "unknown setting")
			continue
		}
		f.value(Join(path, k), in[k], field)
	}
}

func fieldOf(s reflect.Value, key string) (reflect.Value, bool) {
	for i := range s.NumField() {
		if s.Type().Field(i).Tag.Get("toml") == key {
			return s.Field(i), true
		}
	}
	return reflect.Value{}, false
}

func (f *File) value(path string, in any, out reflect.Value) {
	switch text, ok := out.Addr().Interface().(encoding.TextUnmarshaler); {
	case ok:
		f.text(path, in, text)
	case out.Type() == reflect.TypeFor[time.Duration]():
		f.duration(path, in, out)
	case out.Kind() == reflect.Pointer:
		p := reflect.New(out.Type().Elem())
		if table, ok := p.Interface().(Defaults); ok {
			table.Defaults()
		}
		f.value(path, in, p.Elem())
		out.Set(p)
	case out.Kind() == reflect.Struct:
		if table, ok := in.(map[string]any); ok {
			f.table(path, table, out)
		} else {
			f.Fault(path, "must be a table")
		}
	case out.Kind() == reflect.Slice:
		f.list(path, in, out)
	default:
		f.scalar(path, in, out)
	}
}

func (f *File) list(path string, in any, out reflect.Value) {
	items, ok := in.([]any)
	if !ok {
		f.Fault(path, "must be a list")
		return
	}
	out.Set(reflect.MakeSlice(out.Type(), len(items), len(items)))
	for i, item := range items {
		if table, ok := out.Index(i).Addr().Interface().(Defaults); ok {
			table.Defaults()
		}
		f.value(Join(path, fmt.Sprint(i)), item, out.Index(i))
	}
}

func (f *File) duration(path string, in any, out reflect.Value) {
	text, ok := in.(string)
	if !ok {
		f.Fault(path, `must be a time such as "30s", "10m" or "12h"`)
		return
	}
	v, err := time.ParseDuration(text)
	if err != nil || v <= 0 {
		f.Fault(path, `must be a time above zero such as "30s", "10m" or "12h"`)
		return
	}
	out.SetInt(int64(v))
}

// text fills a value that reads itself; its error says what it must be.
func (f *File) text(path string, in any, out encoding.TextUnmarshaler) {
	s, ok := in.(string)
	if !ok {
		f.Fault(path, "must be a text")
		return
	}
	if err := out.UnmarshalText([]byte(s)); err != nil {
		f.Fault(path, "%v", err)
	}
}

func (f *File) scalar(path string, in any, out reflect.Value) {
	switch v := in.(type) {
	case string:
		if out.Kind() == reflect.String {
			out.SetString(v)
			return
		}
	case bool:
		if out.Kind() == reflect.Bool {
			out.SetBool(v)
			return
		}
	case int64:
		if out.Kind() == reflect.Int && v >= math.MinInt && v <= math.MaxInt {
			out.SetInt(v)
			return
		}
	}
	f.Fault(path, "must be %s", kindNames[out.Kind()])
}

var kindNames = map[reflect.Kind]string{reflect.String: "a text", reflect.Bool: "true or false", reflect.Int: "a whole number"}

// Join appends a key, or the number of an item from 0, to a path.
func Join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}
