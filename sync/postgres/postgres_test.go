package postgres_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/doorstep-dev/doorstep/internal/pgtest"
	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/feed"
	"github.com/doorstep-dev/doorstep/sync/postgres"
	"github.com/doorstep-dev/doorstep/sync/synctest"
)

// toyStore is the store with a table for the toy trade.
type toyStore struct {
	*postgres.Store
	owner *pgxpool.Pool
}

func open(t testing.TB) synctest.Store[*postgres.Tx] { return openAt(t, time.Now) }

// openAt opens a new database whose office has the given clock.
func openAt(t testing.TB, now func() time.Time) synctest.Store[*postgres.Tx] {
	t.Helper()
	db := pgtest.New(t)
	_, err := db.Owner.Exec(t.Context(), `
		CREATE TABLE toy (org_id uuid, id uuid, item jsonb NOT NULL, PRIMARY KEY (org_id, id));
		CREATE FUNCTION doomed() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'doomed'; END $$;
		CREATE CONSTRAINT TRIGGER doomed AFTER INSERT OR UPDATE ON toy DEFERRABLE INITIALLY DEFERRED
			FOR EACH ROW WHEN (NEW.item ? 'doomed') EXECUTE FUNCTION doomed();
		GRANT ALL ON toy TO doorstep_app`)
	if err != nil {
		t.Fatal(err)
	}
	return toyStore{&postgres.Store{Pool: db.App, Now: now, Shared: &feed.Shared{MaxBytes: 1 << 20}}, db.Owner}
}

// NewGeneration implements synctest.Store.
func (s toyStore) NewGeneration(ctx context.Context) error {
	return postgres.NewGeneration(ctx, s.owner, s.Now())
}

func (toyStore) Item(ctx context.Context, tx *postgres.Tx, id uuid.UUID) (synctest.Item, error) {
	i := synctest.Item{ID: id}
	err := tx.QueryRow(ctx, `SELECT item FROM toy WHERE org_id = $1 AND id = $2 FOR UPDATE`, tx.OrgID(), id).Scan(&i)
	if errors.Is(err, pgx.ErrNoRows) {
		err = nil
	}
	return i, err
}

func (toyStore) PutItem(ctx context.Context, tx *postgres.Tx, i synctest.Item) error {
	_, err := tx.Exec(ctx, `INSERT INTO toy VALUES ($1, $2, $3) ON CONFLICT (org_id, id)
		DO UPDATE SET item = $3`, tx.OrgID(), i.ID, i)
	return err
}

// Items implements synctest.Store.
func (s toyStore) Items(ctx context.Context, org change.Org) (items []synctest.Item, err error) {
	rows, err := s.owner.Query(ctx, `SELECT item FROM toy WHERE org_id = $1`, org)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[synctest.Item])
}

// Parked implements synctest.Store.
func (s toyStore) Parked(ctx context.Context, org change.Org) (out []change.Mutation, err error) {
	err = s.Read(ctx, org, func(tx *postgres.Tx) error {
		parked, err := tx.ListParked(ctx, postgres.ParkedFilter{}, 10_000)
		for _, p := range parked {
			out = append(out, p.Mutation)
		}
		return err
	})
	return out, err
}

// Backup implements synctest.Store by a copy of every table in a schema of its own.
func (s toyStore) Backup(ctx context.Context, _ change.Org) (restore func(context.Context) error, err error) {
	tables := []string{
		"sync_feed", "sync_entry", "sync_subscription", "sync_device", "sync_mutation",
		"sync_parked", "toy",
	}
	var sql strings.Builder
	sql.WriteString("DROP SCHEMA IF EXISTS backup CASCADE; CREATE SCHEMA backup;")
	var back strings.Builder
	back.WriteString("SET session_replication_role = replica;")
	for _, t := range tables {
		sql.WriteString("CREATE TABLE backup." + t + " AS TABLE public." + t + ";")
		back.WriteString("DELETE FROM public." + t + "; INSERT INTO public." + t + " SELECT * FROM backup." + t + ";")
	}
	_, err = s.owner.Exec(ctx, sql.String())
	return func(ctx context.Context) error {
		_, err := s.owner.Exec(ctx, "BEGIN;"+back.String()+"COMMIT; SET session_replication_role = origin")
		return err
	}, err
}

func (toyStore) Place(tx *postgres.Tx, e change.Entity, in ...feed.Placement) {
	tx.Place(e.Kind, e.ID, in...)
}

func (toyStore) Subscribe(ctx context.Context, tx *postgres.Tx, u change.User, feeds ...change.FeedID) error {
	return tx.Subscribe(ctx, u, feeds...)
}

func TestPostgresHoldsTheSuite(t *testing.T) {
	t.Parallel()
	synctest.Suite(t, open)
}

// TestPostgresSimulator proves the store by the simulator that proves the engine in memory:
// one plan of each profile.
func TestPostgresSimulator(t *testing.T) {
	t.Parallel()
	for seed := uint64(1); seed <= seeds; seed++ {
		report, err := synctest.Prove(t.Context(),
			seed, func(now synctest.Clock) synctest.Store[*postgres.Tx] { return openAt(t, now) })
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		if report != "" {
			t.Fatal(report)
		}
	}
}

// seeds is how many plans run on PostgreSQL; some 0.3 s each.
const seeds = 12

func TestPostgresManyAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Rush(t, synctest.NewWorld(open(t)), 8, 25)
}
