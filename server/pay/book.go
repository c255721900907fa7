package pay

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	fieldv1 "github.com/doorstep-dev/doorstep/proto/doorstep/field/v1"
	"github.com/doorstep-dev/doorstep/server/money"
	"github.com/doorstep-dev/doorstep/server/pay/ledger"
	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/feed"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

// bookLines adds lines to the ledger, puts them on their payees' feeds and tells the ranking. The caller holds the
// lock of the ticket's accruals.
func (r *Earnings) bookLines(ctx context.Context, tx *postgres.Tx, list []line) error {
	if len(list) == 0 {
		return nil
	}
	batch := &pgx.Batch{}
	var effects []effect
	for _, l := range list {
		postings, err := ledger.Accrue(l.rule())
		if err != nil {
			return err
		}
		if err := queue(batch, tx, l, postings); err != nil {
			return err
		}
		e := effect{payee: l.PayeeID, at: l.EarnedAt, total: l.money(), pending: money.New(0, money.Currency(l.Currency))}
		if l.State == ledger.Pending {
			e.pending = l.money()
		}
		effects = append(effects, e)
	}
	if err := tx.SendBatch(ctx, batch).Close(); err != nil {
		return fmt.Errorf("book lines: %w", err)
	}
	if err := place(tx, list); err != nil {
		return err
	}
	return r.tell(ctx, tx, effects)
}

// moveLines confirms or pays lines that stand in the ledger, and sets their state.
func (r *Earnings) moveLines(ctx context.Context, tx *postgres.Tx, kind ledger.Kind, list []line) error {
	if len(list) == 0 {
		return nil
	}
	batch := &pgx.Batch{}
	var effects []effect
	for i, l := range list {
		rule, to := ledger.Confirm, ledger.Confirmed
		if kind == ledger.Payout {
			rule, to = ledger.Pay, ledger.Settled
		}
		postings, err := rule(l.rule())
		if err != nil {
			return fmt.Errorf("%s of line %s: %w", kind, l.ID, err)
		}
		id, err := uuid.NewV7()
		if err != nil {
			return err
		}
		moved := l
		moved.ID, moved.Kind, moved.Source, moved.Refers, moved.Actor, moved.Reason, moved.Trace = id, kind, l.ID, &l.ID,
			nil, "", []byte{}
		if err := queue(batch, tx, moved, postings); err != nil {
			return err
		}
		list[i].State = to
		if kind == ledger.Confirmation {
			less, err := l.money().Neg()
			if err != nil {
				return err
			}
			effects = append(effects,
				effect{payee: l.PayeeID, at: l.EarnedAt, total: money.New(0, less.Currency), pending: less})
		}
	}
	if err := tx.SendBatch(ctx, batch).Close(); err != nil {
		return fmt.Errorf("book %s: %w", kind, err)
	}
	if err := place(tx, list); err != nil {
		return err
	}
	return r.tell(ctx, tx, effects)
}

// queue adds the statements of one entry.
func queue(batch *pgx.Batch, tx *postgres.Tx, l line, postings []ledger.Posting) error {
	if err := ledger.Check(postings); err != nil {
		return err
	}
	sure := l.Kind.MakesLine() && l.State != ledger.Pending
	batch.Queue(`
		INSERT INTO pay_entry (org_id, id, kind, source, component, payee_id, ticket_id, ticket_number, refers, category,
			amount,
			currency, born_sure, earned_at, booked_at, plan_version, title_zh, title_en, trace, actor, reason)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21)`,
		tx.OrgID(), l.ID, string(l.Kind), l.Source, l.Component, l.PayeeID, l.TicketID, l.TicketNumber, l.Refers,
		l.Category, l.Amount,
		l.Currency, sure, l.EarnedAt, tx.Now(), l.PlanVersion, l.TitleZH, l.TitleEN, l.Trace, l.Actor, l.Reason)
	for i, p := range postings {
		batch.Queue(`INSERT INTO pay_posting (org_id, entry_id, ordinal, account, payee_id, amount, currency)
			VALUES ($1, $2, $3, $4, $5, $6, $7)`,
			tx.OrgID(), l.ID, i, string(p.Account), p.Payee, p.Amount.Minor, string(p.Amount.Currency))
	}
	return nil
}

// place puts lines on the feeds of their payees.
func place(tx *postgres.Tx, list []line) error {
	for _, l := range list {
		m, err := l.message()
		if err != nil {
			return err
		}
		body, err := wire.Marshal(m)
		if err != nil {
			return fmt.Errorf("marshal line: %w", err)
		}
		tx.Place(change.Kind(fieldv1.EntityKind_ENTITY_KIND_EARNING_LINE), l.ID,
			feed.Placement{Feed: change.FeedID{Kind: "tech", Key: l.PayeeID}, Body: body})
	}
	return nil
}

// effect is how a line changes a payee's income.
type effect struct {
	payee          uuid.UUID
	at             time.Time
	total, pending money.Amount
}

// tell adds up effects and passes them on, in the order of the payees' ids, so that two transactions never wait
// for each other.
func (r *Earnings) tell(ctx context.Context, tx *postgres.Tx, effects []effect) error {
	type key struct {
		payee uuid.UUID
		at    time.Time
	}
	sums := map[key]effect{}
	for _, e := range effects {
		k := key{e.payee, e.at.UTC()}
		sum, ok := sums[k]
		if !ok {
			sums[k] = e
			continue
		}
		var err error
		if sum.total, err = sum.total.Add(e.total); err != nil {
			return err
		}
		if sum.pending, err = sum.pending.Add(e.pending); err != nil {
			return err
		}
		sums[k] = sum
	}
	order := slices.SortedFunc(maps.Keys(sums), func(a, b key) int {
		return cmp.Or(slices.Compare(a.payee[:], b.payee[:]), a.at.Compare(b.at))
	})
	for _, k := range order {
		e := sums[k]
		if e.total.Zero() && e.pending.Zero() {
			continue
		}
		if err := r.boards.Earned(ctx, tx, e.payee, e.at, e.total, e.pending); err != nil {
			return fmt.Errorf("tell what was earned: %w", err)
		}
	}
	return nil
}
