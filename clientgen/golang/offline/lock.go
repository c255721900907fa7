package offline

import (
	"github.com/gofrs/flock"

	"github.com/doorstep-dev/doorstep/sync/fault"
)

// lock takes a lock file for this opening of it, beside other sharers or alone; StoreLocked when somebody else has it.
// The system gives it back when the process ends, however it ends. Unlocking says so in words, for closing alone would
// leave the lock to a child process that was forked meanwhile and has not begun its program yet.
func lock(path string, shared bool) (unlock func() error, err error) {
	l := flock.New(path, flock.SetPermissions(0o600))
	try := l.TryLock
	if shared {
		try = l.TryRLock
	}
	ok, err := try()
	switch {
	case err != nil:
		return nil, unusable(err, path)
	case !ok:
		return nil, fault.New(fault.StoreLocked, "")
	}
	return l.Unlock, nil
}
