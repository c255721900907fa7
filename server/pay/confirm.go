package pay

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/doorstep-dev/doorstep/server/money"
	"github.com/doorstep-dev/doorstep/server/pay/ledger"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

// Approve notes that the office accepted the work of a ticket and posts its money if the proof is verified too.
func (r *Earnings) Approve(ctx context.Context, tx *postgres.Tx, ticket uuid.UUID) (posted bool, err error) {
	if err := lockTicket(ctx, tx, ticket); err != nil {
		return false, err
	}
	_, err = tx.Exec(ctx, `
		UPDATE pay_accrual SET approved_at = $3 WHERE org_id = $1 AND ticket_id = $2 AND approved_at IS NULL`,
		tx.OrgID(), ticket, tx.Now())
	if err != nil {
		return false, fmt.Errorf("approve: %w", err)
	}
	return r.Confirm(ctx, tx, ticket)
}

// Confirm posts a ticket's pending lines once it is approved and the bytes of its required proof are verified; else
// it does nothing. It is called whenever either may have become true, as often as one likes. The caller notes on the
// ticket that its money was posted.
func (r *Earnings) Confirm(ctx context.Context, tx *postgres.Tx, ticket uuid.UUID) (posted bool, err error) {
	var ready int
	err = tx.QueryRow(ctx, `
		WITH locked AS (
			SELECT approved_at, confirmed_at, plan FROM pay_accrual WHERE org_id = $1 AND ticket_id = $2 ORDER BY source
				FOR UPDATE
		)
		SELECT count(*) FROM locked WHERE approved_at IS NOT NULL AND confirmed_at IS NULL AND plan IS NOT NULL`,
		tx.OrgID(), ticket).Scan(&ready)
	if err != nil || ready == 0 {
		return false, err
	}
	if settled, err := r.proofs.Settled(ctx, tx, ticket); err != nil || !settled {
		return false, err
	}
	list, err := lines(ctx, tx, `WHERE org_id = $1 AND ticket_id = $2 AND state = 'pending' ORDER BY id`, ticket)
	if err != nil {
		return false, err
	}
	if err := r.moveLines(ctx, tx, ledger.Confirmation, list); err != nil {
		return false, err
	}
	_, err = tx.Exec(ctx, `
		UPDATE pay_accrual SET confirmed_at = $3
		WHERE org_id = $1 AND ticket_id = $2 AND approved_at IS NOT NULL AND confirmed_at IS NULL AND plan IS NOT NULL`,
		tx.OrgID(), ticket, tx.Now())
	return err == nil, err
}

// PayOut pays all confirmed lines of a payee that were earned before a moment and returns their sum. A sum below
// zero means that the payee owes: nothing is paid then, and the debt stays for the next time.
func (r *Earnings) PayOut(
	ctx context.Context, tx *postgres.Tx, payee uuid.UUID, before time.Time, c money.Currency,
) (money.Amount, error) {
	// The accruals' rows order all changes of their lines, and two payouts at once.
	_, err := tx.Exec(ctx, `SELECT FROM pay_accrual WHERE org_id = $1 AND ticket_id IN (
			SELECT ticket_id FROM pay_line WHERE org_id = $1 AND payee_id = $2 AND earned_at < $3 AND currency = $4
				AND state = 'confirmed')
		ORDER BY source FOR UPDATE`, tx.OrgID(), payee, before, string(c))
	if err != nil {
		return money.Amount{}, fmt.Errorf("lock accruals: %w", err)
	}
	list, err := lines(ctx, tx, `
		WHERE org_id = $1 AND payee_id = $2 AND earned_at < $3 AND currency = $4 AND state = 'confirmed'
			ORDER BY id`, payee, before, string(c))
	if err != nil {
		return money.Amount{}, err
	}
	total := money.New(0, c)
	for _, l := range list {
		if total, err = total.Add(l.money()); err != nil {
			return money.Amount{}, err
		}
	}
	if total.Minor <= 0 {
		return money.New(0, c), nil
	}
	return total, r.moveLines(ctx, tx, ledger.Payout, list)
}
