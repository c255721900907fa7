package app

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/doorstep-dev/doorstep/proto/doorstep/sync/v1/syncv1connect"
	"github.com/doorstep-dev/doorstep/server/job"
	"github.com/doorstep-dev/doorstep/server/rpc"
	"github.com/doorstep-dev/doorstep/sync/fault"
	"github.com/doorstep-dev/doorstep/sync/postgres"
	"github.com/doorstep-dev/doorstep/sync/watch"
)

// App is a running server.
type App struct {
	// Rooms are for the commands and tests that stand beside the server.
	Rooms Rooms

	config     Config
	server     *rpc.Server
	metrics    *rpc.Server // nil without a MetricsListen
	health     *rpc.Health
	hub        *watch.Hub
	line       postgres.Line
	pool       *pgxpool.Pool
	jobs       *job.Runner
	tidied     tidyMeter
	sizes      sizeMeter
	until      context.Context //nolint:containedctx // ends with Close
	background sync.WaitGroup
	stop       context.CancelFunc
	closed     sync.Once
}

// Open makes the rooms on their database, without serving: for commands. ctx bounds the opening, not the life:
// that ends with Close. A database whose schema is older than this program is ConfigInvalid: run
// `doorstep migrate` first. Without an object store everything works but what needs it.
func Open(ctx context.Context, c Config) (_ *App, err error) {
	if c.Objects.Endpoint == "" {
		c.Objects.Endpoint = "localhost:9" // the discard service: calls to it fail as those to a store that is down
	}
	a := &App{config: c.withDefaults(), hub: &watch.Hub{}, tidied: newTidyMeter(), sizes: newSizeMeter()}
	life, stop := context.WithCancel(context.WithoutCancel(ctx))
	a.stop = stop
	defer func() {
		if err != nil {
			a.release(ctx)
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
	if a.Rooms, err = a.rooms(ctx, poker); err != nil {
		return nil, err
	}
	a.until = life
	a.background.Go(func() { poker.Run(life) })
	return a, nil
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
			a.release(ctx)
		}
	}()
	handler, err := a.handler()
	if err != nil {
		return nil, err
	}
	if a.server, err = rpc.NewServer(ctx, rpc.ServerConfig{
		Listen: a.config.Listen, CertFile: c.CertFile, KeyFile: c.KeyFile, Handler: handler, Log: a.config.Log,
		Streams: func(path string) bool { return path == syncv1connect.SyncServiceWatchProcedure },
	}); err != nil {
		return nil, err
	}
	if c.MetricsListen != "" {
		if a.metrics, err = rpc.NewServer(ctx, rpc.ServerConfig{
			Listen: c.MetricsListen, Handler: rpc.Metrics(a.config.Metrics), Log: a.config.Log,
		}); err != nil {
			return nil, fault.Wrap(err, fault.CodeOf(err), "DOORSTEP_METRICS_LISTEN, %s", c.MetricsListen)
		}
	}
	if !c.WithoutJobs {
		if err := ready(ctx, c.DatabaseURL, true); err != nil {
			return nil, err
		}
		if err := a.startJobs(ctx); err != nil {
			return nil, err
		}
	}
	for _, run := range a.Rooms.background() {
		a.background.Go(func() { run(a.until) })
	}
	a.background.Go(func() { a.measuring(a.until) })
	a.server.Start()
	if a.metrics != nil {
		a.metrics.Start()
	}
	a.health.Ready(true)
	a.config.Log.InfoContext(ctx, "serving", "address", a.server.URL(), "public", a.PublicURL())
	return a, nil
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

// Close drains and stops: readiness goes first, streams are told to come back elsewhere, calls in flight
// finish until ctx ends, then everything is released. It may be called more than once.
func (a *App) Close(ctx context.Context) (err error) {
	a.closed.Do(func() {
		if a.server == nil {
			a.release(ctx)
			return
		}
		a.health.Ready(false)
		if a.config.DrainDelay > 0 {
			select {
			case <-time.After(a.config.DrainDelay):
			case <-ctx.Done():
			}
		}
		a.hub.Close()
		err = a.server.Shutdown(ctx)
		a.release(ctx)
		a.config.Log.InfoContext(ctx, "stopped")
	})
	return err
}

func (a *App) release(ctx context.Context) {
	if a.jobs != nil {
		if err := a.jobs.Stop(ctx); err != nil {
			a.config.Log.WarnContext(ctx, "a job was cut off; it will run again", "error", err)
		}
	}
	if a.server != nil {
		// After a Close this does nothing; after a failed start it gives the port back.
		if err := a.server.Shutdown(ctx); err != nil {
			a.config.Log.DebugContext(ctx, "shutdown", "error", err)
		}
	}
	if a.metrics != nil {
		if err := a.metrics.Shutdown(ctx); err != nil {
			a.config.Log.DebugContext(ctx, "shutdown of the metrics", "error", err)
		}
	}
	if a.Rooms.Proof != nil {
		a.Rooms.Proof.Close()
	}
	a.stop()
	a.background.Wait()
	if a.pool != nil {
		a.pool.Close()
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
