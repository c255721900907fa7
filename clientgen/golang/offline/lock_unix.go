//go:build unix

package offline

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"

	"github.com/doorstep-dev/doorstep/internal/fault"
)

// lock takes the store for this process; the kernel gives it back when the process ends, however it ends. Unlocking says so in words,
// for closing alone would leave the lock to a child process that was forked meanwhile and has not begun its program yet.
func lock(path string) (unlock func() error, err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fault.Wrap(err, fault.StoreUnusable, "%s", path)
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return nil, errors.Join(fault.Wrap(err, fault.StoreLocked, ""), f.Close())
	}
	return func() error { return errors.Join(unix.Flock(int(f.Fd()), unix.LOCK_UN), f.Close()) }, nil
}
