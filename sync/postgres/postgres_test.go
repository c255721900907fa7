package postgres_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"pgregory.net/rapid"

	"github.com/doorstep-dev/doorstep/internal/pgtest"
	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/feed"
	"github.com/doorstep-dev/doorstep/sync/postgres"
	"github.com/doorstep-dev/doorstep/sync/synctest"
)

// toyStore is the store with a table for the toy trade.
type toyStore struct{ *postgres.Store }

func open(t testing.TB) synctest.Store[*postgres.Tx] {
	t.Helper()
	db := pgtest.New(t)
	_, err := db.Owner.Exec(t.Context(), `
		CREATE TABLE toy (org_id uuid, id uuid, holder uuid NOT NULL, count bigint NOT NULL, version bigint NOT NULL, PRIMARY KEY (org_id, id));
		GRANT ALL ON toy TO doorstep_app`)
	if err != nil {
		t.Fatal(err)
	}
	return toyStore{&postgres.Store{Pool: db.App, Now: time.Now, Shared: &feed.Shared{MaxBytes: 1 << 20}}}
}

func (toyStore) Item(ctx context.Context, tx *postgres.Tx, id uuid.UUID) (synctest.Item, error) {
	i := synctest.Item{ID: id}
	err := tx.QueryRow(ctx, `SELECT holder, count, version FROM toy WHERE org_id = $1 AND id = $2 FOR UPDATE`, tx.OrgID(), id).
		Scan(&i.Holder, &i.Count, &i.Version)
	if errors.Is(err, pgx.ErrNoRows) {
		err = nil
	}
	return i, err
}

func (toyStore) PutItem(ctx context.Context, tx *postgres.Tx, i synctest.Item) error {
	_, err := tx.Exec(ctx, `INSERT INTO toy VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (org_id, id) DO UPDATE SET holder = $3, count = $4, version = $5`,
		tx.OrgID(), i.ID, i.Holder, i.Count, i.Version)
	return err
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

func TestPostgresADayOfAnything(t *testing.T) {
	t.Parallel()
	s := open(t) // each day is an org of its own
	rapid.Check(t, func(r *rapid.T) { synctest.Day(r, t, synctest.NewWorld(s)) })
}

func TestPostgresManyAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Rush(t, synctest.NewWorld(open(t)), 8, 25)
}
