package retention

import (
	"testing"
)

func TestBuiltInPolicyIsValid(t *testing.T) {
	t.Parallel()
	if _, err := Load(""); err != nil {
		t.Fatal(err)
	}
}
