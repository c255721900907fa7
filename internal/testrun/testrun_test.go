package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
)

// play feeds a report with events and gives its verdict and its text.
func play(t *testing.T, list string, strict bool, events ...event) (bool, string) {
	t.Helper()
	allowed, err := exceptions(list)
	if err != nil {
		t.Fatal(err)
	}
	var in, out bytes.Buffer
	for _, e := range events {
		line, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		in.Write(append(line, '\n'))
	}
	r := &report{out: &out, total: 1}
	if err := r.read(&in); err != nil {
		t.Fatal(err)
	}
	return r.end(allowed, strict), out.String()
}

var left = []event{
	{Action: "output", Package: module + "server/pay", Test: "TestA/real", Output: "=== RUN   TestA/real\n"},
	{Action: "output", Package: module + "server/pay", Test: "TestA/real", Output: "    a_test.go:7: no data: here\n"},
	{Action: "output", Package: module + "server/pay", Test: "TestA/real", Output: "--- SKIP: TestA/real (0.00s)\n"},
	{Action: "skip", Package: module + "server/pay", Test: "TestA/real"},
	{Action: "pass", Package: module + "server/pay"},
}

func TestASkipIsListedWithItsReason(t *testing.T) {
	t.Parallel()
	ok, out := play(t, "", false, left...)
	if !ok || !strings.Contains(out, "server/pay TestA/real: no data: here") {
		t.Errorf("%v %s", ok, out)
	}
}

func TestASkipIsAFailureWhereNothingMayBeLeftOut(t *testing.T) {
	t.Parallel()
	if ok, out := play(t, "", true, left...); ok || !strings.Contains(out, "not in the list of exceptions") {
		t.Errorf("%v %s", ok, out)
	}
	for _, list := range []string{
		"... */real it has a twin", "server/* TestA/real it has a twin",
		"# a remark\n\nserver/pay TestA/* twin",
	} {
		if ok, out := play(t, list, true, left...); !ok {
			t.Errorf("%s: %s", list, out)
		}
	}
	for _, list := range []string{"server/ticket */real other package", "server/pay TestB other test"} {
		if ok, out := play(t, list, true, left...); ok {
			t.Errorf("%s: %s", list, out)
		}
	}
}

func TestAnExceptionNeedsItsReason(t *testing.T) {
	t.Parallel()
	for _, list := range []string{"server/pay TestA", "server/pay Test[ broken"} {
		if _, err := exceptions(list); err == nil {
			t.Errorf("%q is taken", list)
		}
	}
}

func TestWhatFailedIsReadAtTheEnd(t *testing.T) {
	t.Parallel()
	const p = module + "sync/feed"
	ok, out := play(
		t, "", false,
		event{Action: "output", Package: p, Test: "TestGood", Output: "a good word\n"},
		event{Action: "pass", Package: p, Test: "TestGood"},
		event{Action: "output", Package: p, Test: "TestBad", Output: "    feed_test.go:1: got 1, want 2\n"},
		event{Action: "fail", Package: p, Test: "TestBad"},
		event{Action: "output", Package: p, Test: "TestStuck", Output: "panic: test timed out\n"},
		event{Action: "fail", Package: p},
		event{Action: "output", Package: module + "sync/watch", Output: "ok\n"},
		event{Action: "pass", Package: module + "sync/watch"},
	)
	if ok || strings.Contains(out, "a good word") || !strings.Contains(out, "panic: test timed out") {
		t.Errorf("%v %s", ok, out)
	}
	_, summary, found := strings.Cut(out, "FAILED after")
	if !found || !strings.Contains(summary, "sync/feed TestBad") || strings.Contains(summary, "got 1") {
		t.Errorf("the end: %s", summary)
	}
}

func TestWhatDoesNotBuildIsAFailure(t *testing.T) {
	t.Parallel()
	ok, out := play(t, "", false,
		event{Action: "build-output", ImportPath: module + "sync/feed", Output: "feed.go:1:1: syntax error\n"},
		event{Action: "fail", Package: module + "sync/feed", FailedBuild: module + "sync/feed"})
	if ok || !strings.Contains(out, "syntax error") || !strings.Contains(out, "  sync/feed\n") {
		t.Errorf("%v %s", ok, out)
	}
}
