package app

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/doorstep-dev/doorstep/proto/doorstep/sync/v1/syncv1connect"
	"github.com/doorstep-dev/doorstep/server/job"
	"github.com/doorstep-dev/doorstep/server/memory"
	"github.com/doorstep-dev/doorstep/server/rpc"
	"github.com/doorstep-dev/doorstep/sync/fault"
	"github.com/doorstep-dev/doorstep/sync/lifecycle"
	"github.com/doorstep-dev/doorstep/sync/postgres"
	"github.com/doorstep-dev/doorstep/sync/watch"
)

// App is a running server.
type App struct {
	// Rooms are for the commands and tests that stand beside the server.
	Rooms Rooms

	config   Config
	server   *rpc.Server
	metrics  *rpc.Server // nil without a MetricsListen
	health   *rpc.Health
	hub      *watch.Hub
	line     postgres.Line
	pool     *pgxpool.Pool
	jobs     *job.Runner
	tidied   tidyMeter
	sizes    sizeMeter
	services lifecycle.Group
	closed   sync.Once
}

// Open makes the rooms on their database, without serving: for commands. ctx bounds the opening, not the life:
// that ends with Close. A database whose schema is older than this program is ConfigInvalid: run
// `doorstep migrate` first. Without an object store everything works but what needs it.
func Open(ctx context.Context, c Config) (_ *App, err error) {
	if c.Objects.Endpoint == "" {
		c.Objects.Endpoint = "localhost:9" // the discard service: calls to it fail as those to a store that is down
	}
	a := &App{config: c.withDefaults(), hub: &watch.Hub{}, tidied: newTidyMeter(), sizes: newSizeMeter()}
	defer func() {
		if err != nil {
			a.abandon(ctx)
		}
	}()
	if err := ready(ctx, c.DatabaseURL, false); err != nil {
		return nil, err
	}
	if a.pool, err = a.line.Open(ctx, c.DatabaseURL, a.config.DatabasePool); err != nil {
		return nil, err
	}
	poker := postgres.NewPoker(a.hub, a.pool, a.config.Log)
	poker.Line = &a.line
	pool := lifecycle.OnStop(func(context.Context) error { a.pool.Close(); return nil })
	if err := a.services.Start(ctx, pool); err != nil {
		return nil, err
	}
	if a.Rooms, err = a.rooms(ctx, poker); err != nil {
		return nil, err
	}
	return a, a.services.Start(ctx, lifecycle.Background(poker.Run), lifecycle.OnStop(a.Rooms.Proof.Stop))
}

// Start opens the rooms and serves, until Close.
func Start(ctx context.Context, c Config) (_ *App, err error) {
	if c.Objects.Endpoint == "" {
		return nil, fault.New(fault.ConfigInvalid, "DOORSTEP_S3_ENDPOINT: photos need an object store")
	}
	a, err := Open(ctx, c)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			a.abandon(ctx)
		}
	}()
	if err := a.listen(ctx); err != nil {
		return nil, err
	}
	for _, run := range append(a.Rooms.background(), a.measuring, a.savingMemory) {
		if err := a.services.Start(ctx, lifecycle.Background(run)); err != nil {
			return nil, err
		}
	}
	if !c.WithoutJobs {
		if err := ready(ctx, c.DatabaseURL, true); err != nil {
			return nil, err
		}
		if a.jobs, err = a.newJobs(); err != nil {
			return nil, err
		}
		if err := a.services.Start(ctx, patientJobs{a.jobs, a.config.Log}); err != nil {
			return nil, err
		}
	}
	if a.metrics != nil {
		if err := a.services.Start(ctx, a.metrics); err != nil {
			return nil, err
		}
	}
	if err := a.services.Start(ctx, a.server); err != nil {
		return nil, err
	}
	a.health.Ready(true)
	a.config.Log.InfoContext(ctx, "serving", "address", a.server.URL(), "public", a.PublicURL())
	return a, nil
}

// savingMemory keeps the process small.
func (a *App) savingMemory(ctx context.Context) { memory.Keep(ctx, a.hub.Connected) }

// listen takes the ports, so that one that is taken is told before anything works. Until the servers are started, the
// ports are given back by abandon.
func (a *App) listen(ctx context.Context) error {
	handler, err := a.handler()
	if err != nil {
		return err
	}
	c := a.config
	if a.server, err = rpc.NewServer(ctx, rpc.ServerConfig{
		Listen: c.Listen, CertFile: c.CertFile, KeyFile: c.KeyFile, Handler: handler, Log: c.Log,
		Streams: func(path string) bool { return path == syncv1connect.SyncServiceWatchProcedure },
	}); err != nil {
		return err
	}
	if c.MetricsListen == "" {
		return nil
	}
	if a.metrics, err = rpc.NewServer(ctx, rpc.ServerConfig{
		Listen: c.MetricsListen, Handler: rpc.Metrics(c.Metrics), Log: c.Log,
	}); err != nil {
		return fault.Wrap(err, fault.CodeOf(err), "DOORSTEP_METRICS_LISTEN, %s", c.MetricsListen)
	}
	return nil
}

// MetricsURL is where /metrics is served; empty where it is not.
func (a *App) MetricsURL() string {
	if a.metrics == nil {
		return ""
	}
	return a.metrics.URL() + "/metrics"
}

// URL is the server's own address.
func (a *App) URL() string { return a.server.URL() }

// PublicURL is the address that phones and browsers use; without one in the config it is the server's own, and
// empty where nothing serves.
func (a *App) PublicURL() string {
	if a.config.PublicURL != "" || a.server == nil {
		return a.config.PublicURL
	}
	return a.server.URL()
}

// Failed yields the error that ended the server against its will.
func (a *App) Failed() <-chan error { return a.server.Failed() }

// Close drains and stops: readiness goes first, streams are told to come back elsewhere, calls in flight finish until
// ctx ends, then everything is stopped in the reverse order of its start. It may be called more than once.
func (a *App) Close(ctx context.Context) (err error) {
	a.closed.Do(func() {
		if a.server == nil {
			err = a.services.Stop(ctx)
			return
		}
		a.drain(ctx)
		err = a.services.Stop(ctx)
		a.config.Log.InfoContext(ctx, "stopped")
	})
	return err
}

// drain sends no more calls here.
func (a *App) drain(ctx context.Context) {
	a.health.Ready(false)
	if a.config.DrainDelay > 0 {
		select {
		case <-time.After(a.config.DrainDelay):
		case <-ctx.Done():
		}
	}
	a.hub.Close()
}

// abandon gives back what a start that failed has taken.
func (a *App) abandon(ctx context.Context) {
	a.hub.Close()
	for _, s := range []*rpc.Server{a.server, a.metrics} {
		if s != nil {
			_ = s.Stop(ctx) // it answered nobody
		}
	}
	if err := a.services.Stop(ctx); err != nil {
		a.config.Log.DebugContext(ctx, "a start failed", "error", err)
	}
}

// handler is everything behind the border.
func (a *App) handler() (http.Handler, error) {
	c := a.config
	border, err := rpc.NewBorder(rpc.Config{
		Log: c.Log, Metrics: c.Metrics, Now: c.Now, Authenticator: a.Rooms.Account, Access: Access(),
		Limits: c.Limits, TrustedProxies: c.TrustedProxies, Origins: c.Origins,
	})
	if err != nil {
		return nil, err
	}
	if err := a.meter(); err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	a.health = rpc.NewHealth(map[string]rpc.Check{"database": a.line.Err},
		map[string]rpc.Check{"object_store": a.Rooms.Proof.Reach.Err})
	a.health.Routes(mux)
	a.Rooms.handlers(mux, border.Options())
	a.pages(mux)
	return a.health.Wrap(border.Wrap(mux)), nil
}
