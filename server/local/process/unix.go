//go:build unix

package process

import (
	"errors"
	"os"
	"syscall"
)

// Supported is nil where the services of a demo can run.
func Supported() error { return nil }

// Kill ends a process at once. One that is gone already is no error.
func Kill(pid int) error { return Send(pid, syscall.SIGKILL) }

// Send sends a signal to a process. One that is gone already is no error.
func Send(pid int, sig syscall.Signal) error {
	if err := syscall.Kill(pid, sig); err != nil && !errors.Is(err, syscall.ESRCH) {
		return err
	}
	return nil
}

// Gone tells whether no process has this number.
func Gone(pid int) bool { return errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) }

// Endings are the signals that end a stray process, each harder than the last.
var Endings = []syscall.Signal{syscall.SIGINT, syscall.SIGQUIT, syscall.SIGKILL}

// Group gives a child a process group of its own, so that Ctrl-C at the terminal reaches the parent alone, or,
// detached, a session of its own.
func Group(detached bool) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: !detached, Setsid: detached}
}

// As has a child run as another account, in a process group of its own.
func As(uid, gid int) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
}

// CloseOnExec keeps an open file from what this process starts.
func CloseOnExec(fd int) { syscall.CloseOnExec(fd) }

// Owner tells whose a file is; ok is false where the system does not say.
func Owner(info os.FileInfo) (uid, gid int, ok bool) {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, 0, false
	}
	return int(st.Uid), int(st.Gid), true
}

// Free is how many bytes are free on the disk of a folder.
func Free(dir string) (uint64, error) {
	var st syscall.Statfs_t
	if err := syscall.Statfs(dir, &st); err != nil {
		return 0, err
	}
	return uint64(st.Bavail) * uint64(st.Bsize), nil
}
