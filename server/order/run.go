package order

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/doorstep-dev/doorstep/server/order/refusal"
	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

// Counts is what became of the lines so far.
type Counts struct{ Added, Existing, Skipped, Refused, Tickets int }

// run is one reading of one file, as it stands in the database.
type run struct {
	id       uuid.UUID
	position int
	Counts
}

// openRun joins the unfinished reading of this file by this mapping, or begins one.
func openRun(ctx context.Context, tx *postgres.Tx, source, name string, fileHash, mappingHash []byte) (run, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return run{}, err
	}
	if err := LockOrders(ctx, tx); err != nil {
		return run{}, err
	}
	// The update changes nothing; it lets the row be returned.
	err = tx.QueryRow(ctx, `INSERT INTO import_run (org_id, id, source, file_name, file_hash, mapping_hash, started_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7)
		ON CONFLICT (org_id, file_hash, mapping_hash) WHERE finished_at IS NULL DO UPDATE SET source = import_run.source
		RETURNING id`, tx.OrgID(), id, source, refusal.Shorten(name), fileHash, mappingHash, tx.Now()).Scan(&id)
	if err != nil {
		return run{}, err
	}
	return lockRun(ctx, tx, id)
}

// lockRun reads how far a reading is, and holds it for this transaction's batch.
func lockRun(ctx context.Context, tx *postgres.Tx, id uuid.UUID) (run, error) {
	r := run{id: id}
	if err := LockOrders(ctx, tx); err != nil {
		return r, err
	}
	err := tx.QueryRow(ctx, `SELECT position, added, existing, skipped, refused, tickets FROM import_run
		WHERE org_id = $1 AND id = $2 FOR UPDATE`, tx.OrgID(), id).
		Scan(&r.position, &r.Added, &r.Existing, &r.Skipped, &r.Refused, &r.Tickets)
	return r, err
}

func saveRun(ctx context.Context, tx *postgres.Tx, r run, end bool) error {
	_, err := tx.Exec(ctx, `UPDATE import_run SET position = $3, added = $4, existing = $5, skipped = $6, refused = $7,
		tickets = $8,
			finished_at = CASE WHEN $9 THEN coalesce(finished_at, $10) ELSE finished_at END
		WHERE org_id = $1 AND id = $2`,
		tx.OrgID(), r.id, r.position, r.Added, r.Existing, r.Skipped, r.Refused, r.Tickets, end, tx.Now())
	return err
}

// saveRefusals keeps all reasons of one line.
func saveRefusals(ctx context.Context, tx *postgres.Tx, run uuid.UUID, all []refusal.Refusal) error {
	for i, r := range all {
		_, err := tx.Exec(ctx, `INSERT INTO import_refusal (org_id, run_id, line, place, order_number, column_name, value,
			code, detail)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
			tx.OrgID(), run, r.Line, i+1, r.Order, refusal.Shorten(r.Column), r.Value, string(r.Code), r.Detail)
		if err != nil {
			return err
		}
	}
	return nil
}

// refusals tells the refused lines of a reading behind line from, up to line to.
func (r *Orders) refusals(
	ctx context.Context, org change.Org, run uuid.UUID, from, to int, tell func(refusal.Refusal) error,
) error {
	var all []refusal.Refusal
	err := r.Store.Read(ctx, org, func(tx *postgres.Tx) error {
		rows, err := tx.Query(ctx, `SELECT line, order_number, column_name, value, code, detail FROM import_refusal
			WHERE org_id = $1 AND run_id = $2 AND line > $3 AND line <= $4 ORDER BY line, place`, tx.OrgID(), run, from, to)
		if err != nil {
			return err
		}
		all, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (x refusal.Refusal, err error) {
			err = row.Scan(&x.Line, &x.Order, &x.Column, &x.Value, &x.Code, &x.Detail)
			return x, err
		})
		return err
	})
	if err != nil {
		return err
	}
	for _, x := range all {
		if err := tell(x); err != nil {
			return err
		}
	}
	return nil
}
