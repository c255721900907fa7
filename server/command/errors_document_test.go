package command_test

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/doorstep-dev/doorstep/sync/fault"
)

var update = flag.Bool("update", false, "write docs/ERRORS.md anew")

const page = "../../docs/ERRORS.md"

// kinds are what the border makes of each kind: the Connect code (server/rpc/wire.go).
var kinds = map[fault.Kind]string{
	fault.KindInternal: "internal", fault.KindInvalid: "invalid_argument", fault.KindUnauthenticated: "unauthenticated",
	fault.KindForbidden: "permission_denied", fault.KindNotFound: "not_found", fault.KindConflict: "aborted",
	fault.KindExhausted: "resource_exhausted", fault.KindUnavailable: "unavailable", fault.KindCanceled: "canceled",
	fault.KindTimeout: "deadline_exceeded", fault.KindTooOld: "failed_precondition",
}

func document() string {
	var b strings.Builder
	b.WriteString(`# Errors

Every error carries a ` + "`doorstep.types.v1.Problem`" +
		` as a detail. It has a code from this list, a sentence in English
and in Chinese, and, where it helps, how long to wait. A detail in parentheses may follow the sentence, in the same
language.
Verdicts of mutations use the same codes.

* Programs decide by the code. People read the sentence.
* A code is never reused and never changes its meaning.
* A client treats a code that it does not know by its Connect code.
* "Again" says whether the same call may succeed later without anybody changing anything.

Written by ` + "`go test ./server/command -run TheListOfErrors -update`" + `. The engine's codes are in
sync/fault/codes.go, those of a room in its codes.go.

| code | Connect code | again | English | 中文 |
| --- | --- | --- | --- | --- |
`)
	for _, d := range fault.Definitions() {
		again := "no"
		if d.Retryable {
			again = "yes"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s |\n", d.Code, kinds[d.Kind], again, d.English, d.Chinese)
	}
	return b.String()
}

func TestTheListOfErrorsIsFresh(t *testing.T) {
	t.Parallel()
	if *update {
		if err := os.WriteFile(page, []byte(document()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != document() {
		t.Error("docs/ERRORS.md is not what the codes say; run: go test ./server/command -run TheListOfErrors -update")
	}
}

func TestEveryCodeSpeaksBothLanguages(t *testing.T) {
	t.Parallel()
	for _, d := range fault.Definitions() {
		if d.English == "" || d.Chinese == "" || strings.ContainsAny(d.English+d.Chinese, "|\n") || kinds[d.Kind] == "" {
			t.Errorf("%s: %+v", d.Code, d)
		}
		if d.Code != fault.Code(strings.ToLower(string(d.Code))) || d.Code == "" {
			t.Errorf("%s is not lower_snake_case", d.Code)
		}
	}
}
