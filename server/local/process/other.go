//go:build !unix

package process

import (
	"errors"
	"math"
	"os"
	"syscall"
)

// Supported is nil where the services of a demo can run.
func Supported() error {
	return errors.New("the demo's own database and object store run on Linux and macOS; on Windows use WSL, or give " +
		"--database-url and --s3-endpoint")
}

// Kill ends a process at once. One that is gone already is no error.
func Kill(pid int) error {
	p, err := os.FindProcess(pid)
	if err == nil {
		err = p.Kill()
	}
	if errors.Is(err, os.ErrProcessDone) {
		return nil
	}
	return err
}

// Send ends a process: there are no signals here.
func Send(pid int, _ syscall.Signal) error { return Kill(pid) }

// Gone tells whether no process has this number.
func Gone(pid int) bool {
	_, err := os.FindProcess(pid)
	return err != nil
}

// Endings are the signals that end a stray process, each harder than the last.
var Endings = []syscall.Signal{syscall.SIGKILL}

// Group changes nothing here.
func Group(bool) *syscall.SysProcAttr { return &syscall.SysProcAttr{} }

// As changes nothing here.
func As(int, int) *syscall.SysProcAttr { return &syscall.SysProcAttr{} }

// CloseOnExec changes nothing: children get no files here but their own.
func CloseOnExec(int) {}

// Owner tells whose a file is; ok is false where the system does not say.
func Owner(os.FileInfo) (uid, gid int, ok bool) { return 0, 0, false }

// Free is how many bytes are free on the disk of a folder; nobody asks for less than there is here.
func Free(string) (uint64, error) { return math.MaxUint64, nil }
