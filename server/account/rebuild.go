package account

import (
	"context"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	fieldv1 "github.com/doorstep-dev/doorstep/proto/doorstep/field/v1"
	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

// Projections tell how phones' profiles and verification keys come from the tables.
func (r *Accounts) Projections() []postgres.Projection {
	return []postgres.Projection{
		{
			Name: "profiles", Kinds: []change.Kind{change.Kind(fieldv1.EntityKind_ENTITY_KIND_PROFILE)},
			Roots: func(context.Context, *postgres.Tx) (string, error) {
				return `SELECT user_id AS id FROM technician WHERE org_id = $1`, nil
			},
			Place: func(ctx context.Context, tx *postgres.Tx, users []uuid.UUID) error {
				for _, user := range users {
					if err := r.placeProfile(ctx, tx, user); err != nil {
						return err
					}
				}
				return nil
			},
		},
		{
			Name: "keys", Kinds: []change.Kind{change.Kind(fieldv1.EntityKind_ENTITY_KIND_VERIFY_KEY)},
			Roots: func(ctx context.Context, tx *postgres.Tx) (string, error) {
				published, err := publishedKeys(ctx, tx, "")
				ids := make([]uuid.UUID, len(published))
				for i, key := range published {
					ids[i] = keyEntity(tx.OrgID(), key)
				}
				return postgres.IDs(ids), err
			},
			Place: r.placeKeys,
		},
	}
}

// placeKeys places all keys that the org's feed shows, for they are few. One that this process does not know yet, since
// another one made it a moment ago, it leaves alone.
func (r *Accounts) placeKeys(ctx context.Context, tx *postgres.Tx, _ []uuid.UUID) error {
	published, err := publishedKeys(ctx, tx, tx.RowLock())
	if err != nil {
		return err
	}
	for _, use := range []Use{UseCode, UseReceipt} {
		for _, k := range r.Keys.Keys(use) {
			if !slices.Contains(published, k.ID) {
				continue
			}
			if err := placeKey(tx, k); err != nil {
				return err
			}
		}
	}
	return nil
}

// publishedKeys are the ids of the keys that the org's feed shows; lock ends the SELECT.
func publishedKeys(ctx context.Context, tx *postgres.Tx, lock string) ([]string, error) {
	rows, err := tx.Query(ctx, `SELECT key_id FROM key_publication WHERE org_id = $1 ORDER BY key_id`+lock, tx.OrgID())
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[string])
}
