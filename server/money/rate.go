package money

import (
	"errors"
	"fmt"
	"math/big"
)

// Rounding names how an exact value becomes whole minor units. A line is rounded once, at its end.
type Rounding int

// The roundings. The zero value is none of them, so that a plan must say which.
const (
	_ Rounding = iota
	// HalfEven rounds to the nearest, and a half to the even neighbour: 0.5 → 0, 1.5 → 2.
	HalfEven
	// HalfUp rounds to the nearest, and a half away from zero: 0.5 → 1, -0.5 → -1.
	HalfUp
)

func (r Rounding) String() string {
	switch r {
	case HalfEven:
		return "half to even"
	case HalfUp:
		return "half away from zero"
	}
	return "none"
}

// Rate is an exact rational, for example 3/10. The zero Rate is 0.
type Rate struct{ num, den int64 }

// ErrRate is a rate without a positive denominator.
var ErrRate = errors.New("money: a rate needs a denominator above zero")

// NewRate returns num/den.
func NewRate(num, den int64) (Rate, error) {
	if den <= 0 {
		return Rate{}, ErrRate
	}
	return Rate{num, den}, nil
}

// BasisPoints returns n hundredths of a percent.
func BasisPoints(n int64) Rate { return Rate{n, 10000} }

func (r Rate) rat() *big.Rat {
	if r.den == 0 {
		return new(big.Rat)
	}
	return big.NewRat(r.num, r.den)
}

// Cmp is -1, 0 or 1 as r is below, equal to or above s.
func (r Rate) Cmp(s Rate) int { return r.rat().Cmp(s.rat()) }

// String writes the rate in lowest terms: 3/10.
func (r Rate) String() string { return r.rat().RatString() }

// Exact is an amount before its rounding: any rational number of minor units.
type Exact struct {
	r        *big.Rat
	currency Currency
}

// Of returns the exact share of an amount.
func (r Rate) Of(a Amount) Exact {
	return Exact{new(big.Rat).Mul(r.rat(), new(big.Rat).SetInt64(a.Minor)), a.Currency}
}

// Exactly returns the amount as an exact value.
func Exactly(a Amount) Exact { return Exact{new(big.Rat).SetInt64(a.Minor), a.Currency} }

// Plus adds exact values; ErrCurrency when they differ in currency.
func (e Exact) Plus(f Exact) (Exact, error) {
	if e.currency != f.currency {
		return Exact{}, fmt.Errorf("%w: %s and %s", ErrCurrency, e.currency, f.currency)
	}
	return Exact{new(big.Rat).Add(e.r, f.r), e.currency}, nil
}

// Round returns whole minor units; ErrOverflow when they do not fit 64 bits.
func (e Exact) Round(mode Rounding) (Amount, error) {
	if mode != HalfEven && mode != HalfUp {
		return Amount{}, errors.New("money: no rounding named")
	}
	sign := e.r.Sign()
	num := new(big.Int).Abs(e.r.Num())
	q, rest := new(big.Int).QuoRem(num, e.r.Denom(), new(big.Int))
	switch rest.Lsh(rest, 1).Cmp(e.r.Denom()) {
	case 1:
		q.Add(q, big.NewInt(1))
	case 0:
		if mode == HalfUp || q.Bit(0) == 1 {
			q.Add(q, big.NewInt(1))
		}
	}
	if sign < 0 {
		q.Neg(q)
	}
	if !q.IsInt64() {
		return Amount{}, ErrOverflow
	}
	return New(q.Int64(), e.currency), nil
}

// Whole tells whether the value needs no rounding.
func (e Exact) Whole() bool { return e.r.IsInt() }

// String writes the value in minor units, exactly: 13250 or 26501/2.
func (e Exact) String() string { return e.r.RatString() }

// Percent writes the rate as people read it: 30%, 1.5%; a rate that is no short percentage stays a fraction: 1/3.
func (r Rate) Percent() string {
	p := new(big.Rat).Mul(r.rat(), big.NewRat(100, 1))
	for places := range 5 {
		s := p.FloatString(places)
		if back, ok := new(big.Rat).SetString(s); ok && back.Cmp(p) == 0 {
			return s + "%"
		}
	}
	return r.String()
}
