package code

import (
	"context"
	"time"

	"github.com/doorstep-dev/doorstep/sync/postgres"
)

// Forget deletes the notes of scans and of booking requests from before that time, at most 10,000 of each, and tells
// how many it deleted: who scanned is no longer anybody's business, and a form that old is not sent again.
func (r *Room) Forget(ctx context.Context, tx *postgres.Tx, before time.Time) (int64, error) {
	var gone int64
	for _, sql := range []string{
		`DELETE FROM code_scan WHERE org_id = $1 AND scan_id IN (
			SELECT scan_id FROM code_scan WHERE org_id = $1 AND at < $2 ORDER BY at LIMIT 10000 FOR UPDATE SKIP LOCKED)`,
		`DELETE FROM code_booking WHERE org_id = $1 AND request_id IN (
			SELECT request_id FROM code_booking WHERE org_id = $1 AND at < $2 ORDER BY at LIMIT 10000 FOR UPDATE SKIP LOCKED)`,
	} {
		tag, err := tx.Exec(ctx, sql, tx.OrgID(), before)
		if err != nil {
			return gone, err
		}
		gone += tag.RowsAffected()
	}
	return gone, nil
}
