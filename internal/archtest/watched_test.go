package archtest

import (
	"bytes"
	"strings"
	"testing"
)

// reserved are words of the tests' watch over statements that the program itself must not say, lest it slip out
// from under it.
var reserved = []string{"/* on purpose */", "postgres.Observe(", "outside.Observe("}

func TestTheProgramDoesNotSlipOutFromUnderTheWatchOverItsStatements(t *testing.T) {
	t.Parallel()
	walk(t, func(name string, read func() []byte) {
		if !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") || within(name, "internal/pgtest") {
			return
		}
		for _, word := range reserved {
			if bytes.Contains(read(), []byte(word)) {
				t.Errorf("%s says %s, which is for tests alone", name, word)
			}
		}
	})
}
