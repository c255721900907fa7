// Package shared finds the real input (orders, photos) that lies beside the project and is not part of it.
package shared

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"
)

// Path returns the path of a file or folder under ../shared/data, seen from the project's root. The test is
// skipped, with a clear word, on a machine that does not have it: its licence keeps it out of the project.
func Path(t testing.TB, elem ...string) string {
	t.Helper()
	_, here, _, _ := runtime.Caller(0)
	root := filepath.Dir(filepath.Dir(filepath.Dir(here)))
	p := filepath.Join(append([]string{root, "..", "shared", "data"}, elem...)...)
	if _, err := os.Stat(p); err != nil {
		t.Skipf("real input %s is not on this machine", filepath.Join(elem...))
	}
	return p
}
