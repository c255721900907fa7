package booking

import (
	"context"
	"time"

	"github.com/doorstep-dev/doorstep/sync/postgres"
)

// Forget deletes the notes of booking requests from before that time, at most 10,000, and tells how many it deleted: a
// form that old is not sent again.
func (r *Bookings) Forget(ctx context.Context, tx *postgres.Tx, before time.Time) (int64, error) {
	tag, err := tx.Exec(ctx, `DELETE FROM code_booking WHERE org_id = $1 AND request_id IN (
		SELECT request_id FROM code_booking WHERE org_id = $1 AND at < $2 ORDER BY at LIMIT 10000 FOR UPDATE SKIP LOCKED)`,
		tx.OrgID(), before)
	return tag.RowsAffected(), err
}
