// Package lifecycle is the contract of everything that lives longer than a call: a server, a listener, a worker. It is
// that of River's services: https://pkg.go.dev/github.com/riverqueue/river.
//
//   - Start returns when the service works. Its context bounds the start, not the life. Started again while it runs, it
//     does nothing. A service that cannot be started anew after Stop says so with an error.
//   - Stop returns when everything that Start began has ended, goroutines too. When its context ends before, it cuts off
//     what is left and still waits for its own goroutines. Stopped again, or never started, it does nothing.
//
// A Group starts services in order and stops them in the reverse order.
package lifecycle

import (
	"context"
	"errors"
	"sync"
)

// Service is anything that is started and stopped.
type Service interface {
	Start(ctx context.Context) error
	Stop(ctx context.Context) error
}

// ErrStopped is the answer of a Group that was stopped to whoever wants to start something in it.
var ErrStopped = errors.New("lifecycle: stopped already")

// Background makes a service of a function that works until its context ends.
func Background(run func(ctx context.Context)) Service { return &background{run: run} }

type background struct {
	run  func(ctx context.Context)
	mu   sync.Mutex
	stop context.CancelFunc // nil while it does not run
	done chan struct{}
}

func (b *background) Start(ctx context.Context) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.stop != nil {
		return nil
	}
	life, stop := context.WithCancel(context.WithoutCancel(ctx))
	done := make(chan struct{})
	b.stop, b.done = stop, done
	go func() {
		defer close(done)
		b.run(life)
	}()
	return nil
}

// Stop waits for run whatever its own context says: run ends soon after the context that it was given.
func (b *background) Stop(context.Context) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.stop == nil {
		return nil
	}
	b.stop()
	<-b.done
	b.stop = nil
	return nil
}

// OnStop makes a service of what is already there and only has to be given back, such as a pool of connections. stop is
// called once.
func OnStop(stop func(ctx context.Context) error) Service { return &onStop{stop: stop} }

type onStop struct {
	once sync.Once
	stop func(ctx context.Context) error
}

func (*onStop) Start(context.Context) error { return nil }

func (s *onStop) Stop(ctx context.Context) (err error) {
	s.once.Do(func() { err = s.stop(ctx) })
	return err
}

// Group is services that are started one after the other. The zero value is ready.
type Group struct {
	mu      sync.Mutex
	started []Service
	stopped bool
}

// Start starts services in order. When one fails, those before it run on: stop the group. Once the group is stopped it
// is ErrStopped.
func (g *Group) Start(ctx context.Context, services ...Service) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, s := range services {
		if g.stopped {
			return ErrStopped
		}
		// Also one that fails to start is stopped: it may hold something, such as a port.
		g.started = append(g.started, s)
		if err := s.Start(ctx); err != nil {
			return err
		}
	}
	return nil
}

// Stop stops all services in the reverse order, also after an error of one, and returns their errors. Called again, it
// waits for the first call and does nothing.
func (g *Group) Stop(ctx context.Context) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.stopped = true
	var errs []error
	for i := len(g.started) - 1; i >= 0; i-- {
		errs = append(errs, g.started[i].Stop(ctx))
	}
	g.started = nil
	return errors.Join(errs...)
}
