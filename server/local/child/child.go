// Package child runs a part of this program in a process of its own that never outlives its parent: not after
// Ctrl-C, not after kill -9. The child is the same binary, told by an environment variable to be something
// else. It holds the reading end of a pipe whose writing end only the parent has; when the parent is gone,
// for whatever reason, the kernel closes the pipe and the child stops in order.
package child

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/doorstep-dev/doorstep/server/local/failure"
	"github.com/doorstep-dev/doorstep/server/local/process"
	"github.com/doorstep-dev/doorstep/sync/fault"
)

const variable = "DOORSTEP_CHILD"

// Run is the work of a child. It calls ready once, with a value that the parent receives as JSON, when it
// serves, and returns when ctx ends. A returned error before ready reaches the parent with its fault code.
type Run func(ctx context.Context, config json.RawMessage, ready func(any) error) error

var runs = map[string]Run{}

// Register names a child's work; it is called from init functions only.
func Register(name string, run Run) { runs[name] = run }

// Main must be the first call of main and of TestMain in every binary that starts children. In a child it
// does the child's work and exits; otherwise it returns at once.
func Main() {
	name := os.Getenv(variable)
	if name == "" {
		return
	}
	run, ok := runs[name]
	if !ok {
		fmt.Fprintf(os.Stderr, "this binary has no child %q\n", name)
		os.Exit(2)
	}
	if err := os.Unsetenv(variable); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	os.Exit(serve(run))
}

// answerFD is where a child writes its answer: not to its standard output, where libraries talk too.
const answerFD = 3

// answer is the one line that a child says to its parent.
type answer struct {
	Ready  json.RawMessage `json:"ready,omitempty"`
	Code   fault.Code      `json:"code,omitempty"`
	Detail fault.Text      `json:"detail,omitempty"`
	Cause  string          `json:"cause,omitempty"`
}

func serve(run Run) int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	in := bufio.NewReader(os.Stdin)
	config, err := in.ReadBytes('\n')
	if err != nil {
		return 2 // the parent died before it said what to do
	}
	var first struct {
		Detached bool            `json:"detached"`
		Config   json.RawMessage `json:"config"`
	}
	if err := json.Unmarshal(config, &first); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 2
	}
	if !first.Detached {
		go func() {
			_, _ = io.Copy(io.Discard, in) // ends when the parent does
			stop()
		}()
	}
	process.CloseOnExec(answerFD) // not for what the child starts in its turn
	out := os.NewFile(answerFD, "answer")
	var once sync.Once
	say := func(a answer) error {
		line, err := json.Marshal(a)
		if err != nil {
			return err
		}
		once.Do(func() {
			if _, err = out.Write(append(line, '\n')); err == nil {
				err = out.Close()
			}
		})
		return err
	}
	err = run(ctx, first.Config, func(v any) error {
		raw, err := json.Marshal(v)
		if err != nil {
			return err
		}
		return say(answer{Ready: raw})
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		f := fault.As(err)
		a := answer{Code: f.Code, Detail: f.Detail}
		if c := f.Unwrap(); c != nil {
			a.Cause = c.Error()
		}
		_ = say(a) // the parent may be gone, or have had its answer
		return 1
	}
	return 0
}

// Process is a running child.
type Process struct {
	cmd      *exec.Cmd
	lifeline io.Closer
	done     chan struct{}
	err      error
}

// Options of a start.
type Options struct {
	// Stderr receives all that the child prints in the course of its life; nil discards it.
	Stderr *os.File
	// Program is the binary to run, which must call Main first; empty is this very binary.
	Program string
	// Detached children live on when the parent ends, and are not the parent's to stop.
	Detached bool
}

// Start runs the child called name with config and waits until it serves; ready receives what it says then.
// A child that cannot serve gives an error with the child's own fault code.
func Start(ctx context.Context, name string, config, ready any, o Options) (*Process, error) {
	if err := process.Supported(); err != nil {
		return nil, fault.Wrap(err, failure.Start, "%s", name)
	}
	exe := o.Program
	if exe == "" {
		var err error
		if exe, err = executable(); err != nil {
			return nil, fmt.Errorf("child %s: %w", name, err)
		}
	}
	cmd := exec.Command(exe)
	cmd.Args = []string{"doorstep-" + name}
	cmd.Env = append(os.Environ(), variable+"="+name)
	// A process group of its own: Ctrl-C at the terminal reaches the parent alone, which then stops in order.
	cmd.SysProcAttr = process.Group(o.Detached)
	if o.Stderr != nil {
		cmd.Stdout, cmd.Stderr = o.Stderr, o.Stderr
	}
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("child %s: %w", name, err)
	}
	out, theirs, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("child %s: %w", name, err)
	}
	cmd.ExtraFiles = []*os.File{theirs} // becomes answerFD
	err = cmd.Start()
	if closeErr := theirs.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("child %s: %w", name, err), out.Close())
	}
	p := &Process{cmd: cmd, lifeline: in, done: make(chan struct{})}
	first := map[string]any{"detached": o.Detached, "config": config}
	lines := make(chan []byte, 1)
	go func() {
		if err := json.NewEncoder(in).Encode(first); err != nil {
			_ = in.Close() // the child has ended; its answer says why
		}
		line, _ := bufio.NewReader(out).ReadBytes('\n')
		_ = out.Close()
		lines <- line
		p.err = cmd.Wait()
		close(p.done)
	}()
	select {
	case line := <-lines:
		return p, p.heard(name, line, ready)
	case <-ctx.Done():
		_ = in.Close()
		_ = cmd.Process.Signal(syscall.SIGTERM)
		<-p.done
		return nil, fmt.Errorf("child %s: %w", name, ctx.Err())
	}
}

func (p *Process) heard(name string, line []byte, ready any) error {
	var a answer
	if err := json.Unmarshal(line, &a); err != nil {
		return errors.Join(fmt.Errorf("child %s did not say that it serves: %w", name, err), p.Stop(context.Background()))
	}
	if a.Code != "" {
		<-p.done
		return fault.Wrap(errors.New(a.Cause), a.Code, "%s", a.Detail)
	}
	if err := json.Unmarshal(a.Ready, ready); err != nil {
		return errors.Join(fmt.Errorf("child %s: %w", name, err), p.Stop(context.Background()))
	}
	return nil
}

// Done is closed when the child has ended, also by itself.
func (p *Process) Done() <-chan struct{} { return p.done }

// PID is the child's process id.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Stop ends the child in order and waits for it; when ctx ends first the child is killed. It may be called again.
func (p *Process) Stop(ctx context.Context) error {
	_ = p.lifeline.Close() // a second Stop finds it closed
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.done:
		return nil
	case <-ctx.Done():
		_ = p.cmd.Process.Kill()
		select {
		case <-p.done:
		case <-time.After(5 * time.Second):
		}
		return ctx.Err()
	}
}

// executable is the path of this very binary, also after it was rebuilt or deleted.
func executable() (string, error) {
	if runtime.GOOS == "linux" {
		return "/proc/self/exe", nil
	}
	exe, err := os.Executable()
	return strings.TrimSuffix(exe, " (deleted)"), err
}
