package offline

import (
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"golang.org/x/sys/unix"
)

// A child process holds all that its parent had open, from the fork until its own program begins.
func TestAStoreThatWasClosedIsFreeWhileAChildProcessStillHasItsFiles(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "lock")
	unlock, err := lock(path, false)
	if err != nil {
		t.Fatal(err)
	}
	child := -1
	open, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	for _, fd := range open {
		if to, err := os.Readlink(filepath.Join("/proc/self/fd", fd.Name())); err != nil || to != path {
			continue
		}
		n, err := strconv.Atoi(fd.Name())
		if err != nil {
			t.Fatal(err)
		}
		if child, err = unix.Dup(n); err != nil {
			t.Fatal(err)
		}
	}
	if child < 0 {
		t.Fatal("the lock is nowhere open")
	}
	defer func() {
		if err := unix.Close(child); err != nil {
			t.Error(err)
		}
	}()
	if err := unlock(); err != nil {
		t.Fatal(err)
	}
	again, err := lock(path, false)
	if err != nil {
		t.Fatal(err)
	}
	if err := again(); err != nil {
		t.Error(err)
	}
}
