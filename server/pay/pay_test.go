package pay_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"connectrpc.com/connect"
	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/doorstep-dev/doorstep/internal/fault"
	payv1 "github.com/doorstep-dev/doorstep/internal/gen/doorstep/pay/v1"
	typesv1 "github.com/doorstep-dev/doorstep/internal/gen/doorstep/types/v1"
	"github.com/doorstep-dev/doorstep/internal/pgtest"
	"github.com/doorstep-dev/doorstep/server/identity"
	"github.com/doorstep-dev/doorstep/server/money"
	"github.com/doorstep-dev/doorstep/server/pay"
	"github.com/doorstep-dev/doorstep/server/pay/plan"
	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/feed"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

var shanghai = func() *time.Location {
	zone, err := time.LoadLocation("Asia/Shanghai")
	if err != nil {
		panic(err)
	}
	return zone
}()

// noon of a day in November 2026, in Shanghai.
func noon(day int) time.Time { return time.Date(2026, 11, day, 12, 0, 0, 0, shanghai) }

// desk is a room with an org of its own.
type desk struct {
	t     *testing.T
	db    *pgtest.DB
	room  *pay.Room
	org   uuid.UUID
	tech  uuid.UUID
	team  uuid.UUID
	mu    sync.Mutex
	now   time.Time
	proof map[uuid.UUID]bool // tickets whose proof is not verified yet
	// told sums what the ranking was told.
	told map[uuid.UUID][2]int64
}

func newDesk(t *testing.T) *desk {
	t.Helper()
	d := &desk{
		t: t, db: pgtest.New(t), org: uuid.New(), tech: uuid.New(), team: uuid.New(), now: noon(23),
		proof: map[uuid.UUID]bool{}, told: map[uuid.UUID][2]int64{},
	}
	d.room = &pay.Room{
		Store: &postgres.Store{Pool: d.db.App, Now: d.clock},
		Log:   slog.New(slog.DiscardHandler),
		Zone:  func(context.Context, *postgres.Tx) (*time.Location, error) { return shanghai, nil },
		Home: func(_ context.Context, _ *postgres.Tx, id uuid.UUID) ([]uuid.UUID, uuid.UUID, error) {
			if id == d.tech {
				return []uuid.UUID{d.team}, uuid.Nil, nil
			}
			return nil, uuid.Nil, nil
		},
		ProofsVerified: func(_ context.Context, _ *postgres.Tx, ticket uuid.UUID) (bool, error) {
			d.mu.Lock()
			defer d.mu.Unlock()
			return !d.proof[ticket], nil
		},
		Earned: func(_ context.Context, tx *postgres.Tx, payee uuid.UUID, _ time.Time, total, pending money.Amount) error {
			tx.AfterCommit(func() {
				d.mu.Lock()
				defer d.mu.Unlock()
				was := d.told[payee]
				d.told[payee] = [2]int64{was[0] + total.Minor, was[1] + pending.Minor}
			})
			return nil
		},
	}
	return d
}

func (d *desk) clock() time.Time {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.now
}

func (d *desk) setNow(t time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.now = t
}

func label(zh, en string) *typesv1.Label { return &typesv1.Label{Zh: zh, En: en} }

// standard pays ¥120 a lock and ¥80 else, ¥15 a drilling, a tenth of parts, and from the fourth ticket of a month
// ¥10, from the seventh ¥20 more a ticket.
func standard(version uint32, from string) *payv1.PlanVersion {
	return &payv1.PlanVersion{
		Plan: pay.DefaultPlan, Version: version, Name: label("标准", "Standard"), Currency: "CNY", TimeZone: "Asia/Shanghai",
		EffectiveFrom: from, VersionDate: payv1.VersionDate_VERSION_DATE_ORDERED, ClawedBack: []string{"base"},
		Components: []*payv1.Component{
			{Key: "base", Name: label("安装费", "Install fee"), Category: 1, Rounding: 2, Rule: &payv1.Component_BaseFee{BaseFee: &payv1.BaseFee{
				OtherwiseMinor: 8000, Classes: []*payv1.ClassFee{{ClassKey: "lock", FeeMinor: 12000}},
			}}},
			{Key: "extras", Name: label("增值", "Value-added"), Category: 3, Rounding: 2, Rule: &payv1.Component_SurchargeFee{SurchargeFee: &payv1.SurchargeFee{
				Items: []*payv1.SurchargeItem{{Sku: "drill", FeeMinor: 1500}},
			}}},
			{Key: "parts", Name: label("配件", "Parts"), Category: 2, Rounding: 2, Rule: &payv1.Component_PartsShare{PartsShare: &payv1.PartsShare{
				Share: &payv1.Rate{Numerator: 1, Denominator: 10},
			}}},
			{Key: "tier", Name: label("阶梯", "Tier"), Category: 4, Rounding: 2, Rule: &payv1.Component_MonthlyTier{MonthlyTier: &payv1.MonthlyTier{
				Mode: payv1.TierMode_TIER_MODE_GRADUATED, Measure: payv1.TierMeasure_TIER_MEASURE_TICKETS,
				Tiers: []*payv1.Tier{{Above: 3, PerTicketMinor: 1000}, {Above: 6, PerTicketMinor: 3000}},
			}}},
		},
	}
}

// tierSum is what n tickets of a month earn by the plan above, counted ticket by ticket.
func tierSum(n int) (sum int64) {
	for i := 1; i <= n; i++ {
		if i > 6 {
			sum += 3000
		} else if i > 3 {
			sum += 1000
		}
	}
	return sum
}

func (d *desk) publish(p *payv1.PlanVersion) int {
	d.t.Helper()
	n, err := d.room.Publish(d.t.Context(), d.org, uuid.New(), p)
	if err != nil {
		d.t.Fatal(err)
	}
	return n
}

// job is a completed lock with one drilling and a part of ¥37.05: ¥120 + ¥15 + ¥3.71.
func (d *desk) job(completed time.Time) plan.Facts {
	ticket := uuid.New()
	return plan.Facts{
		Ticket: ticket, Number: "T-" + ticket.String()[:8], Class: "lock",
		Ordered: completed.AddDate(0, 0, -3), Opened: completed.AddDate(0, 0, -2), Completed: completed,
		Parts:      []plan.Item{{SKU: "hinge", Quantity: 3, UnitPrice: money.Fen(1235)}},
		Surcharges: []plan.Item{{SKU: "drill", Quantity: 1, UnitPrice: money.Fen(4000)}},
		Payees:     []plan.Share{{Payee: d.tech, Weight: 1}},
	}
}

const jobPay = 12000 + 1500 + 371

func (d *desk) do(fn func(ctx context.Context, tx *postgres.Tx) error) {
	d.t.Helper()
	if err := d.try(fn); err != nil {
		d.t.Fatal(err)
	}
}

func (d *desk) try(fn func(ctx context.Context, tx *postgres.Tx) error) error {
	return d.room.Store.Transact(d.t.Context(), change.Org(d.org), func(tx *postgres.Tx) error { return fn(d.t.Context(), tx) })
}

func (d *desk) accrue(source uuid.UUID, f plan.Facts) {
	d.t.Helper()
	d.do(func(ctx context.Context, tx *postgres.Tx) error { return d.room.Accrue(ctx, tx, source, f) })
}

func (d *desk) approve(ticket uuid.UUID) {
	d.t.Helper()
	d.do(func(ctx context.Context, tx *postgres.Tx) error { return d.room.Approve(ctx, tx, ticket) })
}

func (d *desk) clawback(ticket, source uuid.UUID) {
	d.t.Helper()
	d.do(func(ctx context.Context, tx *postgres.Tx) error {
		return d.room.Clawback(ctx, tx, ticket, source, "leaks")
	})
}

func (d *desk) as(role identity.Role, kind identity.ScopeKind, id uuid.UUID) context.Context {
	who := identity.Identity{Org: d.org, User: uuid.New(), Grants: []identity.Grant{{Role: role, Scope: kind, ID: id}}}
	if role == identity.Technician {
		who.User = id
	}
	return identity.With(d.t.Context(), who)
}

func (d *desk) me() context.Context { return d.as(identity.Technician, identity.ScopeSelf, d.tech) }

func (d *desk) service() *pay.Service { return &pay.Service{Room: d.room} }

func (d *desk) earnings(at time.Time) *payv1.GetEarningsResponse {
	d.t.Helper()
	res, err := d.service().GetEarnings(d.me(), connect.NewRequest(&payv1.GetEarningsRequest{At: timestamppb.New(at)}))
	if err != nil {
		d.t.Fatal(err)
	}
	return res.Msg
}

func (d *desk) lines() []*payv1.EarningLine {
	d.t.Helper()
	res, err := d.service().ListEarningLines(d.me(), connect.NewRequest(&payv1.ListEarningLinesRequest{
		From: timestamppb.New(noon(1).AddDate(0, -2, 0)), To: timestamppb.New(noon(1).AddDate(0, 3, 0)), Limit: 500,
	}))
	if err != nil {
		d.t.Fatal(err)
	}
	return res.Msg.Lines
}

func (d *desk) line(category payv1.EarningCategory) *payv1.EarningLine {
	d.t.Helper()
	for _, l := range d.lines() {
		if l.Category == category {
			return l
		}
	}
	d.t.Fatalf("no line of %s", category)
	return nil
}

// check asserts what holds whatever happened: debits equal credits, accounts hold the lines in their states, the
// month's statement is the sum of the lines, the phone's feed holds the very lines, the ranking heard it all.
func (d *desk) check() {
	d.t.Helper()
	ctx := d.t.Context()
	var debit, credit int64
	if err := d.db.Owner.QueryRow(ctx, `SELECT coalesce(sum(amount) FILTER (WHERE amount > 0), 0), coalesce(-sum(amount) FILTER (WHERE amount < 0), 0)
		FROM pay_posting WHERE org_id = $1`, d.org).Scan(&debit, &credit); err != nil {
		d.t.Fatal(err)
	}
	if debit != credit {
		d.t.Errorf("debits are %d, credits %d", debit, credit)
	}
	balance := func(account string) (n int64) {
		if err := d.db.Owner.QueryRow(ctx, `SELECT coalesce(-sum(amount), 0) FROM pay_posting WHERE org_id = $1 AND account = $2`, d.org, account).Scan(&n); err != nil {
			d.t.Fatal(err)
		}
		return n
	}
	var sums [4]int64
	var months [2]int64
	all := d.lines()
	for _, l := range all {
		sums[l.State] += l.Amount.Minor
		if at := l.EarnedAt.AsTime().In(shanghai); at.Month() == 11 {
			if l.State == payv1.EarningState_EARNING_STATE_PENDING {
				months[0] += l.Amount.Minor
			} else {
				months[1] += l.Amount.Minor
			}
		}
	}
	for state, account := range map[payv1.EarningState]string{
		payv1.EarningState_EARNING_STATE_PENDING: "payable:pending", payv1.EarningState_EARNING_STATE_CONFIRMED: "payable:confirmed", payv1.EarningState_EARNING_STATE_PAID: "cash:paid",
	} {
		if got := balance(account); got != sums[state] {
			d.t.Errorf("%s holds %d, its lines add up to %d", account, got, sums[state])
		}
	}
	e := d.earnings(noon(15))
	if e.MonthPending.Total.Minor != months[0] || e.MonthConfirmed.Total.Minor != months[1] {
		d.t.Errorf("the statement says %v and %v, the lines %v", e.MonthPending.Total, e.MonthConfirmed.Total, months)
	}
	d.mu.Lock()
	told := d.told[d.tech]
	d.mu.Unlock()
	if want := [2]int64{sums[1] + sums[2] + sums[3], sums[1]}; told != want {
		d.t.Errorf("the ranking was told %v, the lines are %v", told, want)
	}
	d.checkFeed(all)
}

func (d *desk) checkFeed(all []*payv1.EarningLine) {
	d.t.Helper()
	ctx, f := d.t.Context(), change.FeedID{Kind: "tech", Key: d.tech}
	d.do(func(ctx context.Context, tx *postgres.Tx) error { return tx.Subscribe(ctx, change.User(d.tech), f) })
	page, err := feed.Read(ctx, d.room.Store, feed.Request{Org: change.Org(d.org), User: change.User(d.tech), MaxBytes: 4 << 20})
	if err != nil {
		d.t.Fatal(err)
	}
	held := map[uuid.UUID]*payv1.EarningLine{}
	for _, delta := range page.Deltas {
		for _, e := range delta.Entries {
			l := &payv1.EarningLine{}
			if err := proto.Unmarshal(e.Body, l); err != nil {
				d.t.Fatal(err)
			}
			held[e.ID] = l
		}
	}
	if len(held) != len(all) {
		d.t.Errorf("the feed holds %d lines of %d", len(held), len(all))
	}
	for _, l := range all {
		if got := held[uuid.UUID(l.Id)]; !proto.Equal(got, l) {
			d.t.Errorf("the feed holds %v\ninstead of %v", got, l)
		}
	}
}

func TestATicketAccruesPendingThenIsConfirmedAndPaid(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.publish(standard(1, "2026-01-01"))
	f, source := d.job(noon(23)), uuid.New()
	d.proof[f.Ticket] = true
	d.accrue(source, f)
	d.accrue(source, f) // the same event again
	e := d.earnings(noon(23))
	if e.TodayPending.Total.Minor != jobPay || e.TodayPending.InstallFee.Minor != 12000 || e.TodayPending.ValueAdded.Minor != 1500 ||
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
		d.do(func(ctx context.Context, tx *postgres.Tx) error { return d.room.Confirm(ctx, tx, f.Ticket) })
	}
	e = d.earnings(noon(23))
	if e.TodayPending.Total.Minor != 0 || e.TodayConfirmed.Total.Minor != jobPay || e.TodayConfirmed.Tickets != 1 {
		t.Fatalf("after approval: %v, %v", e.TodayPending, e.TodayConfirmed)
	}
	d.check()
	for i, want := range []int64{jobPay, 0} {
		d.do(func(ctx context.Context, tx *postgres.Tx) error {
			paid, err := d.room.PayOut(ctx, tx, d.tech, noon(30), money.CNY)
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
	d.do(func(ctx context.Context, tx *postgres.Tx) error { return d.room.Confirm(ctx, tx, f.Ticket) })
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
				return d.room.Store.Transact(ctx, change.Org(d.org), func(tx *postgres.Tx) error { return d.room.Accrue(ctx, tx, source, f) })
			})
		}
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	e := d.earnings(noon(23))
	if want := n*jobPay + tierSum(n); e.MonthPending.Total.Minor != want || e.MonthPending.Bonus.Minor != tierSum(n) || e.MonthPending.Tickets != n {
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
				if old := byID[string(l.Corrects)]; old == nil || l.State != payv1.EarningState_EARNING_STATE_CONFIRMED || string(old.TicketId) != string(first.Ticket[:]) {
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

func TestAClawbackInALaterMonthLeavesTheEarlierStatementAlone(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.publish(standard(1, "2026-01-01"))
	f := d.job(noon(23))
	d.accrue(uuid.New(), f)
	d.approve(f.Ticket)
	d.do(func(ctx context.Context, tx *postgres.Tx) error {
		_, err := d.room.PayOut(ctx, tx, d.tech, noon(30), money.CNY)
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
		paid, err := d.room.PayOut(ctx, tx, d.tech, december.AddDate(0, 1, 0), money.CNY)
		if !paid.Zero() {
			t.Errorf("a debt was paid out: %s", paid)
		}
		return err
	})
	next := d.job(december)
	d.accrue(uuid.New(), next)
	d.approve(next.Ticket)
	d.do(func(ctx context.Context, tx *postgres.Tx) error {
		paid, err := d.room.PayOut(ctx, tx, d.tech, december.AddDate(0, 1, 0), money.CNY)
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
			Id: id[:], LineId: old.Id, Difference: &typesv1.Money{Minor: minor, Currency: currency}, Reason: "second floor without a lift",
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
	if string(got.Corrects) != string(old.Id) || got.Amount.Minor != 2500 || got.State != payv1.EarningState_EARNING_STATE_PENDING || got.Title.Zh != "更正：安装费" {
		t.Errorf("got %v", got)
	}
	if _, err := ask(2600, "CNY"); fault.CodeOf(err) != fault.Conflict {
		t.Errorf("another amount under the same id: %v", err)
	}
	id = uuid.New()
	for _, bad := range []struct {
		minor    int64
		currency string
	}{{0, "CNY"}, {100, "USD"}} {
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
		{midnight, midnight.Add(2 * time.Hour), 15000, "standard@2"},
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
	res, err := d.service().ListPlans(d.as(identity.Finance, identity.ScopeOrg, uuid.Nil), connect.NewRequest(&payv1.ListPlansRequest{}))
	if err != nil || res.Msg.Unpriced != 1 || len(res.Msg.Plans) != 1 {
		t.Errorf("%v, %v", res, err)
	}
	d.check()
}

func TestPublishedVersionsNeverChangeAndNeverReachBack(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.publish(standard(1, "2026-01-01"))
	d.publish(standard(1, "2026-01-01")) // the same again
	for name, c := range map[string]struct {
		spoil func(*payv1.PlanVersion)
		want  fault.Code
	}{
		"changed":         {func(p *payv1.PlanVersion) { p.Version = 1 }, fault.Conflict},
		"skipped":         {func(p *payv1.PlanVersion) { p.Version = 3 }, fault.Conflict},
		"today":           {func(p *payv1.PlanVersion) { p.EffectiveFrom = "2026-11-23" }, fault.InvalidArgument},
		"other zone":      {func(p *payv1.PlanVersion) { p.TimeZone = "Asia/Tokyo" }, fault.InvalidArgument},
		"other currency":  {func(p *payv1.PlanVersion) { p.Currency = "USD" }, fault.InvalidArgument},
		"other plan":      {func(p *payv1.PlanVersion) { p.Plan = "gold" }, fault.InvalidArgument},
		"not a plan":      {func(p *payv1.PlanVersion) { p.Components = append(p.Components, p.Components[0]) }, fault.InvalidArgument},
		"unknown version": {func(p *payv1.PlanVersion) { p.Version = 0 }, fault.InvalidArgument},
	} {
		p := standard(2, "2026-11-24")
		c.spoil(p)
		if _, err := d.room.Publish(t.Context(), d.org, uuid.New(), p); fault.CodeOf(err) != c.want {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
	}
	d.publish(standard(2, "2026-11-24"))
	if _, err := d.room.Publish(t.Context(), d.org, uuid.New(), standard(3, "2026-11-23")); fault.CodeOf(err) != fault.InvalidArgument {
		t.Errorf("a version before the last one: %v", err)
	}
}

func TestTheLedgerRefusesChangesAndImbalance(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.publish(standard(1, "2026-01-01"))
	d.accrue(uuid.New(), d.job(noon(23)))
	for _, sql := range []string{
		"UPDATE pay_entry SET amount = 1", "DELETE FROM pay_posting", "TRUNCATE pay_posting", "DELETE FROM pay_entry", "UPDATE pay_plan SET body = ''",
		"UPDATE pay_posting SET amount = 0",
	} {
		if _, err := d.db.Owner.Exec(t.Context(), sql); err == nil {
			t.Errorf("the owner could %s", sql)
		}
		if err := d.try(func(ctx context.Context, tx *postgres.Tx) error {
			_, err := tx.Exec(ctx, sql)
			return err
		}); err == nil {
			t.Errorf("the server could %s", sql)
		}
	}
	const entry = `INSERT INTO pay_entry (org_id, id, kind, source, component, payee_id, ticket_id, ticket_number, category, amount, currency, earned_at, booked_at, plan_version, title_zh, title_en, trace)
		SELECT $1, $2, kind, gen_random_uuid(), component, payee_id, ticket_id, '', category, amount, currency, earned_at, booked_at, '', '', '', '' FROM pay_entry LIMIT 1`
	const posting = `INSERT INTO pay_posting (org_id, entry_id, ordinal, account, payee_id, amount, currency) VALUES ($1, $2, $3, 'x', $2, $4, $5)`
	for name, postings := range map[string][]any{
		"none": {}, "one": {5}, "uneven": {5, -4}, "two currencies": {5, -5, "USD"},
	} {
		err := d.try(func(ctx context.Context, tx *postgres.Tx) error {
			id, currency := uuid.New(), "CNY"
			if _, err := tx.Exec(ctx, entry, d.org, id); err != nil {
				return fmt.Errorf("entry: %w", err)
			}
			for i, p := range postings {
				amount, ok := p.(int)
				if !ok {
					break
				}
				if i == 1 && len(postings) == 3 {
					currency = "USD"
				}
				if _, err := tx.Exec(ctx, posting, d.org, id, i, amount, currency); err != nil {
					return fmt.Errorf("posting: %w", err)
				}
			}
			return nil
		})
		var pg interface{ SQLState() string }
		if !errors.As(err, &pg) || pg.SQLState() != "23000" {
			t.Errorf("%s: %v", name, err)
		}
	}
	d.check()
}

// Any mixture of events, repeated and at once, leaves books that balance and a month that is the independent sum.
func TestAnyMixtureOfEventsKeepsTheBooks(t *testing.T) {
	t.Parallel()
	for seed := range uint64(4) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			d := newDesk(t)
			d.publish(standard(1, "2026-01-01"))
			random := rand.New(rand.NewPCG(seed, 7))
			type job struct {
				facts  plan.Facts
				source uuid.UUID
			}
			var jobs []job
			for range 12 {
				jobs = append(jobs, job{d.job(noon(1 + random.IntN(22)).Add(time.Duration(random.IntN(3600)) * time.Second)), uuid.New()})
			}
			clawed := map[int]uuid.UUID{}
			for i := range jobs {
				if random.IntN(4) == 0 {
					clawed[i] = uuid.New()
				}
			}
			group, ctx := errgroup.WithContext(t.Context())
			for worker := range 3 {
				order := rand.New(rand.NewPCG(seed, uint64(worker))).Perm(len(jobs))
				group.Go(func() error {
					for _, i := range order {
						j := jobs[i]
						steps := []func(tx *postgres.Tx) error{
							func(tx *postgres.Tx) error { return d.room.Accrue(ctx, tx, j.source, j.facts) },
						}
						if i%2 == 0 {
							steps = append(steps, func(tx *postgres.Tx) error { return d.room.Approve(ctx, tx, j.facts.Ticket) })
						}
						if rework, ok := clawed[i]; ok {
							steps = append(steps, func(tx *postgres.Tx) error { return d.room.Clawback(ctx, tx, j.facts.Ticket, rework, "leaks") })
						}
						if i%5 == 0 {
							steps = append(steps, func(tx *postgres.Tx) error {
								_, err := d.room.PayOut(ctx, tx, d.tech, noon(1+i), money.CNY)
								var pg interface{ SQLState() string }
								if errors.As(err, &pg) && pg.SQLState() == "23505" {
									return fault.Wrap(err, fault.Conflict, "")
								}
								return err
							})
						}
						for _, step := range steps {
							err := d.room.Store.Transact(ctx, change.Org(d.org), step)
							if err != nil && fault.CodeOf(err) != fault.Conflict {
								return err
							}
						}
					}
					return nil
				})
			}
			if err := group.Wait(); err != nil {
				t.Fatal(err)
			}
			kept := len(jobs) - len(clawed)
			want := int64(len(jobs))*jobPay - int64(len(clawed))*12000 + tierSum(kept)
			e := d.earnings(noon(23))
			if got := e.MonthPending.Total.Minor + e.MonthConfirmed.Total.Minor; got != want {
				t.Errorf("the month is %d, want %d", got, want)
			}
			d.check()
		})
	}
}

func TestWhoMaySeeAndCorrectEarnings(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.publish(standard(1, "2026-01-01"))
	d.accrue(uuid.New(), d.job(noon(23)))
	target := d.line(payv1.EarningCategory_EARNING_CATEGORY_PARTS)
	for _, c := range []struct {
		name      string
		ctx       context.Context
		read, fix fault.Code
		publish   fault.Code
	}{
		{"nobody", t.Context(), fault.Unauthenticated, fault.Unauthenticated, fault.Unauthenticated},
		{"oneself", d.me(), "", fault.Forbidden, fault.Forbidden},
		{"another technician", d.as(identity.Technician, identity.ScopeSelf, uuid.New()), fault.NotFound, fault.Forbidden, fault.Forbidden},
		{"a clerk", d.as(identity.Clerk, identity.ScopeOrg, uuid.Nil), fault.NotFound, fault.Forbidden, fault.Forbidden},
		{"the team's supervisor", d.as(identity.Supervisor, identity.ScopeTeam, d.team), "", fault.Forbidden, fault.Forbidden},
		{"another team's supervisor", d.as(identity.Supervisor, identity.ScopeTeam, uuid.New()), fault.NotFound, fault.Forbidden, fault.Forbidden},
		{"another region's finance", d.as(identity.Finance, identity.ScopeRegion, uuid.New()), fault.NotFound, fault.NotFound, fault.Forbidden},
		{"finance", d.as(identity.Finance, identity.ScopeOrg, uuid.Nil), "", "", ""},
	} {
		s := d.service()
		_, err := s.GetEarnings(c.ctx, connect.NewRequest(&payv1.GetEarningsRequest{TechnicianId: d.tech[:]}))
		if fault.CodeOf(err) != c.read {
			t.Errorf("%s reads sums: %v", c.name, err)
		}
		_, err = s.ListEarningLines(c.ctx, connect.NewRequest(&payv1.ListEarningLinesRequest{TechnicianId: d.tech[:]}))
		if fault.CodeOf(err) != c.read {
			t.Errorf("%s reads lines: %v", c.name, err)
		}
		id := uuid.New()
		_, err = s.AdjustEarning(c.ctx, connect.NewRequest(&payv1.AdjustEarningRequest{
			Id: id[:], LineId: target.Id, Difference: &typesv1.Money{Minor: 1, Currency: "CNY"}, Reason: "r",
		}))
		if fault.CodeOf(err) != c.fix {
			t.Errorf("%s corrects: %v", c.name, err)
		}
		_, err = s.PublishPlan(c.ctx, connect.NewRequest(&payv1.PublishPlanRequest{Plan: standard(1, "2026-01-01")}))
		if fault.CodeOf(err) != c.publish {
			t.Errorf("%s publishes: %v", c.name, err)
		}
	}
	// The same ids in another org are nobody.
	foreign := identity.With(t.Context(), identity.Identity{Org: uuid.New(), User: uuid.New(), Grants: []identity.Grant{{Role: identity.Finance, Scope: identity.ScopeOrg}}})
	id := uuid.New()
	_, err := d.service().AdjustEarning(foreign, connect.NewRequest(&payv1.AdjustEarningRequest{
		Id: id[:], LineId: target.Id, Difference: &typesv1.Money{Minor: 1, Currency: "CNY"}, Reason: "r",
	}))
	if fault.CodeOf(err) != fault.NotFound {
		t.Errorf("another org's finance: %v", err)
	}
	d.check()
}

func TestAnEstimateIsTheTicketWithoutItsTier(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	f := d.job(noon(23))
	f.Payees = nil
	d.do(func(ctx context.Context, tx *postgres.Tx) error {
		_, ok, err := d.room.Estimate(ctx, tx, f)
		if ok {
			t.Error("an estimate without a plan")
		}
		return err
	})
	d.publish(standard(1, "2026-01-01"))
	d.do(func(ctx context.Context, tx *postgres.Tx) error {
		got, ok, err := d.room.Estimate(ctx, tx, f)
		if !ok || got.Minor != jobPay {
			t.Errorf("got %s, %v", got, ok)
		}
		return err
	})
}
