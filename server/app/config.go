// Package app knows everything: it opens the database and the object store, makes each room, connects their
// hooks, and serves. It is the one package that may import all others; main and the tests start the same App.
package app

import (
	"context"
	"log/slog"
	"net/netip"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/doorstep-dev/doorstep/server/account"
	"github.com/doorstep-dev/doorstep/server/identity"
	"github.com/doorstep-dev/doorstep/server/proof"
	"github.com/doorstep-dev/doorstep/server/rpc"
	"github.com/doorstep-dev/doorstep/sync/feed"
	"github.com/doorstep-dev/doorstep/sync/intake"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

// Config says what an App stands on. Fields without a word about it have a default.
type Config struct {
	// DatabaseURL reaches PostgreSQL by a login of the server's own, which owns nothing; see package migrations. Required.
	DatabaseURL string
	// DatabasePool is the greatest number of connections; default 20.
	DatabasePool int
	// Objects is the object store. Required.
	Objects Objects
	// Listen is host:port; default 127.0.0.1:8080. Port 0 takes a free one.
	Listen string
	// PublicURL is where phones and browsers reach the server; default the server's own address.
	PublicURL string
	// CertFile and KeyFile switch TLS on; both or neither.
	CertFile, KeyFile string
	// Secret is the installation's root secret. Required; the same on all replicas, for ever.
	Secret account.Secret
	// Log takes the structured log; default discards it.
	Log *slog.Logger
	// Now is the clock; default time.Now.
	Now func() time.Time
	// Metrics takes the metrics; default a registry of its own.
	Metrics *prometheus.Registry
	// MetricsListen is host:port of /metrics, which is not for the public; empty serves none.
	MetricsListen string
	// TrustedProxies may say in X-Forwarded-For whom they speak for.
	TrustedProxies []netip.Prefix
	// Origins are other hosts' web pages that may call.
	Origins []string
	Limits  rpc.Limits
	// DrainDelay is how long a server that is going down still answers while it says that it is not ready, so
	// that a load balancer notices; default none.
	DrainDelay time.Duration
	// Heartbeat and MaxWatchAge are the rhythm of watch streams; default 25 s and 30 min.
	Heartbeat, MaxWatchAge time.Duration
	// MaxWatches bounds open watch streams; default 20,000.
	MaxWatches int
	// Early says what a phone needs first, see delta.Service; default a technician's open jobs of today.
	Early func(ctx context.Context, tx *postgres.Tx, who identity.Identity) (feed.Wanted, error)
	// ProofTickets is what photos and signatures belong to; default the tickets of this server. An application with a
	// trade of its own sets it.
	ProofTickets proof.Tickets
	// Mutators are kinds of mutation of an application's own, beside those of the rooms. No kind may be both.
	Mutators map[string]intake.Mutator[*postgres.Tx]
	// Retired are kinds that only apps send which are too old: these are told to upgrade, see intake.Intake.
	Retired map[string]bool
	// BackupDays is the greatest age of a backup that the database would be restored from; default 14. Phones keep what
	// they sent for as long.
	BackupDays uint32
	// FinishedDays is how long finished tickets and old notices stay on phones, where a company sets nothing else;
	// default 14.
	FinishedDays int
	// TombstoneDays is how long a phone may be away and still catch up without a feed being sent anew; default 90.
	TombstoneDays int
	// WithoutJobs leaves periodic work and sweeps to other replicas.
	WithoutJobs bool
	// Argon are the parameters of password hashes; only tests make them cheap.
	Argon account.Argon
}

// Objects is the object store.
type Objects struct {
	// Endpoint is host:port or a URL, as the server reaches it.
	Endpoint string
	// PublicEndpoint is the same for phones, where it differs.
	PublicEndpoint string
	Bucket         string
	Region         string
	AccessKey      string
	SecretKey      string
}

func (c Config) withDefaults() Config {
	if c.DatabasePool == 0 {
		c.DatabasePool = 20
	}
	if c.Listen == "" {
		c.Listen = "127.0.0.1:8080"
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Metrics == nil {
		c.Metrics = prometheus.NewRegistry()
	}
	if c.Heartbeat == 0 {
		c.Heartbeat = 25 * time.Second
	}
	if c.MaxWatchAge == 0 {
		c.MaxWatchAge = 30 * time.Minute
	}
	if c.MaxWatches == 0 {
		c.MaxWatches = 20_000
	}
	if c.FinishedDays == 0 {
		c.FinishedDays = 14
	}
	if c.TombstoneDays == 0 {
		c.TombstoneDays = 90
	}
	if c.BackupDays == 0 {
		c.BackupDays = 14
	}
	return c
}
