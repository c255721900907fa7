package code

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	fieldv1 "github.com/doorstep-dev/doorstep/proto/doorstep/field/v1"
	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

// Projection tells how the units on clerks' phones come from their table.
func (r *Codes) Projection() postgres.Projection {
	return postgres.Projection{
		Name: "units", Kinds: []change.Kind{change.Kind(fieldv1.EntityKind_ENTITY_KIND_UNIT)},
		Roots: func(context.Context, *postgres.Tx) (string, error) {
			return `SELECT unit_id AS id FROM unit
				WHERE org_id = $1 AND store_id IS NOT NULL AND state IN ('stock', 'sold')`, nil
		},
		Place: func(ctx context.Context, tx *postgres.Tx, ids []uuid.UUID) error {
			rows, err := tx.Query(ctx, `SELECT `+unitColumns+` FROM unit WHERE org_id = $1 AND unit_id = ANY ($2)
				ORDER BY unit_id`+tx.RowLock(),
				tx.OrgID(), ids)
			if err != nil {
				return err
			}
			all, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (Unit, error) { return scanUnit(row) })
			if err != nil {
				return err
			}
			for _, u := range all {
				if err := placeUnit(ctx, tx, u); err != nil {
					return err
				}
			}
			return nil
		},
	}
}
