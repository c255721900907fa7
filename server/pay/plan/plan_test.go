package plan

import (
	"errors"
	"maps"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	payv1 "github.com/doorstep-dev/doorstep/proto/doorstep/pay/v1"
	typesv1 "github.com/doorstep-dev/doorstep/proto/doorstep/types/v1"
	"github.com/doorstep-dev/doorstep/server/money"
)

const (
	graduated = payv1.TierMode_TIER_MODE_GRADUATED
	volume    = payv1.TierMode_TIER_MODE_VOLUME
	tickets   = payv1.TierMeasure_TIER_MEASURE_TICKETS
	baseFees  = payv1.TierMeasure_TIER_MEASURE_BASE_FEES
)

func label(zh, en string) *typesv1.Label { return &typesv1.Label{Zh: zh, En: en} }

// standard is a plan with one of each component.
func standard(tier *payv1.MonthlyTier) *payv1.PlanVersion {
	return &payv1.PlanVersion{
		Plan: "standard", Version: 1, Currency: "CNY", TimeZone: "Asia/Shanghai", EffectiveFrom: "2026-01-01",
		VersionDate: payv1.VersionDate_VERSION_DATE_ORDERED, ClawedBack: []string{"base"},
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
					Items:     []*payv1.SurchargeItem{{Sku: "drill", FeeMinor: 1500}},
					Otherwise: &payv1.Rate{Numerator: 1, Denominator: 2},
				}},
			},
			{
				Key: "parts", Name: label("配件提成", "Parts share"), Category: 2, Rounding: 2,
				Rule: &payv1.Component_PartsShare{PartsShare: &payv1.PartsShare{Share: &payv1.Rate{Numerator: 1, Denominator: 10}}},
			},
			{
				Key: "tier", Name: label("月度阶梯", "Monthly tier"), Category: 4, Rounding: 1,
				Rule: &payv1.Component_MonthlyTier{MonthlyTier: tier},
			},
		},
	}
}

func byTickets(mode payv1.TierMode) *payv1.MonthlyTier {
	return &payv1.MonthlyTier{Mode: mode, Measure: tickets, Tiers: []*payv1.Tier{
		{Above: 30, PerTicketMinor: 500}, {Above: 60, PerTicketMinor: 1000},
	}}
}

func byFees(mode payv1.TierMode) *payv1.MonthlyTier {
	return &payv1.MonthlyTier{Mode: mode, Measure: baseFees, Tiers: []*payv1.Tier{
		{Above: 500_000, Share: &payv1.Rate{Numerator: 1, Denominator: 100}},
		{Above: 800_000, Share: &payv1.Rate{Numerator: 3, Denominator: 200}},
	}}
}

func compile(t interface {
	Helper()
	Fatal(...any)
}, p *payv1.PlanVersion,
) *Version {
	t.Helper()
	v, err := Compile(p)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func facts(class string, payees ...Share) Facts {
	at := time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)
	if payees == nil {
		payees = []Share{{uuid.UUID{1}, 1}}
	}
	return Facts{
		Ticket: uuid.UUID{9}, Class: class, Ordered: at.AddDate(0, 0, -3), Opened: at.AddDate(0, 0, -2),
		Completed: at, Payees: payees,
	}
}

func TestATicketPaysBaseExtrasPartsAndTier(t *testing.T) {
	t.Parallel()
	v := compile(t, standard(byTickets(graduated)))
	f := facts("lock")
	f.Parts = []Item{{SKU: "hinge", Quantity: 3, UnitPrice: money.Fen(1235)}}
	f.Surcharges = []Item{
		{SKU: "drill", Quantity: 2, UnitPrice: money.Fen(4000)},
		{SKU: "haul", Quantity: 1, UnitPrice: money.Fen(3001)},
	}
	res, err := Price(v, v, f, map[uuid.UUID]Measure{{1}: {Tickets: 30, BaseFees: 1}})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]int64{
		"base":   12000,
		"extras": 2*1500 + 1501, // 3001/2 rounds up
		"parts":  371,           // 3705/10 = 370.5 rounds up
		"tier":   500,           // the 31st ticket is the first of the tier
	}
	for _, l := range res.Lines {
		if l.Amount.Minor != want[l.Component] {
			t.Errorf("%s pays %s, want %d", l.Component, l.Amount, want[l.Component])
		}
		delete(want, l.Component)
		if l.Trace.GetValue() != l.Amount.String() {
			t.Errorf("the trace of %s says %s, the line %s", l.Component, l.Trace.GetValue(), l.Amount)
		}
	}
	if len(want) > 0 {
		t.Errorf("missing lines: %v", want)
	}
	if m := res.After[uuid.UUID{1}]; m != (Measure{31, 12001}) {
		t.Errorf("measure is %v", m)
	}
}

func TestTierBoundariesInBothModes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		tier    *payv1.MonthlyTier
		measure Measure
		want    int64
	}{
		{byTickets(graduated), Measure{Tickets: 30}, 0},
		{byTickets(graduated), Measure{Tickets: 31}, 500},
		{byTickets(graduated), Measure{Tickets: 60}, 15000},
		{byTickets(graduated), Measure{Tickets: 61}, 16000},
		{byTickets(volume), Measure{Tickets: 30}, 0},
		{byTickets(volume), Measure{Tickets: 31}, 31 * 500},
		{byTickets(volume), Measure{Tickets: 60}, 60 * 500},
		{byTickets(volume), Measure{Tickets: 61}, 61 * 1000},
		{byFees(graduated), Measure{BaseFees: 800_000}, 3000},
		{byFees(graduated), Measure{BaseFees: 800_001}, 3000},
		{byFees(graduated), Measure{BaseFees: 800_100}, 3002}, // 3001.5, half to even
		{byFees(volume), Measure{BaseFees: 800_000}, 8000},
		{byFees(volume), Measure{BaseFees: 800_001}, 12000},
	} {
		got, err := compile(t, standard(c.tier)).MonthTotal(c.measure)
		if err != nil || got.Minor != c.want {
			t.Errorf("%s %v: got %s (%v), want %d", c.tier.GetMode(), c.measure, got, err, c.want)
		}
	}
}

func TestOldOrdersStayUnderTheOldRule(t *testing.T) {
	t.Parallel()
	old := standard(byTickets(graduated))
	next := proto.CloneOf(old)
	next.Version, next.EffectiveFrom = 2, "2026-12-01"
	versions := []*Version{compile(t, old), compile(t, next)}
	zone := versions[0].Zone
	f := facts("lock")
	for _, c := range []struct {
		ordered time.Time
		want    uint32
	}{
		{time.Date(2026, 11, 30, 23, 59, 59, 0, zone), 1},
		{time.Date(2026, 12, 1, 0, 0, 0, 0, zone), 2},
		{time.Date(2026, 11, 30, 16, 0, 0, 0, time.UTC), 2}, // already December in Shanghai
		{time.Date(2026, 11, 30, 15, 59, 0, 0, time.UTC), 1},
	} {
		f.Ordered = c.ordered
		f.Completed = time.Date(2026, 12, 5, 0, 0, 0, 0, zone)
		if got := Choose(versions, f); got.Number != c.want {
			t.Errorf("ordered %s: version %d, want %d", c.ordered, got.Number, c.want)
		}
	}
	f.Ordered = time.Time{}
	f.Opened = time.Date(2026, 12, 2, 0, 0, 0, 0, zone)
	if got := Choose(versions, f); got.Number != 2 {
		t.Errorf("without an order the opening decides; got version %d", got.Number)
	}
	f.Opened = time.Date(2025, 12, 31, 0, 0, 0, 0, zone)
	if got := Choose(versions, f); got != nil {
		t.Errorf("a ticket older than the plan got %s", got.Ref())
	}
	if got := ChooseTier(versions, time.Date(2026, 11, 30, 16, 0, 0, 0, time.UTC)); got.Number != 2 {
		t.Errorf("December's tier is version %d", got.Number)
	}
	mid := proto.CloneOf(old)
	mid.Version, mid.EffectiveFrom = 2, "2026-12-15"
	if got := ChooseTier([]*Version{versions[0], compile(t, mid)},
		time.Date(2026, 12, 20, 0, 0, 0, 0, zone)); got.Number != 1 {
		t.Errorf("a version from mid-month changed the running month's tier to %d", got.Number)
	}
}

func TestAReworkEarnsNoBaseFeeAndCountsInNoTier(t *testing.T) {
	t.Parallel()
	p := standard(byTickets(graduated))
	f := facts("lock")
	f.Rework = true
	f.Parts = []Item{{SKU: "hinge", Quantity: 1, UnitPrice: money.Fen(1000)}}
	res, err := Price(compile(t, p), compile(t, p), f, map[uuid.UUID]Measure{{1}: {Tickets: 40}})
	if err != nil || len(res.Lines) != 1 || res.Lines[0].Component != "parts" || res.After[uuid.UUID{1}].Tickets != 40 {
		t.Fatalf("%v %v", res, err)
	}
	p.PaysRework = true
	res, err = Price(compile(t, p), compile(t, p), f, map[uuid.UUID]Measure{{1}: {Tickets: 40}})
	if err != nil || len(res.Lines) != 3 || res.After[uuid.UUID{1}].Tickets != 41 {
		t.Fatalf("%v %v", res, err)
	}
}

func TestTheDistanceToTheNextTierIsSaidInBothLanguages(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		tier   *payv1.MonthlyTier
		m      Measure
		zh, en string
	}{
		{byTickets(graduated), Measure{Tickets: 28}, "再完成 3 单进入下一档：每单 +¥5.00", "3 tickets to the next tier: +¥5.00 a ticket"},
		{byTickets(graduated), Measure{Tickets: 60}, "再完成 1 单进入下一档：每单 +¥5.00", "1 ticket to the next tier: +¥5.00 a ticket"},
		{
			byTickets(volume),
			Measure{Tickets: 30},
			"再完成 1 单进入下一档：+¥155.00（整月）",
			"1 ticket to the next tier: +¥155.00 on the whole month",
		},
		{
			byFees(graduated),
			Measure{BaseFees: 700_001},
			"再赚 ¥1000.00 安装费进入下一档：超出部分提成 1.5%",
			"¥1000.00 of base fees to the next tier: 1.5% of what lies above",
		},
		{
			byFees(volume),
			Measure{BaseFees: 800_000},
			"再赚 ¥0.01 安装费进入下一档：+¥40.00（整月）",
			"¥0.01 of base fees to the next tier: +¥40.00 on the whole month",
		},
	} {
		d, ok, err := compile(t, standard(c.tier)).Next(c.m)
		if err != nil || !ok || d.Text("zh") != c.zh || d.Text("en") != c.en {
			t.Errorf("got %q, %q (%v, %v)", d.Text("zh"), d.Text("en"), ok, err)
		}
	}
	if _, ok, _ := compile(t, standard(byTickets(graduated))).Next(Measure{Tickets: 61}); ok {
		t.Error("there is a tier above the highest")
	}
}

func TestPlansThatContradictThemselvesAreRefused(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(*payv1.PlanVersion){
		"zone":         func(p *payv1.PlanVersion) { p.TimeZone = "Asia/Nowhere" },
		"local zone":   func(p *payv1.PlanVersion) { p.TimeZone = "Local" },
		"date":         func(p *payv1.PlanVersion) { p.EffectiveFrom = "2026-02-30" },
		"currency":     func(p *payv1.PlanVersion) { p.Currency = "yuan" },
		"version date": func(p *payv1.PlanVersion) { p.VersionDate = 0 },
		"key twice":    func(p *payv1.PlanVersion) { p.Components[1].Key = "base" },
		"two bases":    func(p *payv1.PlanVersion) { p.Components[1].Rule = p.Components[0].GetRule() },
		"rounding":     func(p *payv1.PlanVersion) { p.Components[0].Rounding = 0 },
		"category":     func(p *payv1.PlanVersion) { p.Components[0].Category = 0 },
		"no rule":      func(p *payv1.PlanVersion) { p.Components[0].Rule = nil },
		"class twice": func(p *payv1.PlanVersion) {
			b := p.Components[0].GetBaseFee()
			b.Classes = append(b.Classes, b.Classes[0])
		},
		"denominator":    func(p *payv1.PlanVersion) { p.Components[2].GetPartsShare().Share.Denominator = 0 },
		"no share":       func(p *payv1.PlanVersion) { p.Components[2].GetPartsShare().Share = nil },
		"tier order":     func(p *payv1.PlanVersion) { p.Components[3].GetMonthlyTier().Tiers[1].Above = 30 },
		"tier mode":      func(p *payv1.PlanVersion) { p.Components[3].GetMonthlyTier().Mode = 0 },
		"tier of both":   func(p *payv1.PlanVersion) { p.Components[3].GetMonthlyTier().Measure = baseFees },
		"no tiers":       func(p *payv1.PlanVersion) { p.Components[3].GetMonthlyTier().Tiers = nil },
		"clawback":       func(p *payv1.PlanVersion) { p.ClawedBack = []string{"nothing"} },
		"clawback tier":  func(p *payv1.PlanVersion) { p.ClawedBack = []string{"tier"} },
		"negative price": func(p *payv1.PlanVersion) { p.Components[0].GetBaseFee().OtherwiseMinor = -1 },
	} {
		p := standard(byTickets(graduated))
		spoil(p)
		if _, err := Compile(p); !errors.Is(err, ErrPlan) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestFactsThatCannotBePricedAreRefused(t *testing.T) {
	t.Parallel()
	v := compile(t, standard(byTickets(graduated)))
	for name, spoil := range map[string]func(*Facts){
		"nobody":          func(f *Facts) { f.Payees = nil },
		"twice":           func(f *Facts) { f.Payees = append(f.Payees, f.Payees[0]) },
		"no time":         func(f *Facts) { f.Completed = time.Time{} },
		"other currency":  func(f *Facts) { f.Parts = []Item{{Quantity: 1, UnitPrice: money.New(1, "USD")}} },
		"negative":        func(f *Facts) { f.Parts = []Item{{Quantity: -1, UnitPrice: money.Fen(1)}} },
		"beyond measure":  func(f *Facts) { f.Parts = []Item{{Quantity: 1000, UnitPrice: money.Fen(1e12)}} },
		"negative weight": func(f *Facts) { f.Payees[0].Weight = -1 },
	} {
		f := facts("lock")
		spoil(&f)
		if _, err := Price(v, v, f, nil); !errors.Is(err, ErrFacts) {
			t.Errorf("%s: %v", name, err)
		}
	}
	f := facts("lock")
	f.Parts = []Item{{Quantity: 1 << 62, UnitPrice: money.Fen(1 << 62)}}
	if _, err := Price(v, v, f, nil); !errors.Is(err, money.ErrOverflow) {
		t.Error(err)
	}
}

func TestTheTraceRendersInBothLanguages(t *testing.T) {
	t.Parallel()
	v := compile(t, standard(byTickets(graduated)))
	f := facts("lock", Share{uuid.UUID{1}, 2}, Share{uuid.UUID{2}, 1})
	f.Parts = []Item{{SKU: "hinge", Name: "铰链", Quantity: 3, UnitPrice: money.Fen(1235)}}
	res, err := Price(v, v, f, map[uuid.UUID]Measure{{1}: {Tickets: 31}})
	if err != nil {
		t.Fatal(err)
	}
	total := money.Fen(0)
	var traces []*payv1.TraceNode
	for _, l := range res.Lines {
		if l.Payee == (uuid.UUID{1}) {
			total, _ = total.Add(l.Amount)
			traces = append(traces, l.Trace)
		}
	}
	root := Explain(total, traces...)
	doc, err := os.ReadFile("../../../docs/PAY.md")
	if err != nil {
		t.Fatal(err)
	}
	if got := Render(root, "zh"); !strings.Contains(string(doc), "```text\n"+got+"```") {
		t.Errorf("docs/PAY.md shows something else than\n%s", got)
	}
	for _, part := range []string{
		"Why ¥87.47?", "plan version, in force since 2026-01-01: standard@1",
		"rounding: half away from zero: 741/2 → ¥3.71", "split of ¥120.00: 2/3", "tickets this month: 31 → 32",
		"above 60: ¥10.00",
	} {
		if got := Render(root, "en"); !strings.Contains(got, part) {
			t.Errorf("%q is missing in\n%s", part, got)
		}
	}
}

// The plan in docs/PAY.md is the one that the tests here pay by.
func TestThePlanInTheDocumentationIsOne(t *testing.T) {
	t.Parallel()
	doc, err := os.ReadFile("../../../docs/PAY.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(doc), "```json\n")
	text, _, _ := strings.Cut(rest, "```")
	p := &payv1.PlanVersion{}
	if err := protojson.Unmarshal([]byte(text), p); err != nil {
		t.Fatal(err)
	}
	want := standard(byTickets(graduated))
	want.Name = p.Name
	if !proto.Equal(p, want) {
		t.Errorf("got %v\nwant %v", p, want)
	}
	compile(t, p)
}

// A month is the same money in whatever order its tickets arrive, it is the closed form, a replay repeats it line
// by line, splits add up, and a ticket taken back leaves what the others alone would have earned.
func TestAMonthDoesNotDependOnTheOrderOfItsTickets(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		v := compile(t, standard(drawTier(t)))
		month := rapid.SliceOfN(rapid.Custom(drawFacts), 1, 40).Draw(t, "tickets")
		first, measures := priceAll(t, v, month)
		again, _ := priceAll(t, v, month)
		if len(first) != len(again) {
			t.Fatal("a replay gave other lines")
		}
		for i := range first {
			if first[i].Amount != again[i].Amount || !proto.Equal(first[i].Trace, again[i].Trace) {
				t.Fatal("a replay gave another line")
			}
		}
		shuffled := append([]Facts(nil), month...)
		rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0)).Shuffle(len(shuffled), func(a, b int) {
			shuffled[a], shuffled[b] = shuffled[b], shuffled[a]
		})
		other, otherMeasures := priceAll(t, v, shuffled)
		sum, otherSum := byPayee(first, ""), byPayee(other, "")
		tiers := byPayee(first, "tier")
		for payee, m := range measures {
			if sum[payee] != otherSum[payee] || m != otherMeasures[payee] {
				t.Fatalf("payee %v: %d in one order, %d in another", payee, sum[payee], otherSum[payee])
			}
			closed, err := v.MonthTotal(m)
			if err != nil || closed.Minor != tiers[payee] {
				t.Fatalf("payee %v: tier lines add up to %d, the closed form is %s (%v)", payee, tiers[payee], closed, err)
			}
		}
		taken := measures[uuid.UUID{1}]
		if taken.Tickets > 0 {
			less := Measure{taken.Tickets - 1, max(0, taken.BaseFees-8000)}
			lines, err := v.Growth(uuid.UUID{1}, taken, less)
			if err != nil {
				t.Fatal(err)
			}
			closed, _ := v.MonthTotal(less)
			if tiers[uuid.UUID{1}]+byPayee(lines, "tier")[uuid.UUID{1}] != closed.Minor {
				t.Fatal("after a ticket was taken back the tier is not the closed form of the others")
			}
		}
	})
}

func drawTier(t *rapid.T) *payv1.MonthlyTier {
	mode := rapid.SampledFrom([]payv1.TierMode{graduated, volume}).Draw(t, "mode")
	tier := &payv1.MonthlyTier{
		Mode:    mode,
		Measure: rapid.SampledFrom([]payv1.TierMeasure{tickets, baseFees}).Draw(t, "measure"),
	}
	above := int64(0)
	for range rapid.IntRange(1, 4).Draw(t, "tiers") {
		step := &payv1.Tier{Above: above}
		if tier.GetMeasure() == tickets {
			step.PerTicketMinor = rapid.Int64Range(0, 3000).Draw(t, "per ticket")
			above += rapid.Int64Range(1, 12).Draw(t, "gap")
		} else {
			step.Share = &payv1.Rate{
				Numerator:   rapid.Int64Range(0, 100).Draw(t, "n"),
				Denominator: rapid.Int64Range(1, 999).Draw(t, "d"),
			}
			above += rapid.Int64Range(1, 100_000).Draw(t, "gap")
		}
		tier.Tiers = append(tier.Tiers, step)
	}
	return tier
}

func drawFacts(t *rapid.T) Facts {
	f := facts(rapid.SampledFrom([]string{"lock", "tap"}).Draw(t, "class"))
	f.Rework = rapid.IntRange(0, 9).Draw(t, "rework") == 0
	f.Payees[0].Weight = rapid.Int64Range(1, 7).Draw(t, "weight")
	if rapid.Bool().Draw(t, "helper") {
		f.Payees = append(f.Payees, Share{uuid.UUID{2}, rapid.Int64Range(0, 7).Draw(t, "weight")})
	}
	for range rapid.IntRange(0, 3).Draw(t, "parts") {
		f.Parts = append(f.Parts,
			Item{
				SKU: "p", Quantity: rapid.Int64Range(0, 9).Draw(t, "quantity"),
				UnitPrice: money.Fen(rapid.Int64Range(0, 99999).Draw(t, "price")),
			})
	}
	for range rapid.IntRange(0, 3).Draw(t, "extras") {
		f.Surcharges = append(f.Surcharges,
			Item{
				SKU: rapid.SampledFrom([]string{"drill", "haul"}).Draw(t, "sku"), Quantity: 1,
				UnitPrice: money.Fen(rapid.Int64Range(0, 9999).Draw(t, "price")),
			})
	}
	return f
}

func priceAll(t *rapid.T, v *Version, month []Facts) ([]Line, map[uuid.UUID]Measure) {
	measures := map[uuid.UUID]Measure{}
	var lines []Line
	for _, f := range month {
		res, err := Price(v, v, f, measures)
		if err != nil {
			t.Fatal(err)
		}
		maps.Copy(measures, res.After)
		lines = append(lines, res.Lines...)
	}
	return lines, measures
}

// byPayee sums lines by payee, of one component or of all.
func byPayee(lines []Line, component string) map[uuid.UUID]int64 {
	sums := map[uuid.UUID]int64{}
	for _, l := range lines {
		if component == "" || l.Component == component {
			sums[l.Payee] += l.Amount.Minor
		}
	}
	return sums
}
