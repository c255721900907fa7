package proof

import (
	"context"

	"github.com/google/uuid"

	fieldv1 "github.com/doorstep-dev/doorstep/proto/doorstep/field/v1"
	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

// Projection tells how the proofs on phones come from their table.
func (r *Proofs) Projection() postgres.Projection {
	return postgres.Projection{
		Name: "proofs", Kinds: []change.Kind{change.Kind(fieldv1.EntityKind_ENTITY_KIND_PROOF)},
		Roots: func(context.Context, *postgres.Tx) (string, error) {
			return `SELECT id FROM proof WHERE org_id = $1 AND holder_id IS NOT NULL`, nil
		},
		Place: func(ctx context.Context, tx *postgres.Tx, ids []uuid.UUID) error {
			lock := tx.RowLock()
			if lock != "" {
				lock += " OF p"
			}
			all, err := collect(ctx, tx, `SELECT `+columns+` WHERE p.org_id = $1 AND p.id = ANY ($2)
				ORDER BY p.id`+lock, tx.OrgID(), ids)
			if err != nil {
				return err
			}
			for _, p := range all {
				if err := place(tx, p); err != nil {
					return err
				}
			}
			return nil
		},
	}
}
