// Package filelock is the kernel's advisory lock on a file: it goes with the process that holds it, however that
// process ends, and so is never stale.
package filelock

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"
)

// ErrHeld tells that another process, or another lock of this one, is in the way.
var ErrHeld = errors.New("filelock: held by another")

// Lock is a held lock.
type Lock struct{ file *os.File }

// TryExclusive takes the lock at path alone, or returns ErrHeld at once.
func TryExclusive(path string) (*Lock, error) { return take(path, syscall.LOCK_EX|syscall.LOCK_NB) }

// Exclusive takes the lock at path alone, waiting for it until ctx ends.
func Exclusive(ctx context.Context, path string) (*Lock, error) {
	return wait(ctx, path, syscall.LOCK_EX|syscall.LOCK_NB)
}

// Shared takes the lock at path together with other sharers, waiting for it until ctx ends.
func Shared(ctx context.Context, path string) (*Lock, error) {
	return wait(ctx, path, syscall.LOCK_SH|syscall.LOCK_NB)
}

// wait asks again and again: a thread that waits in the kernel could not be called back.
func wait(ctx context.Context, path string, how int) (*Lock, error) {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		l, err := take(path, how)
		if !errors.Is(err, ErrHeld) {
			return l, err
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("%w: %s: %w", ErrHeld, path, ctx.Err())
		case <-tick.C:
		}
	}
}

func take(path string, how int) (*Lock, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("filelock: %w", err)
	}
	for err = syscall.EINTR; errors.Is(err, syscall.EINTR); {
		err = syscall.Flock(int(f.Fd()), how)
	}
	if err != nil {
		if errors.Is(err, syscall.EWOULDBLOCK) {
			err = ErrHeld
		}
		return nil, errors.Join(err, f.Close())
	}
	return &Lock{file: f}, nil
}

// Release gives the lock back; the file stays. It says so in words, for closing alone would leave the lock to a child process
// that was forked meanwhile and has not begun its program yet.
func (l *Lock) Release() error {
	return errors.Join(syscall.Flock(int(l.file.Fd()), syscall.LOCK_UN), l.file.Close())
}
