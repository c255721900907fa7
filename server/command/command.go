// Package command is the command line: what can be typed, what it says, how it fails. Each command opens what it
// needs, calls one room or the App, and prints. Failures are one sentence, in Chinese where the terminal speaks
// Chinese, and a non-zero exit code.
package command

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/alecthomas/kong"

	"github.com/doorstep-dev/doorstep/internal/help"
	"github.com/doorstep-dev/doorstep/server/phone"
	"github.com/doorstep-dev/doorstep/sync/fault"
)

// Console is the terminal that a command speaks to.
type Console struct {
	In       io.Reader
	Out, Err io.Writer
	Getenv   func(string) string
	lang     string
}

// Chinese tells whether the command is to speak Chinese.
func (c Console) Chinese() bool { return c.lang == help.Chinese }

// Say prints a line in the terminal's language.
func (c Console) Say(english, chinese string, args ...any) {
	text := english
	if c.Chinese() {
		text = chinese
	}
	// A terminal that is gone cannot be told so.
	_, _ = fmt.Fprint(c.Out, phone.Harmless(fmt.Sprintf(text, args...))+"\n")
}

type grammar struct {
	Demo    demonstrate `cmd:"" help:"Run an invented company on this machine and look around."`
	Serve   serve       `cmd:"" help:"Serve phones and the office."`
	Migrate migrate     `cmd:"" help:"Bring the database to this program's schema."`
	Clean   clean       `cmd:"" help:"Forget all data of the embedded services in the data folder."`
	Import  importing   `cmd:"" help:"Take orders in from a CSV or XLSX file."`
	Codes   codes       `cmd:"" help:"Make, print, revoke and look up codes."`
	Phone   phoning     `cmd:"" passthrough:"" help:"A technician's or clerk's phone in the terminal; see doorstep phone --help."`
	Load    loading     `cmd:"" help:"Put a running server under load with many phones; see doorstep load --help."`
	Admin   admin       `cmd:"" help:"Set up companies, people and devices; take devices out of service."`

	Lang    string           `help:"zh or en; else what DOORSTEP_LANG, LC_ALL, LC_MESSAGES or LANG says." enum:"zh,en," default:"" placeholder:"zh|en"`
	Verbose bool             `short:"v" help:"Say also what lies behind an error."`
	Version kong.VersionFlag `help:"Print the version."`
}

// exit is how kong says that help was printed; it is not a failure.
type exit int

// Run parses args, runs the command and returns the exit code: 0, 1 for a failure, 2 for what cannot be typed.
func Run(ctx context.Context, args []string, c Console) (code int) {
	g, end := grammar{}, closers{}
	c.lang = help.Language(args, c.Getenv)
	defer func() {
		if p := recover(); p != nil {
			e, ok := p.(exit)
			if !ok {
				panic(p)
			}
			code = int(e)
		}
	}()
	parser, err := newParser(&g, c, kong.BindTo(ctx, (*context.Context)(nil)), kong.Bind(&end))
	if err != nil {
		return c.fail(fault.Wrap(err, fault.Internal, ""), true)
	}
	k, err := parser.Parse(args)
	if err != nil {
		_, _ = fmt.Fprintf(c.Err, "doorstep: %s\n", phone.Harmless(help.Mistake(err, c.lang)))
		_, _ = fmt.Fprintln(c.Err, pick(c, "doorstep --help shows what can be typed.", "输入 doorstep --help 查看用法。"))
		return 2
	}
	err = k.Run()
	if err = errors.Join(err, end.close()); err != nil {
		// Ctrl-C is how one leaves, not a failure.
		if ctx.Err() != nil && errors.Is(err, context.Canceled) {
			return 0
		}
		return c.fail(err, g.Verbose)
	}
	return 0
}

func newParser(g *grammar, c Console, more ...kong.Option) (*kong.Kong, error) {
	options := []kong.Option{
		kong.Name("doorstep"),
		kong.Description("Doorstep (上门) serves companies that send people to customers' doors. Begin with: doorstep demo"),
		kong.Writers(c.Out, c.Err), kong.Exit(func(code int) { panic(exit(code)) }),
		kong.Vars{"version": version(), "projections": projections},
		kong.Bind(c), chinese.In(c.lang),
	}
	return kong.New(g, append(options, more...)...)
}

func pick(c Console, english, chinese string) string {
	if c.Chinese() {
		return chinese
	}
	return english
}

// fail says what went wrong in one sentence, and behind it, when asked, the cause.
func (c Console) fail(err error, verbose bool) int {
	f := fault.As(err)
	if errors.Is(err, context.Canceled) {
		f = fault.New(fault.Canceled, "")
	}
	_, _ = fmt.Fprintf(c.Err, "doorstep: %s\n", phone.Harmless(f.Public(c.lang)))
	if cause := f.Unwrap(); cause != nil && (verbose || f.Code == fault.Internal) {
		_, _ = fmt.Fprintf(c.Err, "  %s: %v\n", f.Code, cause)
	}
	return 1
}
