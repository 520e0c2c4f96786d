package frame

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// TestPlain compares what looks at eight bytes at once with what it stands for.
func TestPlain(t *testing.T) {
	t.Parallel()
	odd := rapid.SampledFrom([]byte("ab <&]'\"\x00\x1f\x20!%#;=\\^\x7f\x80\xa6\xbc\xff"))
	rapid.Check(t, func(rt *rapid.T) {
		b := rapid.SliceOfN(rapid.OneOf(odd, rapid.Byte()), 0, 24).Draw(rt, "bytes")
		b = append([]byte(strings.Repeat("a", rapid.IntRange(0, 16).Draw(rt, "plain before"))), b...)
		if got, want := plainText(b, 0), first(b, "<&]"); got != want {
			rt.Fatalf("text %q: %d, want %d", b, got, want)
		}
		if got, want := plainValue(b, 0), first(b, "<&'\""); got != want {
			rt.Fatalf("value %q: %d, want %d", b, got, want)
		}
	})
}

// first returns the index of the first byte of b that is a control, beyond ASCII or one of stops.
func first(b []byte, stops string) int {
	for i, c := range b {
		if c < 0x20 || c >= 0x80 || strings.IndexByte(stops, c) >= 0 {
			return i
		}
	}
	return len(b)
}
