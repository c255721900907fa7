package pay

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	fieldv1 "github.com/doorstep-dev/doorstep/proto/doorstep/field/v1"
	"github.com/doorstep-dev/doorstep/server/civil"
	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

// Lines tells how the earning lines on phones come from the ledger. A phone holds the lines of the running and of the
// previous month, and older ones of which something happened in these months; all others are had by ListEarningLines.
func (r *Earnings) Lines() postgres.Projection {
	return postgres.Projection{
		Name: "earnings", Kinds: []change.Kind{change.Kind(fieldv1.EntityKind_ENTITY_KIND_EARNING_LINE)},
		Roots: func(ctx context.Context, tx *postgres.Tx) (string, error) {
			zone, err := r.people.Zone(ctx, tx)
			if err != nil {
				return "", err
			}
			since := civil.DayOf(tx.Now(), zone).First().Add(-1, 0).Start(zone).UTC().
				Format("'2006-01-02 15:04:05+00'::timestamptz")
			return `SELECT e.id FROM pay_entry e
				WHERE e.org_id = $1 AND e.kind IN ('accrual', 'clawback', 'correction') AND (e.earned_at >= ` + since +
				` OR e.booked_at >= ` + since + `
					OR EXISTS (SELECT FROM pay_entry m WHERE m.org_id = e.org_id AND m.refers = e.id
						AND m.kind IN ('confirmation', 'payout') AND m.booked_at >= ` + since + `))`, nil
		},
		Place: r.placeLines,
	}
}

// placeLines shows lines as they stand in the ledger, but those that are too old for a phone.
func (r *Earnings) placeLines(ctx context.Context, tx *postgres.Tx, ids []uuid.UUID) error {
	if lock := tx.RowLock(); lock != "" {
		// The accruals' rows order all changes of their lines; the ledger's own can only grow.
		_, err := tx.Exec(ctx, `SELECT FROM pay_accrual WHERE org_id = $1 AND ticket_id IN (
			SELECT ticket_id FROM pay_entry WHERE org_id = $1 AND id = ANY ($2)) ORDER BY source`+lock, tx.OrgID(), ids)
		if err != nil {
			return fmt.Errorf("lock accruals: %w", err)
		}
	}
	standing, err := r.Lines().Roots(ctx, tx)
	if err != nil {
		return err
	}
	list, err := lines(ctx, tx, `WHERE org_id = $1 AND id = ANY ($2) AND id IN (`+standing+`) ORDER BY id`, ids)
	if err != nil {
		return err
	}
	return place(tx, list)
}

// Plans tells how the plan versions on phones come from their table.
func (r *Earnings) Plans() postgres.Projection {
	return postgres.Projection{
		Name: "plans", Kinds: []change.Kind{change.Kind(fieldv1.EntityKind_ENTITY_KIND_PAY_PLAN)},
		Roots: func(ctx context.Context, tx *postgres.Tx) (string, error) {
			var ids []uuid.UUID
			err := eachPlan(ctx, tx, func(ref string, _ []byte) { ids = append(ids, planID(tx.OrgID(), ref)) })
			return postgres.IDs(ids), err
		},
		// There are few, and versions never change: all are placed, whoever is asked for.
		Place: func(ctx context.Context, tx *postgres.Tx, _ []uuid.UUID) error {
			return eachPlan(ctx, tx, func(ref string, body []byte) { placePlan(tx, ref, body) })
		},
	}
}

func eachPlan(ctx context.Context, tx *postgres.Tx, fn func(ref string, body []byte)) error {
	rows, err := tx.Query(ctx, `SELECT plan || '@' || version, body FROM pay_plan WHERE org_id = $1
		ORDER BY plan, version`, tx.OrgID())
	if err != nil {
		return fmt.Errorf("read plans: %w", err)
	}
	var ref string
	var body []byte
	_, err = pgx.ForEachRow(rows, []any{&ref, &body}, func() error {
		fn(ref, body)
		body = nil
		return nil
	})
	return err
}
