package command

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/netip"
	"strings"
	"time"

	"github.com/doorstep-dev/doorstep/server/app"
	"github.com/doorstep-dev/doorstep/sync/fault"
)

// serving are the flags of commands that serve.
type serving struct {
	Listen         string        `env:"DOORSTEP_LISTEN" default:"127.0.0.1:8080" placeholder:"HOST:PORT" group:"Serving:" help:"Where to listen (${default}); :8080 for all addresses."`
	PublicURL      string        `name:"public-url" env:"DOORSTEP_PUBLIC_URL" placeholder:"URL" group:"Serving:" help:"The address that phones and printed codes use, for example https://doorstep.example.com."`
	MetricsListen  string        `name:"metrics-listen" env:"DOORSTEP_METRICS_LISTEN" default:"127.0.0.1:9464" placeholder:"HOST:PORT" group:"Serving:" help:"Where /metrics is served, apart from what is public (${default}); :9464 for a Prometheus on another machine, empty for nowhere."`
	TLSCert        string        `name:"tls-cert" env:"DOORSTEP_TLS_CERT" type:"path" placeholder:"FILE" group:"Serving:" help:"Certificate; without it plain HTTP, for a proxy in front or for trying."`
	TLSKey         string        `name:"tls-key" env:"DOORSTEP_TLS_KEY" type:"path" placeholder:"FILE" group:"Serving:" help:"Its key."`
	TrustedProxies []string      `name:"trusted-proxies" env:"DOORSTEP_TRUSTED_PROXIES" placeholder:"CIDR" group:"Serving:" help:"Proxies whose X-Forwarded-For is believed, for example 10.0.0.0/8."`
	Origins        []string      `env:"DOORSTEP_ORIGINS" placeholder:"ORIGIN" group:"Serving:" help:"Web pages of other hosts that may call, for example https://app.example.com."`
	Pool           int           `env:"DOORSTEP_DATABASE_POOL" default:"20" group:"Serving:" help:"Greatest number of database connections (${default})."`
	MaxWatches     int           `name:"max-watches" env:"DOORSTEP_MAX_WATCHES" default:"20000" group:"Serving:" help:"How many phones may hold a stream to this replica; more are sent to another (${default}, some 63 KB each)."`
	DrainDelay     time.Duration `name:"drain-delay" env:"DOORSTEP_DRAIN_DELAY" default:"0s" group:"Serving:" help:"On the way down, go on answering this long while /readyz says no, for a load balancer; 5s is usual (${default})."`
	DrainTimeout   time.Duration `name:"drain-timeout" env:"DOORSTEP_DRAIN_TIMEOUT" default:"20s" group:"Serving:" help:"How long calls in flight may take to finish then (${default})."`
	BackupDays     uint32        `name:"backup-days" env:"DOORSTEP_BACKUP_DAYS" default:"14" group:"Serving:" help:"The greatest age in days of a backup that you would restore; phones keep what they sent for as long (${default})."`
	keeping
	LogLevel  string `name:"log-level" env:"DOORSTEP_LOG_LEVEL" enum:"debug,info,warn,error" default:"info" group:"Serving:" help:"debug, info, warn or error (${default})."`
	LogFormat string `name:"log-format" env:"DOORSTEP_LOG_FORMAT" enum:"json,text" default:"json" group:"Serving:" help:"json or text (${default})."`
}

// keeping are the flags that say how long things are kept.
type keeping struct {
	FinishedDays  int `name:"finished-days" env:"DOORSTEP_FINISHED_DAYS" default:"14" group:"Keeping:" help:"Days that finished tickets stay on phones, where a company sets nothing else (${default})."`
	TombstoneDays int `name:"tombstone-days" env:"DOORSTEP_TOMBSTONE_DAYS" default:"90" group:"Keeping:" help:"Days that a phone may be away and still catch up without fetching a feed anew (${default})."`
}

// Validate is kong's.
func (k keeping) Validate() error {
	if k.FinishedDays < 1 || k.TombstoneDays < 1 {
		return fault.New(fault.ConfigInvalid, "DOORSTEP_FINISHED_DAYS, DOORSTEP_TOMBSTONE_DAYS: a day at least")
	}
	return nil
}

// apply adds what the flags say to an installation's config.
func (s serving) apply(c *app.Config, log io.Writer) error {
	for _, p := range s.TrustedProxies {
		prefix, err := netip.ParsePrefix(p)
		if err != nil {
			return fault.Wrap(err, fault.ConfigInvalid, "DOORSTEP_TRUSTED_PROXIES: %s is no network", p)
		}
		c.TrustedProxies = append(c.TrustedProxies, prefix)
	}
	c.Listen, c.PublicURL, c.CertFile, c.KeyFile = s.Listen, strings.TrimRight(s.PublicURL, "/"), s.TLSCert, s.TLSKey
	c.Origins, c.DatabasePool, c.DrainDelay, c.BackupDays = s.Origins, s.Pool, s.DrainDelay, s.BackupDays
	c.MaxWatches, c.MetricsListen = s.MaxWatches, s.MetricsListen
	c.FinishedDays, c.TombstoneDays = s.FinishedDays, s.TombstoneDays
	c.Log = s.logger(log)
	return nil
}

func (s serving) logger(w io.Writer) *slog.Logger {
	var level slog.Level
	if err := level.UnmarshalText([]byte(s.LogLevel)); err != nil {
		level = slog.LevelInfo // the grammar allows only names that parse
	}
	o := &slog.HandlerOptions{Level: level}
	if s.LogFormat == "text" {
		return slog.New(slog.NewTextHandler(w, o))
	}
	return slog.New(slog.NewJSONHandler(w, o))
}

type serve struct {
	installation
	serving
	Migrate bool `hidden:""` // of older versions
}

// Help is shown by doorstep serve --help.
func (serve) Help() string {
	return `Serves phones, the office and customers on one port: HTTP/1.1, HTTP/2 in the clear and over TLS.
Any number of replicas may stand behind a load balancer; PostgreSQL and the S3 store hold all state.

A production replica:

  doorstep admin secret /etc/doorstep/secret          once, then copy it to each replica
  export DOORSTEP_SECRET_FILE=/etc/doorstep/secret
  export DOORSTEP_DATABASE_URL=postgres://doorstep_server:…@db.internal/doorstep
  export DOORSTEP_S3_ENDPOINT=https://s3.internal DOORSTEP_S3_ACCESS_KEY=… DOORSTEP_S3_SECRET_KEY=…
  doorstep migrate                                    first, with DOORSTEP_OWNER_DATABASE_URL; see its --help
  doorstep serve --listen :8080 --public-url https://doorstep.example.com --drain-delay 5s

One machine, nothing else installed (PostgreSQL and the store run embedded under .doorstep):

  doorstep serve

/healthz says that the process lives, /readyz that it should get traffic. /metrics, for Prometheus, listens apart:
see --metrics-listen.
SIGTERM or Ctrl-C drains: readiness goes, streams are told to come back, calls in flight finish.`
}

// Run serves until ctx ends.
func (s *serve) Run(ctx context.Context, c Console) error {
	if s.Migrate {
		return fault.New(fault.ConfigInvalid, "%s", pick(c,
			"--migrate: a server does not change the schema, because its login may not. Run doorstep migrate before it",
			"--migrate：服务器的账号无权更改数据库结构，请先运行 doorstep migrate"))
	}
	o, err := s.open(ctx, c, "")
	if err != nil {
		return err
	}
	stop := func(err error) error {
		down, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
		defer cancel()
		return errors.Join(err, o.stop(down))
	}
	if err := s.apply(&o.config, c.Err); err != nil {
		return stop(err)
	}
	a, err := app.Start(ctx, o.config)
	if err != nil {
		return stop(err)
	}
	if err := s.announce(o, a.PublicURL()); err != nil {
		o.config.Log.WarnContext(ctx, "other commands will not find this server by themselves", "error", err)
	}
	return stop(untilDone(ctx, a, o.failed, s.DrainTimeout+s.DrainDelay))
}

// untilDone waits for the end that somebody wishes, or for one that nobody did, and closes the App.
func untilDone(ctx context.Context, a *app.App, failed <-chan error, drain time.Duration) error {
	var err error
	select {
	case <-ctx.Done():
	case err = <-a.Failed():
	case err = <-failed:
	}
	down, cancel := context.WithTimeout(context.WithoutCancel(ctx), drain)
	defer cancel()
	closeErr := a.Close(down)
	if errors.Is(closeErr, context.DeadlineExceeded) {
		closeErr = nil // what did not finish in time was cut, as the operator asked
	}
	return errors.Join(err, closeErr)
}
