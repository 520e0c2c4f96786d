package engine

import (
	"encoding/json"
	"testing"

	"protokoll/eventlog"
)

// FuzzPlan never panics. What is accepted can be carried out: its segments are in order, none reaches into another, and each has
// an id. Written again it is the same plan.
func FuzzPlan(f *testing.F) {
	const id = "00112233445566778899aabbccddeeff"
	for _, body := range []string{
		`{"format":1,"lane":"inbox","segments":[{"id":"` + id + `","first":1,"last":9,"keeps":2,"due":7},{"id":"` + id + `","first":10,"last":10}]}`,
		`{"format":1,"lane":"inbox","segments":[{"id":"` + id + `","first":5,"last":9},{"id":"` + id + `","first":9,"last":12}]}`,
		`{"format":1,"lane":"inbox","segments":[{"id":"..","first":1,"last":1}]}`,
		`{"format":2,"lane":"inbox"}`, `{"format":1,"lane":"now"}`, `{"format":1,"lane":"inbox","segments":null} {}`, `[]`,
	} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := parsePlan(data, eventlog.Inbox)
		if err != nil {
			return
		}
		var before uint64
		for _, s := range p.Segments {
			if _, err := s.id(); err != nil || s.First <= before || s.Last < s.First {
				t.Errorf("%+v is accepted behind %d", s, before)
			}
			before = s.Last
		}
		again, err := json.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		if q, err := parsePlan(again, eventlog.Inbox); err != nil || len(q.Segments) != len(p.Segments) || q.Marks != p.Marks {
			t.Errorf("%+v becomes %+v: %v", p, q, err)
		}
	})
}
