package day

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"connectrpc.com/connect"

	"github.com/doorstep-dev/doorstep/internal/pgtest"
	"github.com/doorstep-dev/doorstep/internal/s3test"
	accountv1 "github.com/doorstep-dev/doorstep/proto/doorstep/account/v1"
	"github.com/doorstep-dev/doorstep/proto/doorstep/account/v1/accountv1connect"
	fieldv1 "github.com/doorstep-dev/doorstep/proto/doorstep/field/v1"
	officev1 "github.com/doorstep-dev/doorstep/proto/doorstep/office/v1"
	"github.com/doorstep-dev/doorstep/proto/doorstep/office/v1/officev1connect"
	payv1 "github.com/doorstep-dev/doorstep/proto/doorstep/pay/v1"
	"github.com/doorstep-dev/doorstep/proto/doorstep/pay/v1/payv1connect"
	typesv1 "github.com/doorstep-dev/doorstep/proto/doorstep/types/v1"
)

const password = "correct horse battery"

// The pay plan of the day, which expected computes anew.
const (
	baseFee       = 12_000 // fen a ticket
	partPrice     = 2_500  // fen a hose; the technician's share is a tenth
	tierAbove     = 5      // tickets a month
	tierPerTicket = 800    // fen for each ticket above
)

// crew are the technicians.
var crew = []string{"li", "wang"}

// company is an installation with a company set up from the command line.
type company struct {
	*installation
	boss string
	part []byte
	// ordered counts the orders of all imports.
	ordered int
}

func found(in *installation) *company {
	in.t.Helper()
	c := &company{installation: in}
	in.run("admin", "org", "add", "day", "上门一日", "--english", "A Day", "--admin", "boss", "--password", password)
	in.run("admin", "place", "add", "day", "region", "华北", "--english", "North")
	in.run("admin", "place", "add", "day", "team", "朝阳一组", "--region", "华北")
	in.run("admin", "place", "add", "day", "store", "国贸店", "--region", "华北",
		"--latitude", "39.91", "--longitude", "116.46")
	for _, login := range crew {
		in.run("admin", "user", "add", "day", login, login+"师傅", "--role", "technician:华北", "--team", "朝阳一组",
			"--skill", "water_heater", "--capacity", "100")
	}
	in.serve()
	res, err := accountv1connect.NewAuthServiceClient(http.DefaultClient, in.url()).
		LogIn(in.t.Context(), connect.NewRequest(&accountv1.LogInRequest{Org: "day", Login: "boss", Password: password}))
	if err != nil {
		in.t.Fatal(err)
	}
	c.boss = "Bearer " + res.Msg.GetTokens().GetAccess()
	c.stock()
	return c
}

// as makes a request of the office.
func as[T any](c *company, m *T) *connect.Request[T] {
	r := connect.NewRequest(m)
	r.Header().Set("Authorization", c.boss)
	return r
}

func label(zh, en string) *typesv1.Label { return &typesv1.Label{Zh: zh, En: en} }

func fen(n int64) *typesv1.Money { return &typesv1.Money{Minor: n, Currency: "CNY"} }

// stock fills the catalogue and publishes the pay plan.
func (c *company) stock() {
	c.t.Helper()
	goods := officev1connect.NewCatalogueServiceClient(http.DefaultClient, c.url())
	template, err := goods.PutTemplate(c.t.Context(), as(c, &officev1.PutTemplateRequest{Template: &fieldv1.Template{
		Key: "heater", Name: label("热水器", "Heater"), Steps: []*fieldv1.Step{
			{
				Key: "before", Kind: fieldv1.StepKind_STEP_KIND_PHOTO, Name: label("安装前", "Before"), Required: true,
				Proof: fieldv1.ProofKind_PROOF_KIND_BEFORE, MinCount: 1,
			},
			{
				Key: "pressure", Kind: fieldv1.StepKind_STEP_KIND_NUMBER, Name: label("水压", "Pressure"), Required: true,
				HasRange: true, Min: 0, Max: 1, Unit: "MPa",
			},
			{
				Key: "after", Kind: fieldv1.StepKind_STEP_KIND_PHOTO, Name: label("安装后", "After"), Required: true,
				Proof: fieldv1.ProofKind_PROOF_KIND_AFTER, MinCount: 1,
			},
			{
				Key: "sign", Kind: fieldv1.StepKind_STEP_KIND_SIGNATURE, Name: label("签字", "Signature"), Required: true,
				Proof: fieldv1.ProofKind_PROOF_KIND_SIGNATURE, MinCount: 1,
			},
		},
	}}))
	c.must(err)
	class, err := goods.PutProductClass(c.t.Context(), as(c, &officev1.PutProductClassRequest{Class: &fieldv1.ProductClass{
		Key: "water_heater", Name: label("热水器", "Water heater"), Skills: []string{"water_heater"},
		TemplateId: template.Msg.GetTemplate().GetId(), DurationMinutes: 10,
	}}))
	c.must(err)
	_, err = goods.PutProduct(c.t.Context(), as(c, &officev1.PutProductRequest{Product: &fieldv1.Product{
		Sku: "YX-60", Gtin: "06901234567892", Name: label("云曦热水器", "Yunxi heater"), ClassId: class.Msg.GetClass().GetId(),
		Model: "YX-60", WarrantyMonths: 24,
	}}))
	c.must(err)
	part, err := goods.PutPriceItem(c.t.Context(), as(c, &officev1.PutPriceItemRequest{Item: &fieldv1.PriceItem{
		Kind: fieldv1.PriceItemKind_PRICE_ITEM_KIND_PART, Sku: "hose", Name: label("软管", "Hose"), Price: fen(partPrice),
	}}))
	c.must(err)
	c.part = part.Msg.GetItem().GetId()
	_, err = payv1connect.NewPlanServiceClient(http.DefaultClient, c.url()).PublishPlan(c.t.Context(),
		as(c, &payv1.PublishPlanRequest{Plan: &payv1.PlanVersion{
			Plan: "standard", Version: 1, Name: label("标准", "Standard"), Currency: "CNY", TimeZone: "Asia/Shanghai",
			EffectiveFrom: "2020-01-01",
			VersionDate:   payv1.VersionDate_VERSION_DATE_COMPLETED,
			Components: []*payv1.Component{
				{
					Key: "base", Name: label("安装费", "Install fee"), Category: 1, Rounding: 2,
					Rule: &payv1.Component_BaseFee{BaseFee: &payv1.BaseFee{OtherwiseMinor: baseFee}},
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
						Tiers: []*payv1.Tier{{Above: 0, PerTicketMinor: 0}, {Above: tierAbove, PerTicketMinor: tierPerTicket}},
					}},
				},
			},
		}}))
	c.must(err)
}

func (c *company) must(err error) {
	c.t.Helper()
	if err != nil {
		c.t.Fatal(err)
	}
}

// enrol lets a technician's phone in by a code from the command line.
func (c *company) enrol(login string) *phone {
	c.t.Helper()
	return newPhone(c.t, c.public, c.code(login), time.Now)
}

func (c *company) code(login string) string {
	c.t.Helper()
	return regexp.MustCompile(`[0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z]`).FindString(c.run("admin", "enrol-code", "day", login))
}

const mapping = `
source: shop-export
zone: Asia/Shanghai
currency: CNY
columns:
  order_number: 订单号
  ordered_at: 下单时间
  customer_name: 客户姓名
  phone: 联系电话
  address: 收货地址
  region: 区域
  sku: 型号
`

// order imports n orders and two lines that cannot be one, and returns the report of the refused.
func (c *company) order(n int) string {
	c.t.Helper()
	dir := c.t.TempDir()
	var b strings.Builder
	b.WriteString("订单号,下单时间,客户姓名,联系电话,收货地址,区域,型号\n")
	for range n {
		i := c.ordered
		c.ordered++
		fmt.Fprintf(&b, "SO-%04d,%s,客户%d,1380000%04d,北京市朝阳区建国路 %d 号,华北,YX-60\n",
			i, time.Now().Format("2006-01-02 15:04:05"), i, i, i+1)
	}
	b.WriteString("SO-BAD1,昨天,客户,13800009999,北京市,华北,YX-60\n")
	b.WriteString("SO-BAD2,2026-11-20 10:00:00,客户,13800009998,北京市,华北,没有这个型号\n")
	file, plan := filepath.Join(dir, "orders.csv"), filepath.Join(dir, "mapping.yaml")
	c.must(os.WriteFile(file, []byte(b.String()), 0o600))
	c.must(os.WriteFile(plan, []byte(mapping), 0o600))
	c.run("import", file, "--mapping", plan)
	if c.ordered == n {
		c.run("import", file, "--mapping", plan) // the same file twice adds nothing
	}
	refused, err := os.ReadFile(filepath.Join(dir, "orders.refused.csv"))
	c.must(err)
	return string(refused)
}

func (c *company) tickets() officev1connect.TicketServiceClient {
	return officev1connect.NewTicketServiceClient(http.DefaultClient, c.url())
}

// workAll lets a phone do all its visits while it syncs, whatever the network says, and returns what it did.
func (p *phone) workAll(part []byte) (tickets, parts int) {
	for i, v := range p.visits() {
		p.work(v, part, i%3)
		tickets, parts = tickets+1, parts+i%3
		_, _ = p.Sync(p.t.Context()) // the server may be dead: settle comes later
	}
	return tickets, parts
}

// expected is what the plan pays for a month of so many tickets and parts, computed without the product's code.
func expected(tickets, parts int) int64 {
	sum := int64(tickets)*baseFee + int64(parts)*partPrice/10
	return sum + int64(max(0, tickets-tierAbove))*tierPerTicket
}

func TestADayOnTheRealBinarySurvivesKills(t *testing.T) {
	t.Parallel()
	c := found(install(t, pgtest.New(t).OwnerURL, s3test.New(t)))
	const orders = 16
	if refused := c.order(orders); !strings.Contains(refused, "time_malformed") ||
		!strings.Contains(refused, "product_unknown") || strings.Count(refused, "\n") != 3 {
		t.Errorf("report of refused lines:\n%s", refused)
	}
	auto, err := c.tickets().AutoAssign(t.Context(), as(c, &officev1.AutoAssignRequest{}))
	c.must(err)
	if auto.Msg.GetAssigned() != orders {
		t.Fatalf("assigned %d of %d: %v", auto.Msg.GetAssigned(), orders, auto.Msg)
	}
	phones := []*phone{c.enrol("li"), c.enrol("wang")}
	for _, p := range phones {
		p.settle()
	}

	kills := 0
	c.work(phones, orders, func(i int) { // kill -9 again and again, in the middle of whatever goes on
		select { // where it strikes is left to chance
		case <-time.After(time.Duration(100+i*90) * time.Millisecond):
		case <-t.Context().Done():
		}
		c.kill()
		kills++
		c.serve()
	})
	if kills < 3 {
		t.Errorf("killed %d times only: the day was too short to prove anything", kills)
	}
}

func TestADayOnTheRealBinarySurvivesOutagesOfDatabaseAndStore(t *testing.T) {
	t.Parallel()
	database, store := pgtest.Own(t), s3test.Own(t)
	c := found(install(t, database.OwnerURL, store.Bucket(t)))
	const orders = 8
	c.order(orders)
	_, err := c.tickets().AutoAssign(t.Context(), as(c, &officev1.AutoAssignRequest{}))
	c.must(err)
	phones := []*phone{c.enrol("li"), c.enrol("wang")}
	for _, p := range phones {
		p.settle()
	}
	strikes := []func(){
		func() { store.Stop(t); phones[0].stalls("the store is away"); store.Start(t) },
		func() { database.Crash(t) },
		func() { database.Stop(t); phones[1].stalls("the database is away"); database.Start(t) },
	}
	struck := 0
	c.work(phones, orders, func(i int) {
		if i < len(strikes) {
			strikes[i]()
			struck++
		}
	})
	if struck < len(strikes) {
		t.Errorf("%d of %d outages happened", struck, len(strikes))
	}
}

// work lets the phones do all their visits while strike is called again and again, and then compares.
func (c *company) work(phones []*phone, orders int, strike func(i int)) {
	c.t.Helper()
	worked, struck := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(struck)
		for i := 0; ; i++ {
			strike(i)
			select {
			case <-worked:
				return
			default:
			}
		}
	}()
	var wg sync.WaitGroup
	tickets, parts := make([]int, len(phones)), make([]int, len(phones))
	for i, p := range phones {
		wg.Go(func() {
			tickets[i], parts[i] = p.workAll(c.part)
			p.settle()
		})
	}
	wg.Wait()
	close(worked)
	<-struck
	c.agree(phones, tickets, parts, orders)
}

// agree approves all and compares what phones, office, earnings and boards say with what was done.
func (c *company) agree(phones []*phone, tickets, parts []int, orders int) {
	t := c.t
	t.Helper()
	if sum(tickets) != orders {
		t.Errorf("the phones worked %v of %d tickets", tickets, orders)
	}
	list, err := c.tickets().ListTickets(t.Context(), as(c, &officev1.ListTicketsRequest{Limit: 200}))
	c.must(err)
	if len(list.Msg.GetTickets()) != orders {
		t.Errorf("the office sees %d tickets", len(list.Msg.GetTickets()))
	}
	quantity := 0
	for _, s := range list.Msg.GetTickets() {
		_, err := c.tickets().ApproveTicket(t.Context(), as(c, &officev1.ApproveTicketRequest{Id: s.GetId()}))
		c.must(err)
		got, err := c.tickets().GetTicket(t.Context(), as(c, &officev1.GetTicketRequest{Id: s.GetId()}))
		c.must(err)
		m := got.Msg
		if !m.GetChainIntact() || m.GetTicket().GetMoneyState() != fieldv1.MoneyState_MONEY_STATE_POSTED {
			t.Errorf("%s: chain intact %v, %v", s.GetNumber(), m.GetChainIntact(), m.GetTicket().GetMoneyState())
		}
		verified := 0
		for _, p := range m.GetProofs() {
			if p.GetState() == fieldv1.ProofState_PROOF_STATE_VERIFIED {
				verified++
			}
		}
		if len(m.GetVisits()) != 1 || verified != 3 || len(m.GetProofs()) != 3 {
			t.Errorf("%s: %d visits, %d of %d proofs verified", s.GetNumber(), len(m.GetVisits()), verified, len(m.GetProofs()))
		}
		for _, p := range m.GetTicket().GetParts() {
			quantity += int(p.GetQuantity())
		}
	}
	if quantity != sum(parts) {
		t.Errorf("the office counts %d parts, the phones used %d", quantity, sum(parts))
	}
	for i, p := range phones {
		p.settle()
		actions, err := p.Store.Actions(t.Context())
		c.must(err)
		for _, a := range actions {
			if a.NeedsAttention() {
				t.Errorf("%s: %s %s", a.Kind, a.Verdict.GetOutcome(), a.Verdict.GetCode())
			}
		}
		earned, err := payv1connect.NewEarningServiceClient(p, c.url(), p.Options()...).
			GetEarnings(t.Context(), connect.NewRequest(&payv1.GetEarningsRequest{}))
		c.must(err)
		if got, want := earned.Msg.GetMonthConfirmed().GetTotal().GetMinor(), expected(tickets[i], parts[i]); got != want {
			t.Errorf("phone %d: earned %d fen, by hand %d fen for %d tickets and %d parts: %v",
				i, got, want, tickets[i], parts[i], earned.Msg)
		}
	}
}

func sum(n []int) (total int) {
	for _, i := range n {
		total += i
	}
	return total
}

// Do lets a phone's HTTP client serve other services of the same server.
func (p *phone) Do(r *http.Request) (*http.Response, error) { return http.DefaultClient.Do(r) }
