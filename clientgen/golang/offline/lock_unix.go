//go:build unix

package offline

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"

	"github.com/doorstep-dev/doorstep/sync/fault"
)

// lock takes a lock file for this opening of it, beside other sharers or alone; StoreLocked when somebody else has it.
// The kernel gives it back when the process ends, however it ends. Unlocking says so in words, for closing alone would
// leave the lock to a child process that was forked meanwhile and has not begun its program yet.
func lock(path string, shared bool) (unlock func() error, err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, unusable(err, path)
	}
	how := unix.LOCK_EX
	if shared {
		how = unix.LOCK_SH
	}
	if err := unix.Flock(int(f.Fd()), how|unix.LOCK_NB); err != nil {
		return nil, errors.Join(fault.Wrap(err, fault.StoreLocked, ""), f.Close())
	}
	return func() error { return errors.Join(unix.Flock(int(f.Fd()), unix.LOCK_UN), f.Close()) }, nil
}
