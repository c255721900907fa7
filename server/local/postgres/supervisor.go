package postgres

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"syscall"
	"time"

	"github.com/gofrs/flock"
	"github.com/jackc/pgx/v5"

	"github.com/doorstep-dev/doorstep/server/local/failure"
	"github.com/doorstep-dev/doorstep/sync/fault"
)

const (
	startTimeout = 60 * time.Second
	stopTimeout  = 20 * time.Second
	restarts     = 10 // in a row, each within restartWindow of the last
	restartSpan  = time.Minute
	lockRetry    = 10 * time.Millisecond
)

// Supervise runs PostgreSQL in the foreground: it prepares the data folder, starts the postmaster, calls ready
// when it answers, starts it again when it dies by itself, and stops it when ctx ends.
func Supervise(ctx context.Context, cfg Config, ready func(Ready) error) error {
	// Linux ends the postmaster when the *thread* that started it ends (Pdeathsig): keep this one.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := os.MkdirAll(cfg.Dir, 0o711); err != nil {
		return folderFault(err, cfg.Dir)
	}
	// A supervisor whose parent was killed may still be on its way down.
	before, cancel := context.WithTimeout(ctx, stopTimeout)
	defer cancel()
	alone := flock.New(filepath.Join(cfg.Dir, "supervisor.lock"))
	if _, err := alone.TryLockContext(before, lockRetry); err != nil {
		if before.Err() != nil {
			return fault.Wrap(err, failure.Running, "PostgreSQL, %s", cfg.Dir)
		}
		return folderFault(err, cfg.Dir)
	}
	defer alone.Close()
	c, err := prepare(ctx, cfg)
	if err != nil {
		return err
	}
	for left, last := restarts, time.Now(); ; left-- {
		pm, err := c.start(ctx)
		if err != nil {
			return err
		}
		if ready != nil {
			if err := ready(Ready{
				URL: c.url("doorstep"), ServerURL: c.serverURL("doorstep"), PID: pm.cmd.Process.Pid,
				Major: c.bin.Major,
			}); err != nil {
				return errors.Join(err, pm.stop())
			}
			ready = nil
		}
		select {
		case <-ctx.Done():
			return pm.stop()
		case <-pm.done:
		}
		if time.Since(last) > restartSpan {
			left = restarts
		}
		if left == 0 {
			return fault.Wrap(pm.err, failure.Start, "%s", c.logPath())
		}
		slog.Warn("PostgreSQL ended by itself and is started again", "cause", pm.err)
		last = time.Now()
	}
}

// postmaster is PostgreSQL's first process.
type postmaster struct {
	cmd  *exec.Cmd
	done chan struct{}
	err  error
}

// start runs the postmaster and waits until it takes connections. After a crash the last children of the old
// one may hold its shared memory for a moment; then it tries again.
func (c *cluster) start(ctx context.Context) (*postmaster, error) {
	deadline := time.Now().Add(startTimeout)
	for {
		if err := c.clearPID(); err != nil {
			return nil, err
		}
		from := c.logSize()
		pm, err := c.launch()
		if err != nil {
			return nil, err
		}
		err = c.await(ctx, pm, deadline)
		if err == nil {
			return pm, nil
		}
		if stopErr := pm.stop(); stopErr != nil {
			err = errors.Join(err, stopErr)
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		said := c.logSince(from)
		if !isSharedMemory(said) || time.Now().After(deadline) {
			return nil, c.diagnose(err, said)
		}
		select {
		case <-ctx.Done():
		case <-time.After(100 * time.Millisecond):
		}
	}
}

func (c *cluster) launch() (*postmaster, error) {
	log, err := os.OpenFile(c.logPath(), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, folderFault(err, c.cfg.Dir)
	}
	defer log.Close()
	args := []string{"-D", c.data(), "-p", strconv.Itoa(c.port)}
	for _, s := range c.settings() {
		args = append(args, "-c", s)
	}
	cmd := exec.Command(filepath.Join(c.bin.Dir, "postgres"), args...)
	cmd.Dir, cmd.Env = c.data(), c.env()
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = c.account.attributes()
	dieWithParent(cmd.SysProcAttr)
	if err := cmd.Start(); err != nil {
		return nil, fault.Wrap(err, failure.Start, "%s", c.logPath())
	}
	pm := &postmaster{cmd: cmd, done: make(chan struct{})}
	go func() {
		pm.err = cmd.Wait()
		close(pm.done)
	}()
	return pm, nil
}

// await returns nil when the postmaster takes connections.
func (c *cluster) await(ctx context.Context, pm *postmaster, deadline time.Time) error {
	ctx, cancel := context.WithDeadline(ctx, deadline)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		if err := c.ping(ctx); err == nil {
			return nil
		}
		select {
		case <-pm.done:
			return fmt.Errorf("postmaster ended: %w", pm.err)
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}

func (c *cluster) ping(ctx context.Context) error {
	// A look at the port first is far cheaper than a handshake that fails.
	probe, err := net.DialTimeout("tcp", c.address(), time.Second)
	if err != nil {
		return err
	}
	if err := probe.Close(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, c.url("postgres"))
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	var exists bool
	if err := conn.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_database WHERE datname = 'doorstep')").
		Scan(&exists); err != nil {
		return err
	}
	if exists {
		return nil
	}
	_, err = conn.Exec(ctx, "CREATE DATABASE doorstep")
	return err
}

// stop asks for a fast shutdown, then an immediate one, then kills.
func (p *postmaster) stop() error {
	for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGQUIT, syscall.SIGKILL} {
		_ = p.cmd.Process.Signal(sig) // it may have ended already
		select {
		case <-p.done:
			return nil
		case <-time.After(stopTimeout):
		}
	}
	return fault.New(failure.Start, "process %d does not end", p.cmd.Process.Pid)
}
