package node

import (
	"encoding/hex"
	"strings"
	"unicode"
	"unicode/utf8"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// readable is an event's content as people read it: bytes that are text as text, such as stanzas, others in hex, as owner ids are
// written everywhere.
func readable(m proto.Message) map[string]any { return fieldsOf(m.ProtoReflect()) }

func fieldsOf(m protoreflect.Message) map[string]any {
	fields := map[string]any{}
	m.Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		if !f.IsList() {
			fields[string(f.Name())] = valueOf(f, v)
			return true
		}
		all := make([]any, v.List().Len())
		for i := range all {
			all[i] = valueOf(f, v.List().Get(i))
		}
		fields[string(f.Name())] = all
		return true
	})
	return fields
}

func valueOf(f protoreflect.FieldDescriptor, v protoreflect.Value) any {
	switch f.Kind() {
	case protoreflect.MessageKind:
		return fieldsOf(v.Message())
	case protoreflect.EnumKind:
		if known := f.Enum().Values().ByNumber(v.Enum()); known != nil {
			return strings.ToLower(string(known.Name()))
		}
		return int32(v.Enum())
	case protoreflect.BytesKind:
		if b := v.Bytes(); isText(b) {
			return string(b)
		}
		return hex.EncodeToString(v.Bytes())
	}
	return v.Interface()
}

// isText tells whether bytes are meant to be read.
func isText(b []byte) bool {
	return utf8.Valid(b) && !strings.ContainsFunc(string(b), func(r rune) bool { return unicode.IsControl(r) && !unicode.IsSpace(r) })
}
