package app

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/doorstep-dev/doorstep/internal/fault"
	"github.com/doorstep-dev/doorstep/internal/gen/doorstep/sync/v1/syncv1connect"
	"github.com/doorstep-dev/doorstep/migrations"
	"github.com/doorstep-dev/doorstep/server/account"
	"github.com/doorstep-dev/doorstep/server/proof/heic"
	"github.com/doorstep-dev/doorstep/server/rpc"
	"github.com/doorstep-dev/doorstep/sync/postgres"
	"github.com/doorstep-dev/doorstep/sync/watch"
)

// App is a running server.
type App struct {
	// Rooms are for the commands and tests that stand beside the server.
	Rooms Rooms

	config     Config
	server     *rpc.Server
	health     *rpc.Health
	hub        *watch.Hub
	pool       *pgxpool.Pool
	heic       heic.Decoder
	background sync.WaitGroup
	stop       context.CancelFunc
	closed     sync.Once
}

// Start opens everything, makes the rooms and serves. ctx bounds the start, not the life: that ends with
// Close. A database whose schema is older than this program is ConfigInvalid: run `doorstep migrate` first.
func Start(ctx context.Context, c Config) (_ *App, err error) {
	c = c.withDefaults()
	a := &App{config: c, hub: &watch.Hub{}}
	life, stop := context.WithCancel(context.WithoutCancel(ctx))
	a.stop = stop
	defer func() {
		if err != nil {
			a.release()
		}
	}()
	if err := ready(ctx, c.DatabaseURL); err != nil {
		return nil, err
	}
	if a.pool, err = postgres.Open(ctx, c.DatabaseURL, c.DatabasePool); err != nil {
		return nil, err
	}
	poker := postgres.NewPoker(a.hub, a.pool, c.Log)
	if a.Rooms, err = a.rooms(ctx, poker); err != nil {
		return nil, err
	}
	handler, err := a.handler()
	if err != nil {
		return nil, err
	}
	a.server, err = rpc.NewServer(ctx, rpc.ServerConfig{
		Listen: c.Listen, CertFile: c.CertFile, KeyFile: c.KeyFile, Handler: handler, Log: c.Log,
		Streams: func(path string) bool { return path == syncv1connect.SyncServiceWatchProcedure },
	})
	if err != nil {
		return nil, err
	}
	a.background.Go(func() { poker.Run(life) })
	for _, run := range a.Rooms.background() {
		a.background.Go(func() { run(life) })
	}
	a.server.Start()
	a.health.Ready(true)
	c.Log.InfoContext(ctx, "serving", "address", a.server.URL(), "public", a.PublicURL())
	return a, nil
}

// ready checks that the database answers and has this program's schema.
func ready(ctx context.Context, url string) error {
	pending, err := migrations.Pending(ctx, url)
	if err != nil {
		return fault.Wrap(err, fault.ConfigInvalid, "the database does not answer, or is none of ours: check DOORSTEP_DATABASE_URL")
	}
	if pending {
		return fault.New(fault.ConfigInvalid, "the database's schema is older than this program: run doorstep migrate")
	}
	return nil
}

// URL is the server's own address.
func (a *App) URL() string { return a.server.URL() }

// PublicURL is the address that phones and browsers use.
func (a *App) PublicURL() string {
	if a.config.PublicURL != "" {
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
		a.health.Ready(false)
		if a.config.DrainDelay > 0 {
			select {
			case <-time.After(a.config.DrainDelay):
			case <-ctx.Done():
			}
		}
		a.hub.Close()
		err = a.server.Shutdown(ctx)
		a.release()
		a.config.Log.InfoContext(ctx, "stopped")
	})
	return err
}

func (a *App) release() {
	a.stop()
	a.background.Wait()
	if a.pool != nil {
		a.pool.Close()
	}
	if err := a.heic.Close(); err != nil {
		a.config.Log.Warn("the HEIC decoder did not close", "error", err)
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
	a.health = rpc.NewHealth(map[string]rpc.Check{"database": func(ctx context.Context) error {
		err := a.pool.Ping(ctx)
		if err != nil && !errors.Is(err, context.Canceled) {
			c.Log.WarnContext(ctx, "the database does not answer", "error", err)
		}
		return err
	}})
	a.health.Routes(mux, c.Metrics)
	a.Rooms.handlers(mux, border.Options())
	a.pages(mux)
	return border.Wrap(mux), nil
}

// Migrate brings the database to this program's schema. Many may run it at once.
func Migrate(ctx context.Context, databaseURL string) error {
	if err := migrations.Up(ctx, databaseURL); err != nil {
		return fault.Wrap(err, fault.ConfigInvalid, "the database could not be migrated: %v", err)
	}
	return nil
}

// Accounts opens the account room alone, for the command line's administration; release gives it back.
func Accounts(ctx context.Context, c Config) (r *account.Room, release func(), err error) {
	c = c.withDefaults()
	if err := ready(ctx, c.DatabaseURL); err != nil {
		return nil, nil, err
	}
	pool, err := postgres.Open(ctx, c.DatabaseURL, 4)
	if err != nil {
		return nil, nil, err
	}
	// Pokes go out so that streams on running servers hear of a revocation at once.
	poker := postgres.NewPoker(&watch.Hub{}, pool, c.Log)
	life, stop := context.WithCancel(context.WithoutCancel(ctx))
	var wg sync.WaitGroup
	wg.Go(func() { poker.Run(life) })
	release = func() { stop(); wg.Wait(); pool.Close() }
	r = &account.Room{
		Store: &postgres.Store{Pool: pool, Now: c.Now, Poker: poker}, Secret: c.Secret, Keys: account.NewKeyring(),
		Now: c.Now, Log: c.Log, Argon: c.Argon,
	}
	if err := r.LoadKeys(ctx); err != nil {
		release()
		return nil, nil, err
	}
	return r, release, nil
}
