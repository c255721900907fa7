package postgres

import "syscall"

// dieWithParent has the kernel ask for a fast shutdown when the supervisor itself is killed.
func dieWithParent(a *syscall.SysProcAttr) { a.Pdeathsig = syscall.SIGINT }
