//go:build !linux

package postgres

import "syscall"

// dieWithParent can do nothing here; the next start ends a postmaster that outlived its supervisor.
func dieWithParent(*syscall.SysProcAttr) {}
