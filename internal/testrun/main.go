// Command testrun runs go test, shows how far it is, and says at the end what failed and what was skipped:
//
//	go run ./internal/testrun [-allow FILE] -- -race ./...
//
// What follows -- are arguments of go test. With DOORSTEP_ALL=1 a skipped test is a failure, unless the file of
// exceptions names it.
package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"
)

func main() {
	allow := flag.String("allow", "", "file of tests that may be skipped, with reasons")
	flag.Parse()
	ok, err := run(os.Stdout, *allow, os.Getenv("DOORSTEP_ALL") != "", flag.Args())
	if err != nil {
		fmt.Fprintln(os.Stderr, "testrun:", err)
	}
	if err != nil || !ok {
		os.Exit(1)
	}
}

// run tells whether all is well. An error is a fault of the run itself, not of a test.
func run(out io.Writer, allow string, strict bool, args []string) (bool, error) {
	var allowed []exception
	if allow != "" {
		text, err := os.ReadFile(allow)
		if err != nil {
			return false, err
		}
		if allowed, err = exceptions(string(text)); err != nil {
			return false, fmt.Errorf("%s: %w", allow, err)
		}
	}
	r := &report{out: out, began: time.Now(), total: count(args)}
	cmd := exec.Command("go", append([]string{"test", "-json"}, args...)...)
	cmd.Stderr = os.Stderr
	events, err := cmd.StdoutPipe()
	if err != nil {
		return false, err
	}
	if err := cmd.Start(); err != nil {
		return false, err
	}
	if err := r.read(events); err != nil {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // killed
		return false, err
	}
	passed := cmd.Wait() == nil
	return r.end(allowed, strict) && passed, nil
}

// count is how many packages the arguments name; 0 if that cannot be said.
func count(args []string) int {
	var packages []string
	for _, a := range args {
		if strings.HasPrefix(a, "./") || strings.HasPrefix(a, "github.com/") {
			packages = append(packages, a)
		}
	}
	list, err := exec.Command("go", append([]string{"list"}, packages...)...).Output()
	if err != nil {
		return 0 // go test will say what is wrong
	}
	return strings.Count(string(list), "\n")
}
