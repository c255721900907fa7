package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/doorstep-dev/doorstep/migrations"
	"github.com/doorstep-dev/doorstep/server/local/child"
	"github.com/doorstep-dev/doorstep/server/local/postgres"
	syncpg "github.com/doorstep-dev/doorstep/sync/postgres"
)

// phones is how many phones push and watch; clientPhones of them are used by each row as it needs.
const phones = 200

func main() {
	child.Main()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// bench is one run.
type bench struct {
	ctx context.Context
	// rounds is how often each pair is measured; length is how long each side of a throughput row runs.
	rounds int
	length time.Duration
	// dbURL signs in as a server does, ownerURL as the database's owner.
	dbURL, ownerURL string

	owner  *pgxpool.Pool
	app    *pgxpool.Pool
	server serving
	report report
}

func run(ctx context.Context) (err error) {
	rounds := flag.Int("rounds", 5, "how often each row is measured; the median is shown")
	length := flag.Duration("length", 4*time.Second, "how long each side of a throughput row runs")
	only := flag.String("only", "", "measure only the rows whose name begins so")
	connected := flag.Int("connected", 10_000, "phones held connected at once")
	payees := flag.Int("payees", 1_000_000, "payees on the board of the rank rows")
	growth := flag.Int("growth",
		1_000_000, "tickets of the growth rows, a power of ten; 10000000 takes many minutes and 15 GB")
	out := flag.String("out", "docs/BENCHMARKS.md", "where the figures are written; empty writes nothing")
	flag.Parse()

	dir, err := os.MkdirTemp("", "doorstep-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := os.Chmod(dir, 0o755); err != nil { // PostgreSQL may run as another account
		return err
	}
	pg, err := postgres.Start(ctx,
		postgres.Config{Dir: filepath.Join(dir, "postgres"), Cache: filepath.Join(dir, "cache")})
	if err != nil {
		return err
	}
	defer func() { err = firstOf(err, pg.Stop(context.WithoutCancel(ctx))) }()
	b := &bench{ctx: ctx, rounds: *rounds, length: *length, dbURL: pg.ServerURL, ownerURL: pg.URL}
	if err := b.open(); err != nil {
		return err
	}
	defer b.owner.Close()
	defer b.app.Close()
	p, err := child.Start(ctx, serverChild, b.dbURL, &b.server, child.Options{Stderr: os.Stderr})
	if err != nil {
		return err
	}
	defer func() { err = firstOf(err, p.Stop(context.WithoutCancel(ctx))) }()
	rows := []struct {
		name string
		run  func() error
	}{
		{"push", b.push},
		{"backlog", b.backlog},
		{"round-trip", b.roundTrip},
		{"no-op", b.noop},
		{"first-sync", b.firstSync},
		{"live", b.live},
		{"fan-out", b.fanout},
		{"storm", b.storm},
		{"connected", func() error { return b.connected(*connected) }},
		{"one-field", b.oneField},
		{"recovery", b.recovery},
		{"rank", func() error { return b.rank(*payees) }},
		{"growth", func() error { return b.growth(*growth) }},
		{"clients", b.clients},
	}
	for _, row := range rows {
		if len(*only) > 0 && row.name != *only {
			continue
		}
		if err := row.run(); err != nil {
			return fmt.Errorf("%s: %w", row.name, err)
		}
	}
	if *out == "" || *only != "" {
		return nil
	}
	return b.report.write(*out, pg.Major)
}

func firstOf(a, b error) error {
	if a != nil {
		return a
	}
	return b
}

// open migrates, makes the phones' rows and opens a pool of each kind.
func (b *bench) open() (err error) {
	if err := migrations.Up(b.ctx, b.ownerURL); err != nil {
		return err
	}
	if err := migrations.MakeLogin(b.ctx, b.ownerURL, b.dbURL); err != nil {
		return err
	}
	if b.owner, err = pgxpool.New(b.ctx, b.ownerURL); err != nil {
		return err
	}
	if b.app, err = syncpg.Open(b.ctx, b.dbURL, 8); err != nil {
		return err
	}
	_, err = b.owner.Exec(b.ctx, `
		CREATE TABLE bench_item (org_id uuid, id uuid, count bigint NOT NULL DEFAULT 0, PRIMARY KEY (org_id, id));
		GRANT ALL ON bench_item TO doorstep_app`)
	if err != nil {
		return err
	}
	return b.enrol(0, phones, false)
}

// forget empties what the pushes left, so that each side of each round meets the same tables. The feeds begin
// again from nothing, which is another history: the server's memory of the old one must not serve it.
func (b *bench) forget() error {
	for _, sql := range []string{
		`TRUNCATE sync_mutation, sync_entry`,
		`UPDATE sync_generation SET generation = decode(substr(md5(gen_random_uuid()::text), 1, 16), 'hex')`,
		`UPDATE sync_device SET last_seq = 0, generation = (SELECT generation FROM sync_generation)`,
		`UPDATE sync_feed SET seq = 0, digest = 0, live = 0, bytes = 0`,
		`VACUUM ANALYZE sync_device, sync_feed, sync_entry, sync_mutation, bench_item`, `CHECKPOINT`,
	} {
		if _, err := b.owner.Exec(b.ctx, sql); err != nil {
			return err
		}
	}
	return nil
}
