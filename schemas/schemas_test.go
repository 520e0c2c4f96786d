package schemas

import (
	"errors"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
)

// messages calls fn with every message of this package, nested ones too.
func messages(fn func(protoreflect.MessageDescriptor)) {
	var walk func(protoreflect.MessageDescriptors)
	walk = func(ms protoreflect.MessageDescriptors) {
		for i := range ms.Len() {
			fn(ms.Get(i))
			walk(ms.Get(i).Messages())
		}
	}
	protoregistry.GlobalFiles.RangeFilesByPackage("protokoll", func(f protoreflect.FileDescriptor) bool {
		walk(f.Messages())
		return true
	})
}

func eventOf(m protoreflect.MessageDescriptor) *EventType {
	return proto.GetExtension(m.Options(), E_Event).(*EventType)
}

func TestEveryFieldHasADataClass(t *testing.T) {
	t.Parallel()
	seen := 0
	messages(func(m protoreflect.MessageDescriptor) {
		for i := range m.Fields().Len() {
			seen++
			f := m.Fields().Get(i)
			if proto.GetExtension(f.Options(), E_Data).(DataClass) == DataClass_DATA_CLASS_UNSPECIFIED {
				t.Errorf("%s has no data class", f.FullName())
			}
		}
	})
	if seen < 50 {
		t.Errorf("only %d fields were looked at", seen)
	}
}

// TestNoFieldForAnAddressOfTheNetwork is a lint of names: DESIGN §11, promise 5.
func TestNoFieldForAnAddressOfTheNetwork(t *testing.T) {
	t.Parallel()
	forbidden := regexp.MustCompile(`(^|_)(ip|ipv4|ipv6|port|host|hostname|remote|peer|password|user_agent)(_|$)`)
	messages(func(m protoreflect.MessageDescriptor) {
		for i := range m.Fields().Len() {
			if name := string(m.Fields().Get(i).Name()); forbidden.MatchString(name) {
				t.Errorf("%s.%s", m.Name(), name)
			}
		}
	})
}

func TestTypesAreUniqueAndKnown(t *testing.T) {
	t.Parallel()
	literal := regexp.MustCompile(`^[a-z]+(\.[a-z_]+)+$`)
	seen := map[string]bool{}
	events := 0
	messages(func(m protoreflect.MessageDescriptor) {
		e := eventOf(m)
		if e == nil {
			return
		}
		events++
		if !literal.MatchString(e.GetName()) || e.GetVersion() == 0 || e.GetFamily() == Family_FAMILY_UNSPECIFIED {
			t.Errorf("%s: incomplete event type %v", m.Name(), e)
		}
		if k := goldenName(e.GetName(), e.GetVersion()); seen[k] {
			t.Errorf("%s stands for two messages", k)
		} else {
			seen[k] = true
		}
		if !Known(e.GetName(), e.GetVersion()) {
			t.Errorf("%s is not in the registry", m.Name())
		}
	})
	if len(Types()) != events {
		t.Errorf("the registry has %d types, the package %d", len(Types()), events)
	}
}

func TestTypeOf(t *testing.T) {
	t.Parallel()
	got, err := TypeOf(&RosterItem{})
	if err != nil || got != (Type{"roster.item", 1, Family_ROSTER_FACTS}) {
		t.Errorf("TypeOf(RosterItem) = %v, %v", got, err)
	}
	if _, err := TypeOf(&Verifier{}); !errors.Is(err, ErrUnknownType) {
		t.Errorf("TypeOf(Verifier): %v, want ErrUnknownType", err)
	}
}

func TestDecodeRefusesTheUnknown(t *testing.T) {
	t.Parallel()
	for _, k := range []key{{"roster.item", 0}, {"roster.item", 2}, {"roster.item_set", 1}, {"", 0}} {
		if _, err := Decode(k.name, k.version, nil); !errors.Is(err, ErrUnknownType) || !strings.Contains(err.Error(), k.name) {
			t.Errorf("Decode(%q, %d): %v, want ErrUnknownType that names it", k.name, k.version, err)
		}
		if Known(k.name, k.version) {
			t.Errorf("Known(%q, %d)", k.name, k.version)
		}
	}
	if _, err := Decode("roster.item", 1, []byte{0xff}); err == nil || errors.Is(err, ErrUnknownType) {
		t.Errorf("broken payload: %v", err)
	}
}

// TestImportsNothingOfOurs keeps the schemas at the bottom: everything else may import them.
func TestImportsNothingOfOurs(t *testing.T) {
	t.Parallel()
	out, err := exec.Command("go", "list", "-deps", ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	for dep := range strings.Lines(string(out)) {
		if dep = strings.TrimSpace(dep); strings.HasPrefix(dep, "protokoll/") && dep != "protokoll/schemas" {
			t.Errorf("imports %s", dep)
		}
	}
}

// TestGenerateNamesEveryFile keeps a new .proto file from being forgotten in the go:generate line.
func TestGenerateNamesEveryFile(t *testing.T) {
	t.Parallel()
	doc, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	words := strings.Fields(string(doc))
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), ".proto") && !slices.Contains(words, e.Name()) {
			t.Errorf("go:generate in doc.go does not name %s", e.Name())
		}
	}
}
