package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

const module = "github.com/doorstep-dev/doorstep/"

// event is one line of go test -json; see go doc test2json.
type event struct {
	Action, Package, Test, Output string
	ImportPath                    string // of what does not build
	FailedBuild                   string
	Elapsed                       float64
}

// name is a test of a package; without a test it is the package's own output.
type name struct{ pkg, test string }

func (n name) String() string {
	return strings.TrimSpace(strings.TrimPrefix(n.pkg, module) + " " + n.test)
}

// skip is a test that was left out, and its reason.
type skip struct {
	name
	reason string
}

// report collects what go test says.
type report struct {
	out         io.Writer
	began       time.Time
	total, done int
	order       []name // of output, as it came
	said        map[name][]string
	failed      map[name]bool
	builds      []string // what the compiler says
	skips       []skip
}

func (r *report) read(events io.Reader) error {
	r.said, r.failed = map[name][]string{}, map[name]bool{}
	lines := bufio.NewReader(events)
	for {
		line, err := lines.ReadString('\n')
		if line != "" {
			var e event
			if json.Unmarshal([]byte(line), &e) == nil {
				r.take(e)
			} else {
				r.builds = append(r.builds, line) // go test's own words
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func (r *report) take(e event) {
	n := name{e.Package, e.Test}
	switch e.Action {
	case "build-output":
		r.builds = append(r.builds, e.Output)
	case "output":
		if _, ok := r.said[n]; !ok {
			r.order = append(r.order, n)
		}
		r.said[n] = append(r.said[n], e.Output)
	case "pass", "skip", "fail":
		if e.Test == "" {
			r.finished(e)
			return
		}
		switch e.Action {
		case "skip":
			r.skips = append(r.skips, skip{n, reason(r.said[n])})
			delete(r.said, n)
		case "pass":
			delete(r.said, n)
		case "fail":
			r.failed[n] = true
		}
	}
}

// finished is the end of a package: what it said stays only if it failed.
func (r *report) finished(e event) {
	r.done++
	short := strings.TrimPrefix(e.Package, module)
	if e.Action == "fail" {
		r.failed[name{pkg: e.Package}] = true
		fmt.Fprintf(r.out, "%s %s: FAILED\n", r.progress(), short)
		return
	}
	r.order = slices.DeleteFunc(r.order, func(n name) bool {
		if n.pkg == e.Package {
			delete(r.said, n)
		}
		return n.pkg == e.Package
	})
	if e.Action == "pass" {
		fmt.Fprintf(r.out, "%s %s (%.1f s)\n", r.progress(), short, e.Elapsed)
	}
}

func (r *report) progress() string {
	return fmt.Sprintf("%s %d/%d", time.Since(r.began).Round(time.Second), r.done, max(r.total, r.done))
}

// noise begins the lines of go test that say nothing about a failure.
var noise = []string{"=== RUN", "=== PAUSE", "=== CONT", "=== NAME", "--- PASS", "--- SKIP"}

func heard(lines []string) []string {
	return slices.DeleteFunc(slices.Clone(lines), func(l string) bool {
		l = strings.TrimSpace(l)
		return slices.ContainsFunc(noise, func(n string) bool { return strings.HasPrefix(l, n) })
	})
}

// reason is the last thing that a skipped test says, without its place.
func reason(lines []string) string {
	said := heard(lines)
	if len(said) == 0 {
		return "no reason given"
	}
	last := strings.TrimSpace(said[len(said)-1])
	if _, after, ok := strings.Cut(last, ".go:"); ok {
		if _, words, ok := strings.Cut(after, ": "); ok {
			return words
		}
	}
	return last
}

// end prints the summary and tells whether all is well.
func (r *report) end(allowed []exception, strict bool) bool {
	refused := r.skipped(allowed, strict)
	for _, line := range r.builds {
		fmt.Fprint(r.out, line)
	}
	var failed []name
	for _, n := range r.order {
		// A test without an end was running when its package failed.
		if lines := heard(r.said[n]); r.failed[name{pkg: n.pkg}] && len(lines) > 0 {
			fmt.Fprintf(r.out, "\n== %s\n%s", n, strings.Join(lines, ""))
		}
	}
	for n := range r.failed {
		failed = append(failed, n)
	}
	slices.SortFunc(failed, func(a, b name) int { return strings.Compare(a.String(), b.String()) })
	if len(failed) > 0 {
		fmt.Fprintf(r.out, "\nFAILED after %s:\n", time.Since(r.began).Round(time.Second))
	}
	for _, n := range failed {
		if n.test != "" || !slices.ContainsFunc(failed, func(o name) bool { return o.pkg == n.pkg && o.test != "" }) {
			fmt.Fprintf(r.out, "  %s\n", n)
		}
	}
	return len(failed) == 0 && refused == 0
}

// skipped lists what was left out, and counts what should not have been.
func (r *report) skipped(allowed []exception, strict bool) int {
	if len(r.skips) == 0 {
		return 0
	}
	refused := 0
	fmt.Fprintf(r.out, "\n%d tests skipped:\n", len(r.skips))
	for _, s := range r.skips {
		mark := ""
		if !slices.ContainsFunc(allowed, func(e exception) bool { return e.covers(s.name) }) {
			mark = " (not in the list of exceptions)"
			refused++
		}
		fmt.Fprintf(r.out, "  %s: %s%s\n", s.name, s.reason, mark)
	}
	if !strict {
		return 0
	}
	if refused > 0 {
		fmt.Fprintf(r.out, "DOORSTEP_ALL is set: %d skipped tests count as failures\n", refused)
	}
	return refused
}
