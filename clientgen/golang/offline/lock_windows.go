package offline

import (
	"errors"
	"os"

	"golang.org/x/sys/windows"

	"github.com/doorstep-dev/doorstep/internal/fault"
)

// lock takes the store for this process; the system gives it back when the process ends, however it ends.
func lock(path string) (unlock func() error, err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fault.Wrap(err, fault.StoreUnusable, "%s", path)
	}
	const flags = windows.LOCKFILE_EXCLUSIVE_LOCK | windows.LOCKFILE_FAIL_IMMEDIATELY
	if err := windows.LockFileEx(windows.Handle(f.Fd()), flags, 0, 1, 0, &windows.Overlapped{}); err != nil {
		return nil, errors.Join(fault.Wrap(err, fault.StoreLocked, ""), f.Close())
	}
	return f.Close, nil
}
