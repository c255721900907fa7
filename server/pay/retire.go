package pay

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	fieldv1 "github.com/doorstep-dev/doorstep/internal/gen/doorstep/field/v1"
	"github.com/doorstep-dev/doorstep/server/civil"
	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

// A phone holds the lines of the running and of the previous month; older ones are had by ListEarningLines. The
// first ticket of a payee's month takes the ones before off the phone, looking back over an absence of so many
// months.
const absence = 6

// retireBatch bounds what one completion takes off a phone.
const retireBatch = 3000

// retire takes a payee's lines from before the month that precedes first off the phone. Lines of which some event
// is still to come return with it.
func retire(ctx context.Context, tx *postgres.Tx, payee uuid.UUID, first civil.Day, zone *time.Location) error {
	rows, err := tx.Query(ctx, `
		SELECT id FROM pay_entry
		WHERE org_id = $1 AND payee_id = $2 AND earned_at >= $3 AND earned_at < $4 AND kind IN ('accrual', 'clawback', 'correction')
		ORDER BY earned_at LIMIT $5`,
		tx.OrgID(), payee, first.Add(-1-absence, 0).Start(zone), first.Add(-1, 0).Start(zone), retireBatch)
	if err != nil {
		return fmt.Errorf("find old lines: %w", err)
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
	if err != nil {
		return fmt.Errorf("find old lines: %w", err)
	}
	for _, id := range ids {
		tx.Place(change.Kind(fieldv1.EntityKind_ENTITY_KIND_EARNING_LINE), id)
	}
	return nil
}
