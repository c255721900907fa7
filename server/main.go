// Command doorstep is the server of Doorstep (上门) and everything around it: see `doorstep --help`.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/doorstep-dev/doorstep/server/command"
	"github.com/doorstep-dev/doorstep/server/local"
)

func main() {
	local.RunChild()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	ctx = local.WithParent(ctx)
	// A second signal ends the process at once: whoever waits for a drain may lose patience.
	context.AfterFunc(ctx, stop)
	code := command.Run(ctx, os.Args[1:], command.Console{In: os.Stdin, Out: os.Stdout, Err: os.Stderr, Getenv: os.Getenv})
	stop()
	os.Exit(code)
}
