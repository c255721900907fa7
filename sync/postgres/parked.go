package postgres

import (
	"context"
	"errors"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/doorstep-dev/doorstep/internal/fault"
	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/intake"
)

// Parked is an entry of the review queue.
type Parked struct {
	intake.Record
	Attempts int
}

// ListParked returns open entries by mutation id, which is by time, after the given one.
func (t *Tx) ListParked(ctx context.Context, after uuid.UUID, limit int) ([]Parked, error) {
	rows, err := t.Query(ctx, `
		SELECT m.device_id, m.seq, m.id, m.user_id, m.kind, m.args, m.device_time, m.outcome, p.last_code, p.last_detail,
			m.changes, m.at, m.receipt, m.key_id, m.duplicate, p.attempts
		FROM sync_parked p JOIN sync_mutation m ON m.org_id = p.org_id AND m.id = p.mutation_id AND NOT m.duplicate
		WHERE p.org_id = $1 AND p.mutation_id > $2 AND p.resolution IS NULL
		ORDER BY p.mutation_id LIMIT $3`, t.org, after, limit)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (Parked, error) {
		var p Parked
		r, err := scanRecord(withTail{row, &p.Attempts})
		p.Record = r
		return p, err
	})
}

// ParkedBy returns whose mutation an entry of the review queue is.
func (t *Tx) ParkedBy(ctx context.Context, id uuid.UUID) (change.User, error) {
	var user change.User
	err := t.QueryRow(ctx, `SELECT m.user_id
		FROM sync_parked p JOIN sync_mutation m ON m.org_id = p.org_id AND m.id = p.mutation_id AND NOT m.duplicate
		WHERE p.org_id = $1 AND p.mutation_id = $2`, t.org, id).Scan(&user)
	if errors.Is(err, pgx.ErrNoRows) {
		err = fault.New(fault.NotFound, "")
	}
	return user, err
}

// withTail scans further columns behind those of a record.
type withTail struct {
	pgx.CollectableRow
	tail any
}

func (w withTail) Scan(dest ...any) error { return w.CollectableRow.Scan(append(dest, w.tail)...) }

// ReplayParked runs a parked mutation again, with args instead of its own unless nil, and closes the entry if
// it is applied or merged now. The verdict that the device got stays as it was.
func (s *Store) ReplayParked(ctx context.Context, in *intake.Intake[*Tx], org change.Org, id uuid.UUID, args []byte, by change.User) (intake.Result, error) {
	var result intake.Result
	err := s.Transact(ctx, org, func(tx *Tx) error {
		m, err := tx.lockParked(ctx, id)
		if err != nil {
			return err
		}
		if args != nil {
			m.Args = args
		}
		result, err = in.Replay(ctx, tx, m)
		if err != nil {
			return err
		}
		var resolution *string
		if result.Outcome == change.Applied || result.Outcome == change.Merged {
			done := "replayed"
			resolution = &done
		}
		_, err = tx.Exec(ctx, `UPDATE sync_parked SET attempts = attempts + 1, last_code = $3, last_detail = $4,
			resolution = $5::text, resolved_at = CASE WHEN $5::text IS NOT NULL THEN $6::timestamptz END, resolved_by = $7, edited_args = $8
			WHERE org_id = $1 AND mutation_id = $2`,
			tx.org, id, string(result.Code), result.Detail, resolution, tx.now, by, args)
		return err
	})
	return result, err
}

// DismissParked closes an entry of the review queue without applying it.
func (t *Tx) DismissParked(ctx context.Context, id uuid.UUID, reason string, by change.User) error {
	if _, err := t.lockParked(ctx, id); err != nil {
		return err
	}
	_, err := t.Exec(ctx, `UPDATE sync_parked SET resolution = 'dismissed', resolved_at = $3, resolved_by = $4, reason = $5
		WHERE org_id = $1 AND mutation_id = $2`, t.org, id, t.now, by, reason)
	return err
}

func (t *Tx) lockParked(ctx context.Context, id uuid.UUID) (change.Mutation, error) {
	var open bool
	err := t.QueryRow(ctx, `SELECT resolution IS NULL FROM sync_parked WHERE org_id = $1 AND mutation_id = $2 FOR UPDATE`,
		t.org, id).Scan(&open)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return change.Mutation{}, fault.New(fault.NotFound, "")
	case err != nil:
		return change.Mutation{}, err
	case !open:
		return change.Mutation{}, fault.New(fault.Conflict, "")
	}
	rows, err := t.Query(ctx, `SELECT `+recordColumns+` FROM sync_mutation WHERE org_id = $1 AND id = $2 AND NOT duplicate`, t.org, id)
	if err != nil {
		return change.Mutation{}, err
	}
	records, err := pgx.CollectRows(rows, scanRecord)
	if err != nil {
		return change.Mutation{}, err
	}
	if len(records) != 1 {
		return change.Mutation{}, errors.New("parked mutation without its record")
	}
	return records[0].Mutation, nil
}
