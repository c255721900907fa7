package pay_test

import (
	"context"
	"log/slog"
	"sync"
	"testing"
	"time"

	"connectrpc.com/connect"
	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/doorstep-dev/doorstep/internal/pgtest"
	payv1 "github.com/doorstep-dev/doorstep/proto/doorstep/pay/v1"
	typesv1 "github.com/doorstep-dev/doorstep/proto/doorstep/types/v1"
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
	t      *testing.T
	db     *pgtest.DB
	pays   *pay.Earnings
	org    uuid.UUID
	tech   uuid.UUID
	team   uuid.UUID
	region uuid.UUID
	mu     sync.Mutex
	now    time.Time
	proof  map[uuid.UUID]bool // tickets whose proof is not verified yet
	// told sums what the ranking was told.
	told map[uuid.UUID][2]int64
}

func newDesk(t *testing.T) *desk {
	t.Helper()
	d := &desk{
		t: t, db: pgtest.New(t), org: uuid.New(), tech: uuid.New(), team: uuid.New(), region: uuid.New(), now: noon(23),
		proof: map[uuid.UUID]bool{}, told: map[uuid.UUID][2]int64{},
	}
	store := &postgres.Store{Pool: d.db.App, Now: d.clock}
	d.pays = pay.New(store, slog.New(slog.DiscardHandler), others{d}, others{d}, others{d})
	return d
}

// others are the rooms around pay, as the desk has them.
type others struct{ *desk }

func (others) Zone(context.Context, *postgres.Tx) (*time.Location, error) { return shanghai, nil }

func (o others) Home(_ context.Context, _ *postgres.Tx, id uuid.UUID) ([]uuid.UUID, uuid.UUID, error) {
	if id == o.tech {
		return []uuid.UUID{o.team}, o.region, nil
	}
	return nil, uuid.Nil, nil
}

func (o others) Settled(_ context.Context, _ *postgres.Tx, ticket uuid.UUID) (bool, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return !o.proof[ticket], nil
}

func (o others) Earned(
	_ context.Context, tx *postgres.Tx, payee uuid.UUID, _ time.Time, total, pending money.Amount,
) error {
	tx.AfterCommit(func() {
		o.mu.Lock()
		defer o.mu.Unlock()
		was := o.told[payee]
		o.told[payee] = [2]int64{was[0] + total.Minor, was[1] + pending.Minor}
	})
	return nil
}

// Lock locks a ticket's row: whoever touches an accrual holds its ticket.
func (others) Lock(ctx context.Context, tx *postgres.Tx, ticket uuid.UUID) error {
	_, err := tx.Exec(ctx, `SELECT FROM ticket WHERE org_id = $1 AND id = $2 FOR UPDATE`, tx.OrgID(), ticket)
	return err
}

func (others) Posted(context.Context, *postgres.Tx, uuid.UUID) error { return nil }

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
			{
				Key: "base", Name: label("安装费", "Install fee"), Category: 1, Rounding: 2,
				Rule: &payv1.Component_BaseFee{BaseFee: &payv1.BaseFee{
					OtherwiseMinor: 8000, Classes: []*payv1.ClassFee{{ClassKey: "lock", FeeMinor: 12000}},
				}},
			},
			{
				Key: "extras", Name: label("增值", "Value-added"), Category: 3, Rounding: 2,
				Rule: &payv1.Component_SurchargeFee{SurchargeFee: &payv1.SurchargeFee{
					Items: []*payv1.SurchargeItem{{Sku: "drill", FeeMinor: 1500}},
				}},
			},
			{
				Key: "parts", Name: label("配件", "Parts"), Category: 2, Rounding: 2,
				Rule: &payv1.Component_PartsShare{PartsShare: &payv1.PartsShare{
					Share: &payv1.Rate{Numerator: 1, Denominator: 10},
				}},
			},
			{
				Key: "tier", Name: label("阶梯", "Tier"), Category: 4, Rounding: 2,
				Rule: &payv1.Component_MonthlyTier{MonthlyTier: &payv1.MonthlyTier{
					Mode: payv1.TierMode_TIER_MODE_GRADUATED, Measure: payv1.TierMeasure_TIER_MEASURE_TICKETS,
					Tiers: []*payv1.Tier{{Above: 3, PerTicketMinor: 1000}, {Above: 6, PerTicketMinor: 3000}},
				}},
			},
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
	n, err := d.service().Publish(d.t.Context(), d.org, uuid.New(), p)
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

// on does something with a ticket that it has locked.
func (d *desk) on(ticket uuid.UUID, fn func(ctx context.Context, tx *postgres.Tx) error) {
	d.t.Helper()
	d.do(func(ctx context.Context, tx *postgres.Tx) error {
		if err := (others{}).Lock(ctx, tx, ticket); err != nil {
			return err
		}
		return fn(ctx, tx)
	})
}

func (d *desk) try(fn func(ctx context.Context, tx *postgres.Tx) error) error {
	return d.pays.Store.Transact(d.t.Context(),
		change.Org(d.org), func(tx *postgres.Tx) error { return fn(d.t.Context(), tx) })
}

func (d *desk) accrue(source uuid.UUID, f plan.Facts) {
	d.t.Helper()
	d.on(f.Ticket, func(ctx context.Context, tx *postgres.Tx) error { return d.pays.Accrue(ctx, tx, source, f) })
}

func (d *desk) approve(ticket uuid.UUID) {
	d.t.Helper()
	d.on(ticket, func(ctx context.Context, tx *postgres.Tx) error {
		_, err := d.pays.Approve(ctx, tx, ticket)
		return err
	})
}

func (d *desk) clawback(ticket, source uuid.UUID) {
	d.t.Helper()
	d.on(ticket, func(ctx context.Context, tx *postgres.Tx) error {
		return d.pays.Clawback(ctx, tx, ticket, source, "leaks")
	})
}

func (d *desk) as(role identity.Role, kind identity.ScopeKind, id uuid.UUID) context.Context {
	who := identity.Identity{Org: d.org, User: uuid.New()}.Holding(identity.Grant{Role: role, Scope: kind, ID: id})
	if role == identity.Technician {
		who.User = id
	}
	return identity.With(d.t.Context(), who)
}

func (d *desk) me() context.Context { return d.as(identity.Technician, identity.ScopeSelf, d.tech) }

func (d *desk) service() *pay.Service { return &pay.Service{Earnings: d.pays, Tickets: others{d}} }

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
	if err := d.db.Owner.QueryRow(ctx, `SELECT coalesce(sum(amount) FILTER (WHERE amount > 0), 0),
		coalesce(-sum(amount) FILTER (WHERE amount < 0), 0)
		FROM pay_posting WHERE org_id = $1`, d.org).Scan(&debit, &credit); err != nil {
		d.t.Fatal(err)
	}
	if debit != credit {
		d.t.Errorf("debits are %d, credits %d", debit, credit)
	}
	balance := func(account string) (n int64) {
		if err := d.db.Owner.QueryRow(ctx, `SELECT coalesce(-sum(amount), 0) FROM pay_posting
			WHERE org_id = $1 AND account = $2`, d.org, account).Scan(&n); err != nil {
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
		payv1.EarningState_EARNING_STATE_PENDING:   "payable:pending",
		payv1.EarningState_EARNING_STATE_CONFIRMED: "payable:confirmed", payv1.EarningState_EARNING_STATE_PAID: "cash:paid",
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
	held := d.feed(change.FeedID{Kind: "tech", Key: d.tech})
	if len(held) != len(all) {
		d.t.Errorf("the feed holds %d lines of %d", len(held), len(all))
	}
	for _, l := range all {
		got := &payv1.EarningLine{}
		if err := proto.Unmarshal(held[uuid.UUID(l.Id)], got); err != nil {
			d.t.Fatal(err)
		}
		if !proto.Equal(got, l) {
			d.t.Errorf("the feed holds %v\ninstead of %v", got, l)
		}
	}
}

// feed is what a phone that follows a feed holds of it.
func (d *desk) feed(f change.FeedID) map[uuid.UUID][]byte {
	d.t.Helper()
	d.do(func(ctx context.Context, tx *postgres.Tx) error { return tx.Subscribe(ctx, change.User(d.tech), f) })
	page, err := feed.Read(d.t.Context(), d.pays.Store,
		feed.Request{Org: change.Org(d.org), User: change.User(d.tech), MaxBytes: 4 << 20})
	if err != nil {
		d.t.Fatal(err)
	}
	held := map[uuid.UUID][]byte{}
	for _, delta := range page.Deltas {
		for _, e := range delta.Entries {
			held[e.ID] = e.Body
		}
	}
	return held
}
