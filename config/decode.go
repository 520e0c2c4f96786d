package config

import (
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"time"
)

// decoder fills a struct from a parsed table and notes every fault instead of stopping at the first.
type decoder struct {
	lines  map[string]int // path of a key, such as "domain.0.name", to its line
	faults Faults
}

func (d *decoder) fault(path, format string, args ...any) {
	d.faults = append(d.faults, Fault{Line: d.line(path), Key: display(path), Reason: fmt.Sprintf(format, args...)})
}

// line finds the nearest line that is known for a path: its own, else that of the table around it.
func (d *decoder) line(path string) int {
	for {
		if n, ok := d.lines[path]; ok {
			return n
		}
		i := strings.LastIndexByte(path, '.')
		if i < 0 {
			return 1
		}
		path = path[:i]
	}
}

func (d *decoder) table(path string, in map[string]any, out reflect.Value) {
	keys := make([]string, 0, len(in))
	for k := range in {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	for _, k := range keys {
		field, ok := fieldOf(out, k)
		if !ok {
			d.fault(join(path, k), "unknown setting")
			continue
		}
		d.value(join(path, k), in[k], field)
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

func (d *decoder) value(path string, in any, out reflect.Value) {
	switch {
	case out.Type() == reflect.TypeFor[time.Duration]():
		d.duration(path, in, out)
	case out.Kind() == reflect.Pointer:
		p := reflect.New(out.Type().Elem())
		if directory, ok := p.Interface().(*Directory); ok {
			*directory = defaultDirectory()
		}
		d.value(path, in, p.Elem())
		out.Set(p)
	case out.Kind() == reflect.Struct:
		if table, ok := in.(map[string]any); ok {
			d.table(path, table, out)
		} else {
			d.fault(path, "must be a table")
		}
	case out.Kind() == reflect.Slice:
		d.list(path, in, out)
	default:
		d.scalar(path, in, out)
	}
}

func (d *decoder) list(path string, in any, out reflect.Value) {
	items, ok := in.([]any)
	if !ok {
		d.fault(path, "must be a list")
		return
	}
	out.Set(reflect.MakeSlice(out.Type(), len(items), len(items)))
	for i, item := range items {
		d.value(join(path, fmt.Sprint(i)), item, out.Index(i))
	}
}

func (d *decoder) duration(path string, in any, out reflect.Value) {
	text, ok := in.(string)
	if !ok {
		d.fault(path, `must be a time such as "30s", "10m" or "12h"`)
		return
	}
	v, err := time.ParseDuration(text)
	if err != nil || v <= 0 {
		d.fault(path, `must be a time above zero such as "30s", "10m" or "12h"`)
		return
	}
	out.SetInt(int64(v))
}

func (d *decoder) scalar(path string, in any, out reflect.Value) {
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
	d.fault(path, "must be %s", kindNames[out.Kind()])
}

var kindNames = map[reflect.Kind]string{reflect.String: "a text", reflect.Bool: "true or false", reflect.Int: "a whole number"}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}
