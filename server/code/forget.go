package code

import (
	"context"
	"time"

	"github.com/doorstep-dev/doorstep/sync/postgres"
)

// Forget deletes the notes of scans from before that time, at most 10,000, and tells how many it deleted: who scanned
// is no longer anybody's business.
func (r *Codes) Forget(ctx context.Context, tx *postgres.Tx, before time.Time) (int64, error) {
	tag, err := tx.Exec(ctx, `DELETE FROM code_scan WHERE org_id = $1 AND scan_id IN (
		SELECT scan_id FROM code_scan WHERE org_id = $1 AND at < $2 ORDER BY at LIMIT 10000 FOR UPDATE SKIP LOCKED)`,
		tx.OrgID(), before)
	return tag.RowsAffected(), err
}
