package pay_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"time"

	"connectrpc.com/connect"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"
	"google.golang.org/protobuf/proto"

	"github.com/doorstep-dev/doorstep/internal/pgtest"
	payv1 "github.com/doorstep-dev/doorstep/proto/doorstep/pay/v1"
	typesv1 "github.com/doorstep-dev/doorstep/proto/doorstep/types/v1"
	"github.com/doorstep-dev/doorstep/server/identity"
	"github.com/doorstep-dev/doorstep/server/money"
	"github.com/doorstep-dev/doorstep/server/pay/plan"
	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/fault"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

func TestPublishedVersionsNeverChangeAndNeverReachBack(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.publish(standard(1, "2026-01-01"))
	d.publish(standard(1, "2026-01-01")) // the same again
	for name, c := range map[string]struct {
		spoil func(*payv1.PlanVersion)
		want  fault.Code
	}{
		"changed":        {func(p *payv1.PlanVersion) { p.Version = 1 }, fault.Conflict},
		"skipped":        {func(p *payv1.PlanVersion) { p.Version = 3 }, fault.Conflict},
		"today":          {func(p *payv1.PlanVersion) { p.EffectiveFrom = "2026-11-23" }, fault.InvalidArgument},
		"other zone":     {func(p *payv1.PlanVersion) { p.TimeZone = "Asia/Tokyo" }, fault.InvalidArgument},
		"other currency": {func(p *payv1.PlanVersion) { p.Currency = "USD" }, fault.InvalidArgument},
		"other plan":     {func(p *payv1.PlanVersion) { p.Plan = "gold" }, fault.InvalidArgument},
		"not a plan": {
			func(p *payv1.PlanVersion) { p.Components = append(p.Components, p.Components[0]) },
			fault.InvalidArgument,
		},
		"unknown version": {func(p *payv1.PlanVersion) { p.Version = 0 }, fault.InvalidArgument},
	} {
		p := standard(2, "2026-11-24")
		c.spoil(p)
		if _, err := d.service().Publish(t.Context(), d.org, uuid.New(), p); fault.CodeOf(err) != c.want {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
	}
	// Two different second versions at once: one is published, and the other's author hears of it.
	var group errgroup.Group
	var refused atomic.Int32
	for i := range 4 {
		p := standard(2, "2026-11-24")
		p.Name.En = fmt.Sprint("Standard ", i)
		group.Go(func() error {
			_, err := d.service().Publish(t.Context(), d.org, uuid.New(), p)
			if fault.CodeOf(err) == fault.Conflict {
				refused.Add(1)
				return nil
			}
			return err
		})
	}
	if err := group.Wait(); err != nil || refused.Load() != 3 {
		t.Errorf("%d of 4 different versions were refused (%v)", refused.Load(), err)
	}
	if _, err := d.service().Publish(t.Context(), d.org, uuid.New(), standard(3, "2026-11-23")); fault.CodeOf(err) !=
		fault.InvalidArgument {
		t.Errorf("a version before the last one: %v", err)
	}
}

func TestTheLedgerRefusesChangesAndImbalance(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.publish(standard(1, "2026-01-01"))
	d.accrue(uuid.New(), d.job(noon(23)))
	for _, sql := range []string{
		"UPDATE pay_entry SET amount = 1", "DELETE FROM pay_posting", "TRUNCATE pay_posting", "DELETE FROM pay_entry",
		"UPDATE pay_plan SET body = ''",
		"UPDATE pay_posting SET amount = 0",
	} {
		if _, err := d.db.Owner.Exec(t.Context(), sql); err == nil {
			t.Errorf("the owner could %s", sql)
		}
		if err := d.try(func(ctx context.Context, tx *postgres.Tx) error {
			_, err := tx.Exec(ctx, pgtest.OnPurpose+sql)
			return err
		}); err == nil {
			t.Errorf("the server could %s", sql)
		}
	}
	const entry = `INSERT INTO pay_entry (org_id, id, kind, source, component, payee_id, ticket_id, ticket_number,
		category, amount, currency, earned_at, booked_at, plan_version, title_zh, title_en, trace)
		SELECT $1, $2, kind, gen_random_uuid(), component, payee_id, ticket_id, '', category, amount, currency, earned_at,
			booked_at, '', '', '', '' FROM pay_entry WHERE org_id = $1 LIMIT 1`
	const posting = `INSERT INTO pay_posting (org_id, entry_id, ordinal, account, payee_id, amount, currency)
		VALUES ($1, $2, $3, 'x', $2, $4, $5)`
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
				jobs = append(jobs,
					job{d.job(noon(1 + random.IntN(22)).Add(time.Duration(random.IntN(3600)) * time.Second)), uuid.New()})
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
							func(tx *postgres.Tx) error { return d.pays.Accrue(ctx, tx, j.source, j.facts) },
						}
						if i%2 == 0 {
							steps = append(steps,
								func(tx *postgres.Tx) error { _, err := d.pays.Approve(ctx, tx, j.facts.Ticket); return err })
						}
						if rework, ok := clawed[i]; ok {
							steps = append(steps,
								func(tx *postgres.Tx) error { return d.pays.Clawback(ctx, tx, j.facts.Ticket, rework, "leaks") })
						}
						if i%5 == 0 {
							steps = append(steps, func(tx *postgres.Tx) error {
								_, err := d.pays.PayOut(ctx, tx, d.tech, noon(1+i), money.CNY)
								var pg interface{ SQLState() string }
								if errors.As(err, &pg) && pg.SQLState() == "23505" {
									return fault.Wrap(err, fault.Conflict, "")
								}
								return err
							})
						}
						for _, step := range steps {
							err := d.pays.Store.Transact(ctx, change.Org(d.org), func(tx *postgres.Tx) error {
								if err := (others{}).Lock(ctx, tx, j.facts.Ticket); err != nil {
									return err
								}
								return step(tx)
							})
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

func TestEveryPhoneHoldsThePublishedPlans(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	first, second := standard(1, "2026-01-01"), standard(2, "2026-12-01")
	d.publish(first)
	d.publish(second)
	d.publish(second)
	want := map[uint32]*payv1.PlanVersion{1: first, 2: second}
	for _, body := range d.feed(change.FeedID{Kind: "org", Key: d.org}) {
		p := &payv1.PlanVersion{}
		if err := proto.Unmarshal(body, p); err != nil {
			t.Fatal(err)
		}
		if !proto.Equal(p, want[p.Version]) {
			t.Errorf("the feed holds %v", p)
		}
		delete(want, p.Version)
	}
	if len(want) > 0 {
		t.Errorf("%d versions are missing", len(want))
	}
}

func TestAPhoneHoldsTheLinesOfTwoMonths(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.publish(standard(1, "2026-01-01"))
	for months := range 5 { // July to November, two tickets each
		for day := range 2 {
			at := noon(3+day).AddDate(0, months-4, 0)
			d.setNow(at)
			d.accrue(uuid.New(), d.job(at))
		}
	}
	if _, err := d.pays.Store.Expire(t.Context(), change.Org(d.org), d.pays.Lines()); err != nil {
		t.Fatal(err)
	}
	months := map[time.Month]int{}
	for _, body := range d.feed(change.FeedID{Kind: "tech", Key: d.tech}) {
		l := &payv1.EarningLine{}
		if err := proto.Unmarshal(body, l); err != nil {
			t.Fatal(err)
		}
		months[l.EarnedAt.AsTime().In(shanghai).Month()]++
	}
	if len(months) != 2 || months[time.October] != 6 || months[time.November] != 6 {
		t.Errorf("the phone holds lines of %v", months)
	}
}

func TestAnOldLineComesBackToThePhoneWhenSomethingHappensToIt(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.publish(standard(1, "2026-01-01"))
	old := noon(3).AddDate(0, -4, 0)
	d.setNow(old)
	f := d.job(old)
	d.accrue(uuid.New(), f)
	expire := func() int {
		t.Helper()
		if _, err := d.pays.Store.Expire(t.Context(), change.Org(d.org), d.pays.Lines()); err != nil {
			t.Fatal(err)
		}
		return len(d.feed(change.FeedID{Kind: "tech", Key: d.tech}))
	}
	d.setNow(noon(3))
	if n := expire(); n != 0 {
		t.Fatalf("%d lines of four months ago are on the phone", n)
	}
	d.approve(f.Ticket)
	if n := expire(); n != 3 {
		t.Errorf("%d lines that were confirmed today are on the phone", n)
	}
	d.setNow(noon(3).AddDate(0, 2, 0))
	if n := expire(); n != 0 {
		t.Errorf("%d lines that were confirmed two months ago are on the phone", n)
	}
}

// The facts that are kept beside each accrual are all that a replay needs.
func TestAReplayOfTheStoredFactsGivesTheSameMonth(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.publish(standard(1, "2026-01-01"))
	for _, day := range rand.New(rand.NewPCG(4, 2)).Perm(9) {
		d.accrue(uuid.New(), d.job(noon(day+1)))
	}
	rows, err := d.db.Owner.Query(t.Context(), `SELECT facts FROM pay_accrual WHERE org_id = $1
		ORDER BY completed_at`, d.org)
	if err != nil {
		t.Fatal(err)
	}
	stored, err := pgx.CollectRows(rows, pgx.RowTo[plan.Facts])
	if err != nil {
		t.Fatal(err)
	}
	v, err := plan.Compile(standard(1, "2026-01-01"))
	if err != nil {
		t.Fatal(err)
	}
	var total int64
	measures := map[uuid.UUID]plan.Measure{}
	for _, f := range stored {
		res, err := plan.Price(v, v, f, measures)
		if err != nil {
			t.Fatal(err)
		}
		measures = res.After
		for _, l := range res.Lines {
			total += l.Amount.Minor
		}
	}
	if e := d.earnings(noon(23)); e.MonthPending.Total.Minor != total || total != 9*jobPay+tierSum(9) {
		t.Errorf("the month is %v, its replay %d", e.MonthPending.Total, total)
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
		{
			"another technician", d.as(identity.Technician, identity.ScopeSelf, uuid.New()), fault.NotFound, fault.Forbidden,
			fault.Forbidden,
		},
		{"a clerk", d.as(identity.Clerk, identity.ScopeOrg, uuid.Nil), fault.NotFound, fault.Forbidden, fault.Forbidden},
		{
			"the team's supervisor", d.as(identity.Supervisor, identity.ScopeTeam, d.team), "",
			fault.Forbidden, fault.Forbidden,
		},
		{
			"another team's supervisor", d.as(identity.Supervisor, identity.ScopeTeam, uuid.New()), fault.NotFound,
			fault.Forbidden, fault.Forbidden,
		},
		{
			"another region's dealer", d.as(identity.Dealer, identity.ScopeRegion, uuid.New()), fault.NotFound, fault.Forbidden,
			fault.Forbidden,
		},
		{"the region's dealer", d.as(identity.Dealer, identity.ScopeRegion, d.region), "", fault.Forbidden, fault.Forbidden},
		{
			"another region's finance", d.as(identity.Finance, identity.ScopeRegion, uuid.New()), fault.NotFound, fault.NotFound,
			fault.Forbidden,
		},
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
	foreign := identity.With(t.Context(),
		identity.Identity{
			Org:  uuid.New(),
			User: uuid.New(),
		}.Holding(identity.Grant{Role: identity.Finance, Scope: identity.ScopeOrg}))
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
		_, ok, err := d.pays.Estimate(ctx, tx, f)
		if ok {
			t.Error("an estimate without a plan")
		}
		return err
	})
	d.publish(standard(1, "2026-01-01"))
	d.do(func(ctx context.Context, tx *postgres.Tx) error {
		got, ok, err := d.pays.Estimate(ctx, tx, f)
		if !ok || got.Minor != jobPay {
			t.Errorf("got %s, %v", got, ok)
		}
		return err
	})
}
