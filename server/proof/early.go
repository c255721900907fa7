package proof

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/doorstep-dev/doorstep/sync/postgres"
)

// Of returns the ids of the proofs of these tickets by ticket, oldest first.
func (Records) Of(ctx context.Context, tx *postgres.Tx, tickets []uuid.UUID) (map[uuid.UUID][]uuid.UUID, error) {
	rows, err := tx.Query(ctx, `SELECT ticket_id, id FROM proof WHERE org_id = $1 AND ticket_id = ANY ($2)
		ORDER BY server_time, id`, tx.OrgID(), tickets)
	if err != nil {
		return nil, err
	}
	of := map[uuid.UUID][]uuid.UUID{}
	var ticket, id uuid.UUID
	_, err = pgx.ForEachRow(rows, []any{&ticket, &id}, func() error {
		of[ticket] = append(of[ticket], id)
		return nil
	})
	return of, err
}
