package pay_test

import (
	"context"
	"fmt"
	"math"
	"testing"
	"time"

	"connectrpc.com/connect"
	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"
	"google.golang.org/protobuf/proto"

	payv1 "github.com/doorstep-dev/doorstep/proto/doorstep/pay/v1"
	typesv1 "github.com/doorstep-dev/doorstep/proto/doorstep/types/v1"
	"github.com/doorstep-dev/doorstep/server/identity"
	"github.com/doorstep-dev/doorstep/server/money"
	"github.com/doorstep-dev/doorstep/server/pay/plan"
	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/fault"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

func TestATicketAccruesPendingThenIsConfirmedAndPaid(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.publish(standard(1, "2026-01-01"))
	f, source := d.job(noon(23)), uuid.New()
	d.proof[f.Ticket] = true
	d.accrue(source, f)
	d.accrue(source, f) // the same event again
	e := d.earnings(noon(23))
	if e.TodayPending.Total.Minor != jobPay || e.TodayPending.InstallFee.Minor != 12000 ||
		e.TodayPending.ValueAdded.Minor != 1500 ||
		e.TodayPending.Parts.Minor != 371 || e.TodayPending.Tickets != 1 || e.TodayConfirmed.Total.Minor != 0 {
		t.Fatalf("today: %v, %v", e.TodayPending, e.TodayConfirmed)
	}
	if e.NextTier.GetTickets() != 3 || e.NextTier.GetGain().GetEn() != "3 tickets to the next tier: +¥10.00 a ticket" {
		t.Errorf("next tier: %v", e.NextTier)
	}
	d.check()

	d.approve(f.Ticket) // the proof is missing still
	if e := d.earnings(noon(23)); e.TodayConfirmed.Total.Minor != 0 {
		t.Fatalf("confirmed without proof: %v", e.TodayConfirmed)
	}
	d.mu.Lock()
	d.proof[f.Ticket] = false
	d.mu.Unlock()
	for range 2 {
		d.on(f.Ticket, func(ctx context.Context, tx *postgres.Tx) error {
			_, err := d.pays.Confirm(ctx, tx, f.Ticket)
			return err
		})
	}
	e = d.earnings(noon(23))
	if e.TodayPending.Total.Minor != 0 || e.TodayConfirmed.Total.Minor != jobPay || e.TodayConfirmed.Tickets != 1 {
		t.Fatalf("after approval: %v, %v", e.TodayPending, e.TodayConfirmed)
	}
	d.check()
	for i, want := range []int64{jobPay, 0} {
		d.do(func(ctx context.Context, tx *postgres.Tx) error {
			paid, err := d.pays.PayOut(ctx, tx, d.tech, noon(30), money.CNY)
			if paid.Minor != want {
				t.Errorf("payout %d paid %s", i, paid)
			}
			return err
		})
	}
	d.check()
}

func TestApprovalMayComeAfterTheProof(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.publish(standard(1, "2026-01-01"))
	f := d.job(noon(23))
	d.accrue(uuid.New(), f)
	d.on(f.Ticket, func(ctx context.Context, tx *postgres.Tx) error {
		_, err := d.pays.Confirm(ctx, tx, f.Ticket)
		return err
	})
	if e := d.earnings(noon(23)); e.TodayConfirmed.Total.Minor != 0 {
		t.Fatal("confirmed without approval")
	}
	d.approve(f.Ticket)
	if e := d.earnings(noon(23)); e.TodayConfirmed.Total.Minor != jobPay {
		t.Fatal("not confirmed")
	}
	d.check()
}

func TestCompletionsAtOnceGetTheTierRight(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.publish(standard(1, "2026-01-01"))
	const n = 16
	group, ctx := errgroup.WithContext(t.Context())
	for i := range n {
		f := d.job(noon(1 + i))
		source := uuid.New()
		for range 2 { // each event arrives twice at once
			group.Go(func() error {
				return d.pays.Store.Transact(ctx, change.Org(d.org), func(tx *postgres.Tx) error {
					if err := (others{}).Lock(ctx, tx, f.Ticket); err != nil {
						return err
					}
					return d.pays.Accrue(ctx, tx, source, f)
				})
			})
		}
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	e := d.earnings(noon(23))
	if want := n*jobPay + tierSum(n); e.MonthPending.Total.Minor != want || e.MonthPending.Bonus.Minor != tierSum(n) ||
		e.MonthPending.Tickets != n {
		t.Errorf("month: %v, want %d with a bonus of %d", e.MonthPending, want, tierSum(n))
	}
	if e.NextTier != nil {
		t.Errorf("there is a tier above the highest: %v", e.NextTier)
	}
	d.check()
}

func TestAReworkTakesBackTheBaseFeeAndLeavesTheTier(t *testing.T) {
	t.Parallel()
	for _, approved := range []bool{false, true} {
		t.Run(fmt.Sprintf("approved=%v", approved), func(t *testing.T) {
			t.Parallel()
			d := newDesk(t)
			d.publish(standard(1, "2026-01-01"))
			var first plan.Facts
			for i := range 5 {
				f := d.job(noon(2 + i))
				d.accrue(uuid.New(), f)
				if i == 0 {
					first = f
				}
				if approved {
					d.approve(f.Ticket)
				}
			}
			d.check()
			rework := uuid.New()
			d.clawback(first.Ticket, rework)
			d.clawback(first.Ticket, rework)     // the same event again
			d.clawback(first.Ticket, uuid.New()) // another rework of the same ticket
			e := d.earnings(noon(23))
			total := e.MonthPending.Total.Minor + e.MonthConfirmed.Total.Minor
			if want := 4*jobPay + tierSum(4) + 1500 + 371; total != int64(want) {
				t.Errorf("the month is %d, want %d", total, want)
			}
			if bonus := e.MonthPending.Bonus.Minor + e.MonthConfirmed.Bonus.Minor; bonus != tierSum(4) {
				t.Errorf("the bonus is %d, want %d", bonus, tierSum(4))
			}
			byID := map[string]*payv1.EarningLine{}
			for _, l := range d.lines() {
				byID[string(l.Id)] = l
			}
			pointers := 0
			for _, l := range byID {
				if len(l.Corrects) == 0 {
					continue
				}
				pointers++
				if old := byID[string(l.Corrects)]; old == nil || l.State != payv1.EarningState_EARNING_STATE_CONFIRMED ||
					string(old.TicketId) != string(first.Ticket[:]) {
					t.Errorf("%v points to %v", l, old)
				}
			}
			if pointers != 2 {
				t.Errorf("%d lines point to old ones, want base and tier", pointers)
			}
			d.check()
			// The next ticket is the fifth again.
			d.accrue(uuid.New(), d.job(noon(20)))
			if e := d.earnings(noon(23)); e.MonthPending.Bonus.Minor+e.MonthConfirmed.Bonus.Minor != tierSum(5) {
				t.Errorf("after another ticket the bonus is %v and %v", e.MonthPending.Bonus, e.MonthConfirmed.Bonus)
			}
			d.check()
		})
	}
}

func TestAReworkThatLeavesTheBaseFeeConfirmsNoTier(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	p := standard(1, "2026-01-01")
	p.ClawedBack = []string{"parts"}
	d.publish(p)
	var last plan.Facts
	for i := range 4 { // the fourth is the first in the tier
		last = d.job(noon(2 + i))
		d.accrue(uuid.New(), last)
	}
	d.clawback(last.Ticket, uuid.New())
	if e := d.earnings(noon(23)); e.MonthPending.Bonus.Minor != tierSum(4) || e.MonthConfirmed.Bonus.Minor != 0 ||
		e.MonthConfirmed.Total.Minor != 0 {
		t.Errorf("nobody has approved, and yet: pending %v, confirmed %v", e.MonthPending, e.MonthConfirmed)
	}
	d.approve(last.Ticket)
	if e := d.earnings(noon(23)); e.MonthConfirmed.Total.Minor != jobPay-371+tierSum(4) {
		t.Errorf("after the approval %v", e.MonthConfirmed)
	}
	d.check()
}

func TestAClawbackInALaterMonthLeavesTheEarlierStatementAlone(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.publish(standard(1, "2026-01-01"))
	f := d.job(noon(23))
	d.accrue(uuid.New(), f)
	d.approve(f.Ticket)
	d.do(func(ctx context.Context, tx *postgres.Tx) error {
		_, err := d.pays.PayOut(ctx, tx, d.tech, noon(30), money.CNY)
		return err
	})
	december := noon(23).AddDate(0, 0, 15)
	d.setNow(december)
	d.clawback(f.Ticket, uuid.New())
	if e := d.earnings(noon(23)); e.MonthConfirmed.Total.Minor != jobPay {
		t.Errorf("November changed to %v", e.MonthConfirmed)
	}
	if e := d.earnings(december); e.MonthConfirmed.Total.Minor != -12000 {
		t.Errorf("December is %v", e.MonthConfirmed)
	}
	// What was paid is owed now, and taken from the next payout.
	d.do(func(ctx context.Context, tx *postgres.Tx) error {
		paid, err := d.pays.PayOut(ctx, tx, d.tech, december.AddDate(0, 1, 0), money.CNY)
		if !paid.Zero() {
			t.Errorf("a debt was paid out: %s", paid)
		}
		return err
	})
	next := d.job(december)
	d.accrue(uuid.New(), next)
	d.approve(next.Ticket)
	d.do(func(ctx context.Context, tx *postgres.Tx) error {
		paid, err := d.pays.PayOut(ctx, tx, d.tech, december.AddDate(0, 1, 0), money.CNY)
		if paid.Minor != jobPay-12000 {
			t.Errorf("paid %s", paid)
		}
		return err
	})
	d.check()
}

func TestACorrectionIsANewLineThatPointsToTheOld(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.publish(standard(1, "2026-01-01"))
	f := d.job(noon(10))
	d.accrue(uuid.New(), f)
	old := d.line(payv1.EarningCategory_EARNING_CATEGORY_INSTALL_FEE)
	finance := d.as(identity.Finance, identity.ScopeOrg, uuid.Nil)
	id := uuid.New()
	ask := func(minor int64, currency string) (*payv1.EarningLine, error) {
		res, err := d.service().AdjustEarning(finance, connect.NewRequest(&payv1.AdjustEarningRequest{
			Id: id[:], LineId: old.Id, Difference: &typesv1.Money{Minor: minor, Currency: currency},
			Reason: "second floor without a lift",
		}))
		if err != nil {
			return nil, err
		}
		return res.Msg.Line, nil
	}
	got, err := ask(2500, "CNY")
	if err != nil {
		t.Fatal(err)
	}
	again, err := ask(2500, "CNY")
	if err != nil || !proto.Equal(got, again) {
		t.Errorf("the same adjustment again gave %v (%v)", again, err)
	}
	if string(got.Corrects) != string(old.Id) || got.Amount.Minor != 2500 ||
		got.State != payv1.EarningState_EARNING_STATE_PENDING || got.Title.Zh != "更正：安装费" {
		t.Errorf("got %v", got)
	}
	if _, err := ask(2600, "CNY"); fault.CodeOf(err) != fault.Conflict {
		t.Errorf("another amount under the same id: %v", err)
	}
	id = uuid.New()
	for _, bad := range []struct {
		minor    int64
		currency string
	}{{0, "CNY"}, {100, "USD"}, {math.MinInt64, "CNY"}, {math.MaxInt64, "CNY"}} {
		if _, err := ask(bad.minor, bad.currency); fault.CodeOf(err) != fault.InvalidArgument {
			t.Errorf("%v: %v", bad, err)
		}
	}
	d.check()
	d.approve(f.Ticket)
	id = uuid.New()
	if got, err := ask(-500, "CNY"); err != nil || got.State != payv1.EarningState_EARNING_STATE_CONFIRMED {
		t.Errorf("a correction of a confirmed line: %v, %v", got, err)
	}
	d.check()
	// A rework takes back the fee with its corrections.
	d.clawback(f.Ticket, uuid.New())
	if e := d.earnings(noon(23)); e.MonthConfirmed.InstallFee.Minor != 0 {
		t.Errorf("after the clawback %v", e.MonthConfirmed.InstallFee)
	}
	d.check()
}

func TestOldOrdersByTheOldRuleAcrossTheMonthBoundary(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.publish(standard(1, "2026-01-01"))
	next := standard(2, "2026-12-01")
	next.Components[0].GetBaseFee().Classes[0].FeeMinor = 15000
	d.publish(next)
	midnight := time.Date(2026, 12, 1, 0, 0, 0, 0, shanghai)
	d.setNow(midnight.AddDate(0, 0, 5))
	for _, c := range []struct {
		ordered, completed time.Time
		fee                int64
		version            string
	}{
		{midnight.Add(-time.Second), midnight.Add(time.Hour), 12000, "standard@1"},
		{midnight, midnight, 15000, "standard@2"},
		{midnight.Add(-48 * time.Hour), midnight.Add(-time.Second), 12000, "standard@1"},
	} {
		f := d.job(c.completed)
		f.Ordered, f.Parts, f.Surcharges = c.ordered, nil, nil
		d.accrue(uuid.New(), f)
		found := false
		for _, l := range d.lines() {
			if string(l.TicketId) == string(f.Ticket[:]) {
				found = true
				if l.Amount.Minor != c.fee || l.PlanVersion != c.version {
					t.Errorf("ordered %s: %v by %s", c.ordered, l.Amount, l.PlanVersion)
				}
			}
		}
		if !found {
			t.Errorf("ordered %s: no line", c.ordered)
		}
	}
	if e := d.earnings(noon(15)); e.MonthPending.Total.Minor != 12000 {
		t.Errorf("November is %v: a second before midnight belongs to it", e.MonthPending)
	}
	if e := d.earnings(midnight); e.MonthPending.Total.Minor != 27000 || e.TodayPending.Tickets != 2 {
		t.Errorf("December is %v", e.MonthPending)
	}
	d.check()
}

func TestATicketWithoutAPlanWaitsAndHoldsNobodyUp(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	f, foreign, reworked := d.job(noon(10)), d.job(noon(11)), d.job(noon(12))
	foreign.Parts[0].UnitPrice = money.New(1, "USD")
	for _, facts := range []plan.Facts{f, foreign, reworked} {
		d.accrue(uuid.New(), facts)
	}
	d.approve(f.Ticket)
	d.clawback(reworked.Ticket, uuid.New())
	if n := d.publish(standard(1, "2026-01-01")); n != 1 {
		t.Fatalf("%d tickets were priced, want the first", n)
	}
	if e := d.earnings(noon(23)); e.MonthConfirmed.Total.Minor != jobPay || e.MonthPending.Total.Minor != 0 {
		t.Errorf("month: %v, %v", e.MonthPending, e.MonthConfirmed)
	}
	res, err := d.service().ListPlans(d.as(identity.Finance, identity.ScopeOrg, uuid.Nil),
		connect.NewRequest(&payv1.ListPlansRequest{}))
	if err != nil || res.Msg.Unpriced != 1 || len(res.Msg.Plans) != 1 {
		t.Errorf("%v, %v", res, err)
	}
	d.check()
}
