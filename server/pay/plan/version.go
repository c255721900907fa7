package plan

import (
	"errors"
	"fmt"
	"sort"
	"time"

	payv1 "github.com/doorstep-dev/doorstep/proto/doorstep/pay/v1"
	"github.com/doorstep-dev/doorstep/server/civil"
	"github.com/doorstep-dev/doorstep/server/money"
	"github.com/doorstep-dev/doorstep/sync/fault"
)

// Version is a plan version that was checked as a whole. It is immutable and safe for concurrent use.
type Version struct {
	Plan     string
	Number   uint32
	Currency money.Currency
	Zone     *time.Location
	From     civil.Day

	source *payv1.PlanVersion
	clawed map[string]bool
}

// ErrPlan is the reason when a plan version contradicts itself.
var ErrPlan = errors.New("plan: version is not valid")

// Compile checks what protovalidate's rules on single fields cannot see: keys are unique, tiers ascend and fit
// their measure, rates have denominators, the zone and the date exist, what a rework takes back is there.
func Compile(p *payv1.PlanVersion) (*Version, error) {
	v := &Version{
		Plan: p.GetPlan(), Number: p.GetVersion(), Currency: money.Currency(p.GetCurrency()),
		source: p, clawed: map[string]bool{},
	}
	bad := func(format string, args ...any) error {
		return fault.Wrap(ErrPlan, fault.InvalidArgument, "plan: %s", fault.Textf(format, args...))
	}
	var err error
	if v.From, err = civil.ParseDay(p.GetEffectiveFrom()); err != nil {
		return nil, bad("effective_from is no date")
	}
	if v.Zone, err = time.LoadLocation(p.GetTimeZone()); err != nil || p.GetTimeZone() == "" ||
		p.GetTimeZone() == "Local" {
		return nil, bad("time zone %q is unknown", p.GetTimeZone())
	}
	if v.Plan == "" || v.Number == 0 || !v.Currency.Valid() ||
		p.GetVersionDate() == payv1.VersionDate_VERSION_DATE_UNSPECIFIED {
		return nil, bad("key, version, currency and version date are needed")
	}
	kinds := map[string]bool{} // key → is a tier
	bases := 0
	for _, c := range p.GetComponents() {
		if _, twice := kinds[c.GetKey()]; twice || c.GetKey() == "" {
			return nil, bad("component key %q is empty or used twice", c.GetKey())
		}
		kinds[c.GetKey()] = c.GetMonthlyTier() != nil
		if c.GetCategory() == payv1.EarningCategory_EARNING_CATEGORY_UNSPECIFIED || rounding(c) == 0 {
			return nil, bad("component %s names no category or no rounding", c.GetKey())
		}
		if c.GetBaseFee() != nil {
			bases++
		}
		if err := checkRule(c); err != nil {
			return nil, bad("component %s: %v", c.GetKey(), err)
		}
	}
	if bases > 1 {
		return nil, bad("more than one base fee")
	}
	for _, key := range p.GetClawedBack() {
		if tier, known := kinds[key]; !known || tier {
			return nil, bad("a rework cannot take back %q", key)
		}
		v.clawed[key] = true
	}
	return v, nil
}

func checkRule(c *payv1.Component) error {
	switch r := c.GetRule().(type) {
	case *payv1.Component_BaseFee:
		seen := map[string]bool{}
		for _, f := range r.BaseFee.GetClasses() {
			if seen[f.GetClassKey()] || f.GetFeeMinor() < 0 {
				return fmt.Errorf("class %q is listed twice or negative", f.GetClassKey())
			}
			seen[f.GetClassKey()] = true
		}
		if r.BaseFee.GetOtherwiseMinor() < 0 {
			return errors.New("negative fee")
		}
	case *payv1.Component_SurchargeFee:
		seen := map[string]bool{}
		for _, i := range r.SurchargeFee.GetItems() {
			if seen[itemKey(i.GetSku())] || i.GetFeeMinor() < 0 {
				return fmt.Errorf("item %q is listed twice or negative", i.GetSku())
			}
			seen[itemKey(i.GetSku())] = true
		}
		return checkRate(r.SurchargeFee.GetOtherwise(), true)
	case *payv1.Component_PartsShare:
		return checkRate(r.PartsShare.GetShare(), false)
	case *payv1.Component_MonthlyTier:
		return checkTier(r.MonthlyTier)
	default:
		return errors.New("no rule")
	}
	return nil
}

func checkTier(t *payv1.MonthlyTier) error {
	if t.GetMode() == payv1.TierMode_TIER_MODE_UNSPECIFIED ||
		t.GetMeasure() == payv1.TierMeasure_TIER_MEASURE_UNSPECIFIED {
		return errors.New("a tier says graduated or volume, and what it counts")
	}
	if len(t.GetTiers()) == 0 {
		return errors.New("no tiers")
	}
	for i, step := range t.GetTiers() {
		if step.GetAbove() < 0 || (i > 0 && step.GetAbove() <= t.GetTiers()[i-1].GetAbove()) {
			return errors.New("thresholds do not ascend")
		}
		if t.GetMeasure() == payv1.TierMeasure_TIER_MEASURE_TICKETS {
			if step.GetShare() != nil || step.GetPerTicketMinor() < 0 {
				return errors.New("a tier over tickets pays an amount a ticket")
			}
			continue
		}
		if step.GetPerTicketMinor() != 0 {
			return errors.New("a tier over base fees pays a share")
		}
		if err := checkRate(step.GetShare(), false); err != nil {
			return err
		}
	}
	return nil
}

func checkRate(r *payv1.Rate, optional bool) error {
	if r == nil && optional {
		return nil
	}
	if r.GetDenominator() < 1 || r.GetNumerator() < 0 {
		return errors.New("a rate needs a numerator of at least 0 and a denominator of at least 1")
	}
	return nil
}

// Ref names the version for people and for storage: standard@3.
func (v *Version) Ref() string { return fmt.Sprintf("%s@%d", v.Plan, v.Number) }

// Source is the published version. It must not be changed.
func (v *Version) Source() *payv1.PlanVersion { return v.source }

// Day is the civil date of a moment in the plan's zone.
func (v *Version) Day(t time.Time) civil.Day { return civil.DayOf(t, v.Zone) }

func (v *Version) named(f Facts) time.Time {
	switch v.source.GetVersionDate() {
	case payv1.VersionDate_VERSION_DATE_ORDERED:
		if !f.Ordered.IsZero() {
			return f.Ordered
		}
		return f.Opened
	case payv1.VersionDate_VERSION_DATE_OPENED:
		return f.Opened
	}
	return f.Completed
}

// Choose returns the version that rules a ticket: the highest-numbered one whose own named date of the ticket is
// on or after its first day. It is nil when the ticket is older than all versions.
func Choose(versions []*Version, f Facts) *Version {
	for _, v := range newestFirst(versions) {
		if !v.Day(v.named(f)).Before(v.From) {
			return v
		}
	}
	return nil
}

// ChooseTier returns the version whose monthly tiers rule the month that the moment lies in: the one in force on
// the month's first day, so that a month has one tier and its total does not depend on the order of tickets. When
// none was in force yet it is the oldest one.
func ChooseTier(versions []*Version, completed time.Time) *Version {
	sorted := newestFirst(versions)
	for _, v := range sorted {
		if !v.Day(completed).First().Before(v.From) {
			return v
		}
	}
	if len(sorted) == 0 {
		return nil
	}
	return sorted[len(sorted)-1]
}

func newestFirst(versions []*Version) []*Version {
	sorted := append([]*Version(nil), versions...)
	sort.SliceStable(sorted, func(a, b int) bool { return sorted[a].Number > sorted[b].Number })
	return sorted
}
