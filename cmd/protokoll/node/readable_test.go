package node

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"protokoll/schemas"
)

func TestReadable(t *testing.T) {
	t.Parallel()
	owner := [16]byte{0xff, 1: 0x01, 15: 0x10}
	got := readable(&schemas.StaffAction{Action: "export", Subjects: [][]byte{owner[:]}, At: 5})
	want := map[string]any{"action": "export", "subjects": []any{"ff010000000000000000000000000010"}, "at": int64(5)}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	got = readable(&schemas.OfflineMessage{Stanza: []byte("<message>\n<body>ä</body></message>")})
	if d := cmp.Diff(map[string]any{"stanza": "<message>\n<body>ä</body></message>"}, got); d != "" {
		t.Error(d)
	}
	got = readable(&schemas.Ordered{Kind: schemas.OrderKind_ERASURE, Erased: []*schemas.Erased{{Family: schemas.Family_ROSTER_FACTS, Facts: 3}}})
	want = map[string]any{"kind": "erasure", "erased": []any{map[string]any{"family": "roster_facts", "facts": uint64(3)}}}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}
