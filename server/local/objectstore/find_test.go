package objectstore

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/doorstep-dev/doorstep/server/local/failure"
	"github.com/doorstep-dev/doorstep/sync/fault"
)

func onPath(found string) func(string) (string, error) {
	return func(string) (string, error) {
		if found == "" {
			return "", exec.ErrNotFound
		}
		return found, nil
	}
}

func program(t *testing.T, dir, name string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, nil, 0o755); err != nil { //nolint:gosec // a program is executable
		t.Fatal(err)
	}
	return path
}

func TestTheStoreBesideTheProgramIsTakenFirst(t *testing.T) {
	t.Parallel()
	dir, err := filepath.EvalSymlinks(t.TempDir()) // macOS keeps temporary files behind one
	if err != nil {
		t.Fatal(err)
	}
	exe, beside := program(t, dir, "doorstep"), program(t, dir, ProgramName)
	link := filepath.Join(t.TempDir(), "doorstep")
	if err := os.Symlink(exe, link); err != nil {
		t.Skip("no right to make a symbolic link")
	}
	for _, called := range []string{exe, exe + " (deleted)", link} {
		got, err := find(called, onPath("/elsewhere/"+ProgramName))
		if err != nil || got != beside {
			t.Errorf("called as %s: %q, %v", called, got, err)
		}
	}
}

func TestTheStoreOnPathIsTakenElse(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	found := program(t, t.TempDir(), ProgramName)
	if got, err := find(program(t, dir, "doorstep"), onPath(found)); err != nil || got != found {
		t.Errorf("%q, %v", got, err)
	}
	if err := os.Mkdir(filepath.Join(dir, ProgramName), 0o700); err != nil { // a folder of that name is no program
		t.Fatal(err)
	}
	if got, err := find(filepath.Join(dir, "doorstep"), onPath(found)); err != nil || got != found {
		t.Errorf("%q, %v", got, err)
	}
}

func TestAMissingStoreIsRefusedWithWhatToDo(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	_, err := find(filepath.Join(dir, "doorstep"), onPath(""))
	if fault.CodeOf(err) != failure.ToolMissing {
		t.Fatalf("got %v", err)
	}
	for _, lang := range []string{"en", "zh"} {
		said := fault.As(err).Public(lang)
		for _, want := range []string{"doorstep-store", dir, "make build", "DOORSTEP_S3_ENDPOINT"} {
			if !strings.Contains(said, want) {
				t.Errorf("%q is not in %q", want, said)
			}
		}
	}
	t.Log(fault.As(err).Public("zh"))
}
