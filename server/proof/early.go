package proof

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/doorstep-dev/doorstep/sync/postgres"
)

// Of returns the ids of the proofs of these tickets, oldest first.
func (r *Room) Of(ctx context.Context, tx *postgres.Tx, tickets []uuid.UUID) ([]uuid.UUID, error) {
	rows, err := tx.Query(ctx, `SELECT id FROM proof WHERE org_id = $1 AND ticket_id = ANY ($2) ORDER BY server_time, id`, tx.OrgID(), tickets)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
}
