package plan

import (
	"fmt"

	"github.com/google/uuid"

	payv1 "github.com/doorstep-dev/doorstep/proto/doorstep/pay/v1"
	typesv1 "github.com/doorstep-dev/doorstep/proto/doorstep/types/v1"
	"github.com/doorstep-dev/doorstep/server/money"
	"github.com/doorstep-dev/doorstep/server/order/parse"
)

// Line is what one payee gets by one component for one ticket.
type Line struct {
	Payee     uuid.UUID
	Component string
	Category  payv1.EarningCategory
	Name      *typesv1.Label
	Amount    money.Amount
	// Version is the reference of the version that ruled, standard@3.
	Version string
	Trace   *payv1.TraceNode
}

// Result is a priced ticket. Lines of nothing are left out; After holds the measure of each payee.
type Result struct {
	Lines []Line
	After map[uuid.UUID]Measure
}

// Price prices a completed ticket: v rules its fees (see Choose), tier the month (see ChooseTier), before holds
// the payees' measures of that month (absent means nothing yet). It changes none of its arguments.
func Price(v, tier *Version, f Facts, before map[uuid.UUID]Measure) (Result, error) {
	if err := f.check(v.Currency); err != nil {
		return Result{}, err
	}
	p := pricing{v: v, f: f, base: map[uuid.UUID]int64{}}
	for _, c := range v.source.GetComponents() {
		if err := p.component(c); err != nil {
			return Result{}, err
		}
	}
	res := Result{Lines: p.lines, After: map[uuid.UUID]Measure{}}
	for _, s := range f.Payees {
		was := before[s.Payee]
		is := was
		if v.counts(f) && s.Weight > 0 {
			fees, err := money.New(was.BaseFees, v.Currency).Add(money.New(p.base[s.Payee], v.Currency))
			if err != nil {
				return Result{}, err
			}
			is = Measure{Tickets: was.Tickets + 1, BaseFees: fees.Minor}
		}
		res.After[s.Payee] = is
		lines, err := tier.Growth(s.Payee, was, is)
		if err != nil {
			return Result{}, err
		}
		res.Lines = append(res.Lines, lines...)
	}
	for _, l := range res.Lines {
		if l.Amount.Minor > maxLine {
			return Result{}, fmt.Errorf("%w: %s of %s is beyond all measure", ErrFacts, l.Component, l.Amount)
		}
	}
	return res, nil
}

// maxLine is the largest amount that a line may have, so that no sum of lines overflows: 10^13 minor units.
const maxLine = 10_000_000_000_000

// counts tells whether a ticket grows the measures of its payees.
func (v *Version) counts(f Facts) bool { return !f.Rework || v.source.GetPaysRework() }

// ClawsBack tells whether a rework takes back what a component paid, and whether that component is the base fee,
// with which the ticket leaves the measure.
func (v *Version) ClawsBack(component string) (taken, base bool) {
	for _, c := range v.source.GetComponents() {
		if c.GetKey() == component {
			base = c.GetBaseFee() != nil
		}
	}
	return v.clawed[component], base
}

// Growth returns a line for each monthly tier whose total changes between two measures, also downwards.
func (v *Version) Growth(payee uuid.UUID, was, is Measure) ([]Line, error) {
	var lines []Line
	for _, c := range v.source.GetComponents() {
		t := c.GetMonthlyTier()
		if t == nil {
			continue
		}
		before, err := tierTotal(t, measureOf(t, was), v.Currency)
		if err != nil {
			return nil, err
		}
		after, err := tierTotal(t, measureOf(t, is), v.Currency)
		if err != nil {
			return nil, err
		}
		amount, err := roundedGrowth(before, after, rounding(c))
		if err != nil {
			return nil, err
		}
		if amount.Zero() {
			continue
		}
		l := v.line(c, payee, amount)
		l.Trace, err = tierTrace(v, c, was, is, before, after, amount)
		if err != nil {
			return nil, err
		}
		lines = append(lines, l)
	}
	return lines, nil
}

// MonthTotal is the closed form of all monthly tiers of the version for a measure: what Growth's lines add up to.
func (v *Version) MonthTotal(m Measure) (money.Amount, error) {
	lines, err := v.Growth(uuid.Nil, Measure{}, m)
	if err != nil {
		return money.Amount{}, err
	}
	total := money.New(0, v.Currency)
	for _, l := range lines {
		if total, err = total.Add(l.Amount); err != nil {
			return money.Amount{}, err
		}
	}
	return total, nil
}

func (v *Version) line(c *payv1.Component, payee uuid.UUID, amount money.Amount) Line {
	return Line{
		Payee: payee, Component: c.GetKey(), Category: c.GetCategory(), Name: c.GetName(),
		Amount: amount, Version: v.Ref(),
	}
}

type pricing struct {
	v     *Version
	f     Facts
	lines []Line
	base  map[uuid.UUID]int64 // base fee by payee
}

func (p *pricing) component(c *payv1.Component) error {
	var exact money.Exact
	var inputs []*payv1.TraceNode
	var err error
	switch r := c.GetRule().(type) {
	case *payv1.Component_BaseFee:
		if !p.v.counts(p.f) {
			return nil
		}
		exact, inputs = p.baseFee(r.BaseFee)
	case *payv1.Component_SurchargeFee:
		exact, inputs, err = p.surcharges(r.SurchargeFee)
	case *payv1.Component_PartsShare:
		exact, inputs, err = p.parts(r.PartsShare)
	default: // a monthly tier is priced by its month
		return nil
	}
	if err != nil {
		return err
	}
	amount, err := exact.Round(rounding(c))
	if err != nil {
		return err
	}
	weights := make([]int64, len(p.f.Payees))
	for i, s := range p.f.Payees {
		weights[i] = s.Weight
	}
	parts, err := money.Split(amount, weights)
	if err != nil {
		return err
	}
	for i, s := range p.f.Payees {
		if c.GetBaseFee() != nil {
			p.base[s.Payee] = parts[i].Minor
		}
		if parts[i].Zero() {
			continue
		}
		l := p.v.line(c, s.Payee, parts[i])
		l.Trace = lineTrace(p.v, c, inputs, exact, amount, parts[i], weights, i)
		p.lines = append(p.lines, l)
	}
	return nil
}

func (p *pricing) baseFee(r *payv1.BaseFee) (money.Exact, []*payv1.TraceNode) {
	fee := r.GetOtherwiseMinor()
	for _, c := range r.GetClasses() {
		if c.GetClassKey() == p.f.Class {
			fee = c.GetFeeMinor()
		}
	}
	a := money.New(fee, p.v.Currency)
	return money.Exactly(a), []*payv1.TraceNode{
		input("产品类别", "product class", p.f.Class),
		input("该类别单价", "fee of the class", a.String()),
	}
}

// itemKey is by which an item of a plan meets an item of the catalogue, however either was written. A plan of before
// decision 29 may hold what is no identity; it is compared as it stands.
func itemKey(sku string) string {
	if id, err := parse.Identity(sku); err == nil {
		return id
	}
	return sku
}

func (p *pricing) surcharges(r *payv1.SurchargeFee) (money.Exact, []*payv1.TraceNode, error) {
	total := money.Exactly(money.New(0, p.v.Currency))
	var nodes []*payv1.TraceNode
	fees := map[string]int64{}
	for _, i := range r.GetItems() {
		fees[itemKey(i.GetSku())] = i.GetFeeMinor()
	}
	for _, item := range p.f.Surcharges {
		gross, err := item.UnitPrice.Times(item.Quantity)
		if err != nil {
			return total, nil, err
		}
		var part money.Exact
		if fee, listed := fees[itemKey(item.SKU)]; listed {
			a, err := money.New(fee, p.v.Currency).Times(item.Quantity)
			if err != nil {
				return total, nil, err
			}
			part = money.Exactly(a)
			nodes = append(nodes, itemInput(item, money.New(fee, p.v.Currency).String()+" × "+count(item.Quantity)))
		} else if r.GetOtherwise() != nil {
			share, err := rate(r.GetOtherwise())
			if err != nil {
				return total, nil, err
			}
			part = share.Of(gross)
			nodes = append(nodes, itemInput(item, gross.String()+" × "+share.Percent()))
		} else {
			continue
		}
		if total, err = total.Plus(part); err != nil {
			return total, nil, err
		}
	}
	return total, nodes, nil
}

func (p *pricing) parts(r *payv1.PartsShare) (money.Exact, []*payv1.TraceNode, error) {
	share, err := rate(r.GetShare())
	if err != nil {
		return money.Exact{}, nil, err
	}
	gross := money.New(0, p.v.Currency)
	var nodes []*payv1.TraceNode
	for _, item := range p.f.Parts {
		a, err := item.UnitPrice.Times(item.Quantity)
		if err != nil {
			return money.Exact{}, nil, err
		}
		if gross, err = gross.Add(a); err != nil {
			return money.Exact{}, nil, err
		}
		nodes = append(nodes, itemInput(item, item.UnitPrice.String()+" × "+count(item.Quantity)))
	}
	nodes = append(nodes, input("配件总价", "price of the parts", gross.String()), input("提成比例", "share", share.Percent()))
	return share.Of(gross), nodes, nil
}

// Tier tells whether a component is a monthly tier.
func (v *Version) Tier(component string) bool {
	for _, c := range v.source.GetComponents() {
		if c.GetKey() == component {
			return c.GetMonthlyTier() != nil
		}
	}
	return false
}
