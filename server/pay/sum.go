package pay

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	payv1 "github.com/doorstep-dev/doorstep/proto/doorstep/pay/v1"
	typesv1 "github.com/doorstep-dev/doorstep/proto/doorstep/types/v1"
	"github.com/doorstep-dev/doorstep/server/civil"
	"github.com/doorstep-dev/doorstep/server/money"
	"github.com/doorstep-dev/doorstep/server/pay/plan"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

// split sums a payee's lines of a span by category, pending and sure apart. What is paid is sure.
func split(
	ctx context.Context, tx *postgres.Tx, payee uuid.UUID, from, to time.Time, c money.Currency,
) (pending, sure *payv1.Split, err error) {
	pending, sure = emptySplit(c), emptySplit(c)
	rows, err := tx.Query(ctx, `
		SELECT category, state = 'pending', sum(amount)::bigint, count(DISTINCT ticket_id) FILTER (WHERE category = 1
			AND kind = 'accrual')
		FROM pay_line WHERE org_id = $1 AND payee_id = $2 AND earned_at >= $3 AND earned_at < $4 AND currency = $5
		GROUP BY 1, 2`, tx.OrgID(), payee, from, to, string(c))
	if err != nil {
		return nil, nil, fmt.Errorf("sum lines: %w", err)
	}
	var category int32
	var isPending bool
	var minor, tickets int64
	_, err = pgx.ForEachRow(rows, []any{&category, &isPending, &minor, &tickets}, func() error {
		s := sure
		if isPending {
			s = pending
		}
		s.Tickets += uint32(tickets)
		total, err := money.New(s.Total.Minor, c).Add(money.New(minor, c))
		if err != nil {
			return err
		}
		s.Total.Minor = total.Minor
		switch payv1.EarningCategory(category) {
		case payv1.EarningCategory_EARNING_CATEGORY_INSTALL_FEE:
			s.InstallFee.Minor = minor
		case payv1.EarningCategory_EARNING_CATEGORY_PARTS:
			s.Parts.Minor = minor
		case payv1.EarningCategory_EARNING_CATEGORY_VALUE_ADDED:
			s.ValueAdded.Minor = minor
		case payv1.EarningCategory_EARNING_CATEGORY_BONUS:
			s.Bonus.Minor = minor
		}
		return nil
	})
	if err != nil {
		return nil, nil, fmt.Errorf("sum lines: %w", err)
	}
	return pending, sure, nil
}

func emptySplit(c money.Currency) *payv1.Split {
	zero := func() *typesv1.Money { return wireMoney(money.New(0, c)) }
	return &payv1.Split{InstallFee: zero(), Parts: zero(), ValueAdded: zero(), Bonus: zero(), Total: zero()}
}

// earnings answers GetEarnings for a payee and a moment.
func (r *Earnings) earnings(
	ctx context.Context, tx *postgres.Tx, payee uuid.UUID, at time.Time,
) (*payv1.GetEarningsResponse, error) {
	zone, err := r.people.Zone(ctx, tx)
	if err != nil {
		return nil, err
	}
	versions, err := r.published(ctx, tx)
	if err != nil {
		return nil, err
	}
	c := money.CNY
	if len(versions) > 0 {
		c = versions[0].Currency
	}
	out := &payv1.GetEarningsResponse{}
	day := civil.DayOf(at, zone)
	if out.TodayPending, out.TodayConfirmed, err = split(ctx, tx, payee, day.Start(zone), day.Add(0, 1).Start(zone),
		c); err != nil {
		return nil, err
	}
	first, from, to := month(at, zone)
	if out.MonthPending, out.MonthConfirmed, err = split(ctx, tx, payee, from, to, c); err != nil {
		return nil, err
	}
	out.NextTier, err = nextTier(ctx, tx, versions, payee, at, first)
	return out, err
}

func nextTier(
	ctx context.Context, tx *postgres.Tx, versions []*plan.Version, payee uuid.UUID, at time.Time, first civil.Day,
) (*payv1.NextTier, error) {
	tier := plan.ChooseTier(versions, at)
	if tier == nil {
		return nil, nil
	}
	var m plan.Measure
	err := tx.QueryRow(ctx, `
		SELECT coalesce(sum(tickets), 0)::bigint, coalesce(sum(base_fees), 0)::bigint FROM pay_measure
		WHERE org_id = $1 AND payee_id = $2 AND plan = $3 AND month = $4::text::date`,
		tx.OrgID(), payee, DefaultPlan, first.String()).Scan(&m.Tickets, &m.BaseFees)
	if err != nil {
		return nil, fmt.Errorf("read measure: %w", err)
	}
	d, ok, err := tier.Next(m)
	if err != nil || !ok {
		return nil, err
	}
	n := &payv1.NextTier{Tickets: uint32(d.Tickets), Gain: &typesv1.Label{Zh: d.Text("zh"), En: d.Text("en")}}
	if d.Tickets == 0 {
		n.Amount = wireMoney(d.Amount)
	}
	return n, nil
}
