package schemas

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

var update = flag.Bool("update", false, "write golden files that do not exist yet; existing ones are never rewritten")

// golden is where the payload of each type and version lies as the first program that knew it wrote it.
const golden = "testdata/golden"

func goldenName(name string, version uint32) string { return fmt.Sprintf("%s-%d", name, version) }

// TestGolden reads every payload ever written and compares what it means today. A new type needs -update once.
func TestGolden(t *testing.T) {
	t.Parallel()
	for _, typ := range Types() {
		name := filepath.Join(golden, goldenName(typ.Name, typ.Version))
		if _, err := os.Stat(name + ".bin"); *update && os.IsNotExist(err) {
			writeGolden(t, name, sample(t, typ))
		}
	}
	files, err := filepath.Glob(filepath.Join(golden, "*.bin"))
	if err != nil || len(files) < len(Types()) {
		t.Fatalf("%d golden files for %d types (%v): run with -update", len(files), len(Types()), err)
	}
	for _, file := range files {
		checkGolden(t, strings.TrimSuffix(file, ".bin"))
	}
}

func writeGolden(t *testing.T, name string, m proto.Message) {
	t.Helper()
	payload, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
	if err == nil {
		err = os.WriteFile(name+".bin", payload, 0o644)
	}
	if err == nil {
		err = os.WriteFile(name+".txt", []byte(prototext.MarshalOptions{Multiline: true}.Format(m)), 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func checkGolden(t *testing.T, name string) {
	t.Helper()
	payload, err := os.ReadFile(name + ".bin")
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(name + ".txt")
	if err != nil {
		t.Fatal(err)
	}
	var typ string
	var version uint32
	base := filepath.Base(name)
	typ = base[:strings.LastIndexByte(base, '-')]
	if _, err := fmt.Sscanf(base[len(typ):], "-%d", &version); err != nil {
		t.Fatal(err)
	}
	got, err := Decode(typ, version, payload)
	if err != nil {
		t.Errorf("%s: %v", base, err)
		return
	}
	want := got.ProtoReflect().New().Interface()
	if err := prototext.Unmarshal(text, want); err != nil {
		t.Errorf("%s.txt: %v", base, err)
	} else if !proto.Equal(got, want) {
		t.Errorf("%s means\n%v\nwant\n%v", base, got, want)
	}
	if len(got.ProtoReflect().GetUnknown()) > 0 {
		t.Errorf("%s has fields that are not known any more", base)
	}
}

// sample fills every field of a type with invented values.
func sample(t *testing.T, typ Type) proto.Message {
	t.Helper()
	m, err := Decode(typ.Name, typ.Version, nil)
	if err != nil {
		t.Fatal(err)
	}
	fill(m.ProtoReflect())
	return m
}

func fill(m protoreflect.Message) {
	fields := m.Descriptor().Fields()
	for i := range fields.Len() {
		f := fields.Get(i)
		if !f.IsList() {
			m.Set(f, value(m, f, 0))
			continue
		}
		list := m.Mutable(f).List()
		for n := range 2 {
			list.Append(value(m, f, n))
		}
	}
}

func value(m protoreflect.Message, f protoreflect.FieldDescriptor, n int) protoreflect.Value {
	number := int(f.Number()) + 10*n
	switch f.Kind() {
	case protoreflect.BoolKind:
		return protoreflect.ValueOfBool(true)
	case protoreflect.EnumKind:
		return protoreflect.ValueOfEnum(1)
	case protoreflect.Uint32Kind:
		return protoreflect.ValueOfUint32(uint32(100 + number))
	case protoreflect.Uint64Kind:
		return protoreflect.ValueOfUint64(uint64(1000 + number))
	case protoreflect.Int64Kind:
		return protoreflect.ValueOfInt64(1_700_000_000_000 + int64(number))
	case protoreflect.Sint32Kind:
		return protoreflect.ValueOfInt32(int32(-number))
	case protoreflect.BytesKind:
		return protoreflect.ValueOfBytes(fmt.Appendf(nil, "<%s n='%d'/>", f.Name(), number))
	case protoreflect.MessageKind:
		inner := m.NewField(f)
		if f.IsList() {
			inner = m.Mutable(f).List().NewElement()
		}
		fill(inner.Message())
		return inner
	}
	return protoreflect.ValueOfString(fmt.Sprintf("%s %d ä", f.Name(), number))
}

// FuzzDecode reads hostile payloads of every type.
func FuzzDecode(f *testing.F) {
	files, err := filepath.Glob(filepath.Join(golden, "*.bin"))
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		payload, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(payload)
	}
	types := Types()
	f.Fuzz(func(t *testing.T, payload []byte) {
		for _, typ := range types {
			m, err := Decode(typ.Name, typ.Version, payload)
			if err != nil {
				continue
			}
			if _, err := TypeOf(m); err != nil {
				t.Fatal(err)
			}
		}
	})
}
