package postgres_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/doorstep-dev/doorstep/internal/pgtest"
	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/feed"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

func TestARebuildThatWasCutOffGoesOnWhereItWas(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	if _, err := db.Owner.Exec(t.Context(), `CREATE TABLE thing (org_id uuid, id uuid, PRIMARY KEY (org_id, id)); GRANT ALL
		ON thing TO doorstep_app`); err != nil {
		t.Fatal(err)
	}
	s := &postgres.Store{Pool: db.App, Now: time.Now}
	org, placed := change.Org(uuid.New()), 0
	things := postgres.Projection{
		Name: "things", Kinds: []change.Kind{1},
		Roots: func(context.Context, *postgres.Tx) (string, error) {
			return `SELECT id FROM thing WHERE org_id = $1`, nil
		},
		Place: func(ctx context.Context, tx *postgres.Tx, ids []uuid.UUID) error {
			rows, err := tx.Query(ctx, `SELECT id FROM thing WHERE org_id = $1 AND id = ANY ($2)
				ORDER BY id`+tx.RowLock(), tx.OrgID(), ids)
			if err != nil {
				return err
			}
			known, err := pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
			for _, id := range known {
				placed++
				tx.Place(1, id, feed.Placement{Feed: change.FeedID{Kind: "org", Key: tx.OrgID()}, Body: id[:]})
			}
			return err
		},
	}
	const n = 120
	err := s.Transact(t.Context(), org, func(tx *postgres.Tx) error {
		_, err := tx.Exec(t.Context(), `INSERT INTO thing SELECT $1, gen_random_uuid()
			FROM generate_series(1, $2)`, tx.OrgID(), n)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cut := context.WithCancel(t.Context())
	done, err := s.Rebuild(ctx, org, things, "1", func(postgres.Progress) { cut() })
	if !errors.Is(err, context.Canceled) || placed == 0 || placed == n {
		t.Fatalf("%+v %v, %d placed", done, err, placed)
	}
	if done, err = s.Rebuild(t.Context(), org, things, "1", nil); err != nil || done.Written != n || done.Roots != n ||
		placed != n {
		t.Errorf("gone on: %+v %v, %d placed", done, err, placed)
	}
	if done, err = s.Rebuild(t.Context(), org, things, "1", nil); err != nil || done.Written != 0 || placed != 2*n {
		t.Errorf("again: %+v %v, %d placed", done, err, placed)
	}
}
