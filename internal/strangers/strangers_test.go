package strangers

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"
)

// What another program needs of this module it can import: the engine, the Go client, the messages, errors of its own.
func TestAModuleOutsideBuildsAServerAndAClientOnThisOne(t *testing.T) {
	t.Parallel()
	_, here, _, _ := runtime.Caller(0)
	root := filepath.Join(filepath.Dir(here), "..", "..")
	ours, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	module := regexp.MustCompile(`(?m)^module (\S+)$`).FindSubmatch(ours)
	version := regexp.MustCompile(`(?m)^go (\S+)$`).FindSubmatch(ours)
	uuid := regexp.MustCompile(`(?m)^\s*(github.com/google/uuid \S+)`).FindSubmatch(ours)
	if module == nil || version == nil || uuid == nil {
		t.Fatal("go.mod names no module, Go version or uuid")
	}
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("testdata/courier")); err != nil {
		t.Fatal(err)
	}
	theirs := fmt.Sprintf("module example.org/courier\n\ngo %s\n\nrequire (\n\t%s v0.0.0\n\t%s\n)\n\nreplace %s => %s\n",
		version[1], module[1], uuid[1], module[1], root)
	sums, err := os.ReadFile(filepath.Join(root, "go.sum"))
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string][]byte{"go.mod": []byte(theirs), "go.sum": sums} {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "go", "run", "-mod=mod", ".", t.TempDir())
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	want := `the feed holds {"Address":"Fisher Lane 3","Done":false}
the phone shows {"Address":"Fisher Lane 3","Done":true}
unsent: 1
applied
courier_already_handed_over
Somebody has handed this parcel over already. (parcel for Fisher Lane 3)
该包裹已由他人送达。 (送往 Fisher Lane 3 的包裹)
TICKET_STATE_NEW
`
	if got := string(out[max(0, strings.Index(string(out), "the feed holds")):]); got != want {
		t.Errorf("got:\n%s\nwant:\n%s", out, want)
	}
}
