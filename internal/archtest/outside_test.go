package archtest

import (
	"bytes"
	"strings"
	"testing"
)

// callers may call other programs and hosts without internal/outside, each for its reason.
var callers = []string{
	"server/local",   // starts PostgreSQL and the store of a machine alone
	"server/load",    // is a client
	"server/demo",    // is a client
	"server/phone",   // is a client
	"server/command", // the commands' own
	"server/app",     // starts and stops; its rooms are looked at each
	"server/rpc",     // is called
}

// calls are the words by which a program calls another.
var calls = []string{
	"&http.Transport{", "http.DefaultClient", "http.DefaultTransport", "&http.Client{", "exec.Command",
	"net.Dial", "smtp.",
}

// What calls other programs says so to internal/outside, by which the tests see that it happens in no transaction.
func TestWhatCallsOtherProgramsSaysSo(t *testing.T) {
	t.Parallel()
	found := 0
	walk(t, func(name string, read func() []byte) {
		if !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") || !within(name, "server", "sync") ||
			within(name, callers...) ||
			strings.Contains(name, "sync/synctest") {
			return
		}
		text := read()
		for _, word := range calls {
			if bytes.Contains(text, []byte(word)) {
				found++
				if !bytes.Contains(text, []byte("outside.")) {
					t.Errorf("%s says %s and does not tell internal/outside", name, word)
				}
			}
		}
	})
	if found == 0 {
		t.Error("nothing calls anything: the words are wrong")
	}
}
