package plan

import (
	"fmt"

	payv1 "github.com/doorstep-dev/doorstep/proto/doorstep/pay/v1"
	"github.com/doorstep-dev/doorstep/server/money"
)

// tierTotal is the closed form of a monthly tier: what the whole measure m earns, before rounding. A line is the
// growth of its rounded value, hence the lines of a month add up to it in any order of arrival.
func tierTotal(t *payv1.MonthlyTier, m int64, c money.Currency) (money.Exact, error) {
	total := money.Exactly(money.New(0, c))
	if t.GetMode() == payv1.TierMode_TIER_MODE_VOLUME {
		if i := reached(t, m); i >= 0 {
			return tierPart(t, i, m, c)
		}
		return total, nil
	}
	for i, step := range t.GetTiers() {
		if m <= step.GetAbove() {
			break
		}
		upto := m
		if i+1 < len(t.GetTiers()) {
			upto = min(m, t.GetTiers()[i+1].GetAbove())
		}
		part, err := tierPart(t, i, upto-step.GetAbove(), c)
		if err != nil {
			return money.Exact{}, err
		}
		if total, err = total.Plus(part); err != nil {
			return money.Exact{}, err
		}
	}
	return total, nil
}

// tierPart is what n of the measure earn at the rate of step i.
func tierPart(t *payv1.MonthlyTier, i int, n int64, c money.Currency) (money.Exact, error) {
	step := t.GetTiers()[i]
	if t.GetMeasure() == payv1.TierMeasure_TIER_MEASURE_TICKETS {
		a, err := money.New(step.GetPerTicketMinor(), c).Times(n)
		return money.Exactly(a), err
	}
	r, err := rate(step.GetShare())
	return r.Of(money.New(n, c)), err
}

// reached is the index of the highest tier whose threshold lies below m; -1 for none.
func reached(t *payv1.MonthlyTier, m int64) int {
	i := -1
	for i+1 < len(t.GetTiers()) && m > t.GetTiers()[i+1].GetAbove() {
		i++
	}
	return i
}

func measureOf(t *payv1.MonthlyTier, m Measure) int64 {
	if t.GetMeasure() == payv1.TierMeasure_TIER_MEASURE_TICKETS {
		return m.Tickets
	}
	return m.BaseFees
}

// Distance is how far a payee is from the next tier.
type Distance struct {
	// Tickets still to complete, or Amount of base fees still to earn, as the tier counts.
	Tickets int64
	Amount  money.Amount
	// GainZH and GainEN say what reaching it gains.
	GainZH, GainEN string
}

// Text is the sentence for the phone; lang is "zh" or anything else for English.
func (d Distance) Text(lang string) string {
	zh := lang == "zh"
	switch {
	case d.Tickets > 0 && zh:
		return fmt.Sprintf("再完成 %d 单进入下一档：%s", d.Tickets, d.GainZH)
	case d.Tickets == 1:
		return fmt.Sprintf("1 ticket to the next tier: %s", d.GainEN)
	case d.Tickets > 0:
		return fmt.Sprintf("%d tickets to the next tier: %s", d.Tickets, d.GainEN)
	case zh:
		return fmt.Sprintf("再赚 %s 安装费进入下一档：%s", d.Amount, d.GainZH)
	}
	return fmt.Sprintf("%s of base fees to the next tier: %s", d.Amount, d.GainEN)
}

// Next returns the distance to the next tier of the version's first monthly tier; ok is false at the top or when
// the plan has no tier.
func (v *Version) Next(m Measure) (d Distance, ok bool, err error) {
	for _, c := range v.source.GetComponents() {
		if t := c.GetMonthlyTier(); t != nil {
			return v.next(c, t, measureOf(t, m))
		}
	}
	return Distance{}, false, nil
}

func (v *Version) next(c *payv1.Component, t *payv1.MonthlyTier, m int64) (d Distance, ok bool, err error) {
	i := reached(t, m) + 1
	if i == len(t.GetTiers()) {
		return Distance{}, false, nil
	}
	first := t.GetTiers()[i].GetAbove() + 1
	if t.GetMeasure() == payv1.TierMeasure_TIER_MEASURE_TICKETS {
		d.Tickets = first - m
	} else {
		d.Amount = money.New(first-m, v.Currency)
	}
	if t.GetMode() == payv1.TierMode_TIER_MODE_VOLUME {
		jump, err := v.jump(c, t, i, first)
		if err != nil {
			return Distance{}, false, err
		}
		d.GainZH, d.GainEN = jump.Signed()+"（整月）", jump.Signed()+" on the whole month"
		return d, true, nil
	}
	if t.GetMeasure() == payv1.TierMeasure_TIER_MEASURE_TICKETS {
		was := int64(0)
		if i > 0 {
			was = t.GetTiers()[i-1].GetPerTicketMinor()
		}
		more := money.New(t.GetTiers()[i].GetPerTicketMinor()-was, v.Currency).Signed()
		d.GainZH, d.GainEN = "每单 "+more, more+" a ticket"
		return d, true, nil
	}
	r, err := rate(t.GetTiers()[i].GetShare())
	d.GainZH, d.GainEN = "超出部分提成 "+r.Percent(), r.Percent()+" of what lies above"
	return d, true, err
}

// jump is what the whole measure first gains by tier i over the tier before it.
func (v *Version) jump(c *payv1.Component, t *payv1.MonthlyTier, i int, first int64) (money.Amount, error) {
	with, err := tierPart(t, i, first, v.Currency)
	if err != nil {
		return money.Amount{}, err
	}
	without := money.Exactly(money.New(0, v.Currency))
	if i > 0 {
		if without, err = tierPart(t, i-1, first, v.Currency); err != nil {
			return money.Amount{}, err
		}
	}
	return roundedGrowth(without, with, rounding(c))
}

// roundedGrowth is round(after) − round(before).
func roundedGrowth(before, after money.Exact, mode money.Rounding) (money.Amount, error) {
	b, err := before.Round(mode)
	if err != nil {
		return money.Amount{}, err
	}
	a, err := after.Round(mode)
	if err != nil {
		return money.Amount{}, err
	}
	return a.Sub(b)
}

func rate(r *payv1.Rate) (money.Rate, error) {
	return money.NewRate(r.GetNumerator(), r.GetDenominator())
}

func rounding(c *payv1.Component) money.Rounding {
	switch c.GetRounding() {
	case payv1.Rounding_ROUNDING_HALF_EVEN:
		return money.HalfEven
	case payv1.Rounding_ROUNDING_HALF_UP:
		return money.HalfUp
	}
	return 0
}
