package command

import (
	"context"
	"os"
	"time"

	"golang.org/x/term"

	"github.com/doorstep-dev/doorstep/server/phone"
)

// phoning hands everything after `doorstep phone` to the phone, which has a grammar of its own.
type phoning struct {
	Args []string `arg:"" optional:"" passthrough:""`
}

func (p phoning) Run(ctx context.Context, c Console) error {
	out, ok := c.Out.(*os.File)
	// What --lang said before `phone` holds behind it, too.
	return phone.Run(ctx, append([]string{"--lang", c.lang}, p.Args...), phone.Console{
		In: c.In, Out: c.Out, Err: c.Err, Getenv: c.Getenv, Now: time.Now, Version: version(),
		Terminal: ok && term.IsTerminal(int(out.Fd())),
	})
}
