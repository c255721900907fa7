// Package storeprogram builds doorstep-store for tests, once for all test processes of a working copy.
package storeprogram

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"

	"github.com/gofrs/flock"

	"github.com/doorstep-dev/doorstep/server/local/objectstore"
	"github.com/doorstep-dev/doorstep/server/local/process"
)

const (
	program  = "github.com/doorstep-dev/doorstep/server/local/doorstep-store"
	patience = 5 * time.Minute // the first build on a slow machine

	lockRetry = 50 * time.Millisecond
)

// Build builds doorstep-store into a folder of the calling user and returns the program's path. Processes that call it
// at the same time wait for each other; when nothing has changed since the last build it takes a fraction of a second.
func Build() (string, error) {
	where, err := os.Getwd()
	if err != nil {
		return "", err
	}
	root, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}").Output()
	if err != nil {
		return "", fmt.Errorf("find the module from %s: %w", where, err)
	}
	sum := sha256.Sum256(root)
	dir := filepath.Join(os.TempDir(), "doorstep-store-"+strconv.Itoa(os.Geteuid()), hex.EncodeToString(sum[:6]))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	info, err := os.Stat(filepath.Dir(dir))
	if err != nil {
		return "", err
	}
	if uid, _, ok := process.Owner(info); ok && uid != os.Geteuid() {
		return "", fmt.Errorf("%s belongs to somebody else", filepath.Dir(dir))
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	lock := flock.New(filepath.Join(dir, "lock"))
	if _, err := lock.TryLockContext(ctx, lockRetry); err != nil {
		return "", fmt.Errorf("wait for the one who builds: %w", err)
	}
	defer lock.Close()
	bin := filepath.Join(dir, objectstore.ProgramName)
	cmd := exec.CommandContext(ctx, "go", "build", "-o", bin, program) // does nothing when it is fresh
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build doorstep-store: %w\n%s", err, out)
	}
	return bin, nil
}
