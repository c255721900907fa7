package offline

import (
	"errors"
	"os"

	"golang.org/x/sys/windows"

	"github.com/doorstep-dev/doorstep/sync/fault"
)

// lock takes a lock file for this opening of it, beside other sharers or alone; StoreLocked when somebody else has it.
// The system gives it back when the process ends, however it ends.
func lock(path string, shared bool) (unlock func() error, err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, unusable(err, path)
	}
	flags := uint32(windows.LOCKFILE_FAIL_IMMEDIATELY)
	if !shared {
		flags |= windows.LOCKFILE_EXCLUSIVE_LOCK
	}
	if err := windows.LockFileEx(windows.Handle(f.Fd()), flags, 0, 1, 0, &windows.Overlapped{}); err != nil {
		return nil, errors.Join(fault.Wrap(err, fault.StoreLocked, ""), f.Close())
	}
	return f.Close, nil
}
