package retention

import (
	"slices"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"protokoll/schemas"
)

func TestEveryClassIsDescribedOnce(t *testing.T) {
	t.Parallel()
	described, names := map[schemas.DataClass]int{}, map[string]bool{}
	for _, c := range Classes() {
		described[c.Data]++
		if c.Name == "" || names[c.Name] || c.German == "" || c.English == "" || c.Subject == 0 {
			t.Errorf("%s is described incompletely, or its name is taken", c.Data)
		}
		names[c.Name] = true
	}
	values := schemas.DataClass(0).Descriptor().Values()
	for i := range values.Len() {
		class := schemas.DataClass(values.Get(i).Number())
		if want := min(int(class), 1); described[class] != want {
			t.Errorf("%s is described %d times, want %d", class, described[class], want)
		}
	}
	if len(described) != values.Len()-1 {
		t.Errorf("%d classes described, schemas/ has %d", len(described), values.Len()-1)
	}
}

func TestFamiliesAreThoseThatHoldTheClass(t *testing.T) {
	t.Parallel()
	held := map[schemas.DataClass]map[schemas.Family]bool{}
	for _, typ := range schemas.Types() {
		m, err := schemas.Decode(typ.Name, typ.Version, nil)
		if err != nil {
			t.Fatal(err)
		}
		collect(m.ProtoReflect().Descriptor(), func(c schemas.DataClass) {
			if held[c] == nil {
				held[c] = map[schemas.Family]bool{}
			}
			held[c][typ.Family] = true
		})
	}
	for _, c := range Classes() {
		if c.Data == schemas.DataClass_TECHNICAL {
			continue
		}
		for f := range held[c.Data] {
			if !slices.Contains(c.Families, f) {
				t.Errorf("%s also lies in %s", c.Data, f)
			}
		}
		if len(c.Families) != len(held[c.Data]) {
			t.Errorf("%s names %d families, %d hold it", c.Data, len(c.Families), len(held[c.Data]))
		}
	}
}

// collect calls add with the class of every field of a message and of the messages in it.
func collect(m protoreflect.MessageDescriptor, add func(schemas.DataClass)) {
	fields := m.Fields()
	for i := range fields.Len() {
		add(proto.GetExtension(fields.Get(i).Options(), schemas.E_Data).(schemas.DataClass))
		if inner := fields.Get(i).Message(); inner != nil {
			collect(inner, add)
		}
	}
}
