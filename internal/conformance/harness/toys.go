package harness

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/feed"
	"github.com/doorstep-dev/doorstep/sync/postgres"
	"github.com/doorstep-dev/doorstep/sync/synctest"
)

// toys is the toy trade in a table of its own.
type toys struct{}

func (w *world) toys(ctx context.Context) error {
	return w.own(ctx, `CREATE TABLE toy (org_id uuid, id uuid, holder uuid NOT NULL, count bigint NOT NULL,
		version bigint NOT NULL,
			PRIMARY KEY (org_id, id));
		GRANT ALL ON toy TO doorstep_app`)
}

// Item implements synctest.Trade.
func (toys) Item(ctx context.Context, tx *postgres.Tx, id uuid.UUID) (synctest.Item, error) {
	i := synctest.Item{ID: id}
	err := tx.QueryRow(ctx, `SELECT holder, count, version FROM toy WHERE org_id = $1 AND id = $2
		FOR UPDATE`, tx.OrgID(), id).
		Scan(&i.Holder, &i.Count, &i.Version)
	if errors.Is(err, pgx.ErrNoRows) {
		err = nil
	}
	return i, err
}

// PutItem implements synctest.Trade.
func (toys) PutItem(ctx context.Context, tx *postgres.Tx, i synctest.Item) error {
	_, err := tx.Exec(ctx, `INSERT INTO toy VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (org_id, id)
		DO UPDATE SET holder = $3, count = $4, version = $5`, tx.OrgID(), i.ID, i.Holder, i.Count, i.Version)
	return err
}

// Place implements synctest.Trade.
func (toys) Place(tx *postgres.Tx, e change.Entity, in ...feed.Placement) {
	tx.Place(e.Kind, e.ID, in...)
}

// Subscribe implements synctest.Trade; here the account room says who follows what.
func (toys) Subscribe(context.Context, *postgres.Tx, change.User, ...change.FeedID) error {
	return fmt.Errorf("toys: nobody subscribes here")
}
