package pay

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/doorstep-dev/doorstep/server/civil"
	"github.com/doorstep-dev/doorstep/server/money"
	"github.com/doorstep-dev/doorstep/server/pay/ledger"
	"github.com/doorstep-dev/doorstep/server/pay/plan"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

// Accrue prices a completed ticket and books pending lines, in the transaction that completes it. source is the
// event that completed it (the visit): the same one again changes nothing. Facts that no plan can price do not
// hold up the technician: the ticket waits, see Publish and ListPlans, and is priced by a later version.
func (r *Earnings) Accrue(ctx context.Context, tx *postgres.Tx, source uuid.UUID, f plan.Facts) error {
	facts, err := json.Marshal(f)
	if err != nil {
		return fmt.Errorf("write facts: %w", err)
	}
	tag, err := tx.Exec(ctx, `
		INSERT INTO pay_accrual (org_id, source, ticket_id, facts, completed_at, accrued_at)
		VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING`,
		tx.OrgID(), source, f.Ticket, facts, f.Completed, tx.Now())
	if err != nil {
		return fmt.Errorf("accrue: %w", err)
	}
	if tag.RowsAffected() == 0 {
		return nil
	}
	versions, err := r.published(ctx, tx)
	if err != nil {
		return err
	}
	_, err = r.price(ctx, tx, versions, source, f)
	return err
}

// Estimate says what a ticket with these facts would pay by today's plan, without the monthly tier. ok is false
// when no version rules it.
func (r *Earnings) Estimate(
	ctx context.Context, tx *postgres.Tx, f plan.Facts,
) (total money.Amount, ok bool, err error) {
	versions, err := r.published(ctx, tx)
	if err != nil {
		return total, false, err
	}
	v := plan.Choose(versions, f)
	if v == nil {
		return total, false, nil
	}
	if len(f.Payees) == 0 {
		f.Payees = []plan.Share{{Weight: 1}}
	}
	res, err := plan.Price(v, v, f, nil)
	if err != nil {
		return total, false, err
	}
	total = money.New(0, v.Currency)
	for _, l := range res.Lines {
		if v.Tier(l.Component) {
			continue
		}
		if total, err = total.Add(l.Amount); err != nil {
			return total, false, err
		}
	}
	return total, true, nil
}

// price prices an accrual that stands in the table without a plan; ok tells whether it could.
func (r *Earnings) price(
	ctx context.Context, tx *postgres.Tx, versions []*plan.Version, source uuid.UUID, f plan.Facts,
) (ok bool, err error) {
	if err := LockPayees(ctx, tx, payees(f)); err != nil {
		return false, err
	}
	v := plan.Choose(versions, f)
	if v == nil {
		return false, r.leave(ctx, tx, source, f.Ticket, "no plan version was in force")
	}
	tier := plan.ChooseTier(versions, f.Completed)
	first := v.Day(f.Completed).First()
	before, err := measures(ctx, tx, payees(f), first)
	if err != nil {
		return false, err
	}
	res, err := plan.Price(v, tier, f, before)
	if err != nil {
		return false, r.leave(ctx, tx, source, f.Ticket, err.Error())
	}
	counted, err := json.Marshal(grown(before, res.After))
	if err != nil {
		return false, fmt.Errorf("write counted: %w", err)
	}
	batch := &pgx.Batch{}
	writeMeasures(batch, tx, first, before, res.After)
	batch.Queue(`
		UPDATE pay_accrual SET plan = $3, version = $4, problem = '', counted = $5, month = $6::text::date
		WHERE org_id = $1 AND source = $2
			AND ticket_id = $7`, tx.OrgID(), source, v.Plan, v.Number, counted, first.String(), f.Ticket)
	if err := tx.SendBatch(ctx, batch).Close(); err != nil {
		return false, fmt.Errorf("accrue: %w", err)
	}
	list := make([]line, len(res.Lines))
	for i, l := range res.Lines {
		if list[i], err = newLine(l); err != nil {
			return false, err
		}
		list[i].Kind, list[i].State, list[i].Source = ledger.Accrual, ledger.Pending, source
		list[i].TicketID, list[i].TicketNumber, list[i].EarnedAt = f.Ticket, f.Number, f.Completed
	}
	return true, r.bookLines(ctx, tx, list)
}

func newLine(l plan.Line) (line, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return line{}, err
	}
	trace, err := wire.Marshal(l.Trace)
	if err != nil {
		return line{}, fmt.Errorf("marshal trace: %w", err)
	}
	return line{
		ID: id, Component: l.Component, PayeeID: l.Payee, Category: int32(l.Category), Amount: l.Amount.Minor,
		Currency: string(l.Amount.Currency), PlanVersion: l.Version, TitleZH: l.Name.GetZh(), TitleEN: l.Name.GetEn(),
		Trace: trace,
	}, nil
}

// leave keeps an accrual for a later version.
func (r *Earnings) leave(ctx context.Context, tx *postgres.Tx, source, ticket uuid.UUID, problem string) error {
	r.log.WarnContext(ctx, "a completed ticket could not be priced and waits for a plan version", "org",
		tx.OrgID(), "source", source, "problem", problem)
	_, err := tx.Exec(ctx, `UPDATE pay_accrual SET problem = $3 WHERE org_id = $1 AND source = $2 AND ticket_id = $4`,
		tx.OrgID(), source, problem, ticket)
	return err
}

// reprice tries all accruals that wait for a plan, in the order of their completion. Before that it locks all that it
// may touch, each in the order of its keys: tickets, accruals, payees.
func (s *Service) reprice(ctx context.Context, tx *postgres.Tx) (int, error) {
	r := s.Earnings
	versions, err := r.published(ctx, tx)
	if err != nil {
		return 0, err
	}
	tickets, err := ticketsOf(ctx, tx, `SELECT DISTINCT ticket_id FROM pay_accrual
		WHERE org_id = $1 AND plan IS NULL AND clawed_at IS NULL
		ORDER BY ticket_id`, tx.OrgID())
	if err != nil || len(tickets) == 0 {
		return 0, err
	}
	for _, id := range tickets {
		if err := s.Tickets.Lock(ctx, tx, id); err != nil {
			return 0, err
		}
	}
	if _, err := tx.Exec(ctx, `SELECT FROM pay_accrual WHERE org_id = $1 AND ticket_id = ANY ($2::uuid[]) ORDER BY source
		FOR UPDATE`,
		tx.OrgID(), tickets); err != nil {
		return 0, fmt.Errorf("lock accruals: %w", err)
	}
	rows, err := tx.Query(ctx, `
		SELECT source, facts, approved_at IS NOT NULL AS approved FROM pay_accrual
		WHERE org_id = $1 AND ticket_id = ANY ($2::uuid[]) AND plan IS NULL AND clawed_at IS NULL
		ORDER BY completed_at, source`, tx.OrgID(), tickets)
	if err != nil {
		return 0, err
	}
	type waiting struct {
		Source   uuid.UUID
		Facts    []byte
		Approved bool
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByName[waiting])
	if err != nil {
		return 0, err
	}
	facts := make([]plan.Facts, len(list))
	var all []uuid.UUID
	for i, w := range list {
		if err := json.Unmarshal(w.Facts, &facts[i]); err != nil {
			return 0, fmt.Errorf("read facts of %s: %w", w.Source, err)
		}
		all = append(all, payees(facts[i])...)
	}
	if err := LockPayees(ctx, tx, all); err != nil {
		return 0, err
	}
	priced := 0
	for i, w := range list {
		f := facts[i]
		ok, err := r.price(ctx, tx, versions, w.Source, f)
		if err != nil {
			return 0, err
		}
		if !ok {
			continue
		}
		priced++
		if !w.Approved {
			continue
		}
		posted, err := r.Confirm(ctx, tx, f.Ticket)
		if err == nil && posted {
			err = s.Tickets.Posted(ctx, tx, f.Ticket)
		}
		if err != nil {
			return 0, err
		}
	}
	return priced, nil
}

func ticketsOf(ctx context.Context, tx *postgres.Tx, sql string, args ...any) ([]uuid.UUID, error) {
	rows, err := tx.Query(ctx, sql, args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
}

func payees(f plan.Facts) []uuid.UUID {
	ids := make([]uuid.UUID, len(f.Payees))
	for i, p := range f.Payees {
		ids[i] = p.Payee
	}
	return sorted(ids)
}

func sorted(ids []uuid.UUID) []uuid.UUID {
	slices.SortFunc(ids, func(a, b uuid.UUID) int { return slices.Compare(a[:], b[:]) })
	return ids
}

// LockPayees lets one transaction at a time change the measures of these payees' months, whichever months these are: a
// phone may have completed its jobs in any order of months. It locks in the order of the ids, so whoever prices tickets
// of several payees calls it once, with all of them.
func LockPayees(ctx context.Context, tx *postgres.Tx, ids []uuid.UUID) error {
	if len(ids) == 0 {
		return nil
	}
	_, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock(hashtextextended('doorstep pay ' || payee, 0))
		FROM unnest($1::uuid[]) AS payee ORDER BY payee`, ids)
	if err != nil {
		return fmt.Errorf("lock payees: %w", err)
	}
	return nil
}

// measures returns the payees' measures of a month, and makes those that are not there. The payees are locked.
func measures(
	ctx context.Context, tx *postgres.Tx, ids []uuid.UUID, first civil.Day,
) (map[uuid.UUID]plan.Measure, error) {
	out := map[uuid.UUID]plan.Measure{}
	batch := &pgx.Batch{}
	batch.Queue(`
		INSERT INTO pay_measure (org_id, payee_id, plan, month)
		SELECT $1, p, $3, $4::text::date FROM unnest($2::uuid[]) AS p ORDER BY p ON CONFLICT DO NOTHING`,
		tx.OrgID(), ids, DefaultPlan, first.String())
	batch.Queue(`
		SELECT payee_id, tickets, base_fees FROM pay_measure
		WHERE org_id = $1 AND payee_id = ANY ($2::uuid[]) AND plan = $3 AND month = $4::text::date`,
		tx.OrgID(), ids, DefaultPlan, first.String()).Query(func(rows pgx.Rows) error {
		var id uuid.UUID
		var m plan.Measure
		_, err := pgx.ForEachRow(rows, []any{&id, &m.Tickets, &m.BaseFees}, func() error {
			out[id] = m
			return nil
		})
		return err
	})
	err := tx.SendBatch(ctx, batch).Close()
	if err == nil && len(out) != len(ids) {
		err = errors.New("a measure is missing")
	}
	if err != nil {
		return nil, fmt.Errorf("read measures: %w", err)
	}
	return out, nil
}

// writeMeasures queues what changed, in the order of the ids.
func writeMeasures(batch *pgx.Batch, tx *postgres.Tx, first civil.Day, before, after map[uuid.UUID]plan.Measure) {
	for _, id := range sorted(slices.Collect(maps.Keys(after))) {
		if m := after[id]; m != before[id] {
			batch.Queue(`
				UPDATE pay_measure SET tickets = $5, base_fees = $6
				WHERE org_id = $1 AND payee_id = $2 AND plan = $3 AND month = $4::text::date`,
				tx.OrgID(), id, DefaultPlan, first.String(), m.Tickets, m.BaseFees)
		}
	}
}

// grown is what a ticket added to each payee's measure.
func grown(before, after map[uuid.UUID]plan.Measure) map[uuid.UUID]plan.Measure {
	out := map[uuid.UUID]plan.Measure{}
	for id, m := range after {
		if d := (plan.Measure{Tickets: m.Tickets - before[id].Tickets, BaseFees: m.BaseFees - before[id].BaseFees}); d !=
			(plan.Measure{}) {
			out[id] = d
		}
	}
	return out
}
