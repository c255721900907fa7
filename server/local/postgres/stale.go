package postgres

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/doorstep-dev/doorstep/server/local/failure"
	"github.com/doorstep-dev/doorstep/server/local/process"
	"github.com/doorstep-dev/doorstep/sync/fault"
)

// clearPID deals with the postmaster.pid of a run that did not end in order. PostgreSQL would refuse to start
// when any process of the same account has that number by now; the caller's lock on the folder tells us more
// than PostgreSQL can know. A postmaster that did outlive its supervisor is stopped first.
func (c *cluster) clearPID() error {
	path := filepath.Join(c.data(), "postmaster.pid")
	raw, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return folderFault(err, path)
	}
	first, _, _ := strings.Cut(string(raw), "\n")
	pid, err := strconv.Atoi(strings.TrimSpace(first))
	if err == nil && pid > 1 && c.isOurs(pid) {
		if err := endStray(pid); err != nil {
			return err
		}
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return folderFault(err, path)
	}
	return nil
}

// isOurs tells whether process pid is a postmaster on this very folder.
func (c *cluster) isOurs(pid int) bool {
	cmdline, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	if err != nil {
		if cmdline, err = exec.Command("ps", "-o", "command=", "-p", strconv.Itoa(pid)).Output(); err != nil {
			return false
		}
	}
	return strings.Contains(string(cmdline), "postgres") && strings.Contains(string(cmdline), c.data())
}

// endStray stops a process that is not our child and waits until it is gone.
func endStray(pid int) error {
	for _, sig := range process.Endings {
		_ = process.Send(pid, sig) // it may just have gone
		if goneWithin(pid, 10*time.Second) {
			return nil
		}
	}
	return fault.New(failure.Running, "PostgreSQL, process %d", pid)
}

// goneWithin asks again and again: the kernel tells nobody but a parent when a process ends.
func goneWithin(pid int, limit time.Duration) bool {
	end := time.NewTimer(limit)
	defer end.Stop()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		if process.Gone(pid) {
			return true
		}
		select {
		case <-end.C:
			return false
		case <-tick.C:
		}
	}
}

func (c *cluster) logSize() int64 {
	info, err := os.Stat(c.logPath())
	if err != nil {
		return 0
	}
	return info.Size()
}

// logSince is what PostgreSQL wrote to its log after from, at most 64 KiB; empty when it cannot be read.
func (c *cluster) logSince(from int64) string {
	f, err := os.Open(c.logPath())
	if err != nil {
		return ""
	}
	defer f.Close()
	raw, err := io.ReadAll(io.NewSectionReader(f, from, 64<<10))
	if err != nil {
		return ""
	}
	return string(raw)
}
