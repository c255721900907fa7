// Package money is exact money: amounts in a currency's minor unit with checked arithmetic, rates as
// rationals, one named rounding, and splits that lose nothing. No floating point anywhere.
package money

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Currency is an ISO 4217 code in capitals, for example CNY.
type Currency string

// CNY is the currency of China; its minor unit is the fen (分).
const CNY Currency = "CNY"

// What can go wrong with money. Both mean a mistake in data or plan, never a user's input to be guessed at.
var (
	ErrOverflow = errors.New("money: amount does not fit 64 bits")
	ErrCurrency = errors.New("money: amounts of different currencies")
)

// Valid tells whether the code has the form of ISO 4217.
func (c Currency) Valid() bool {
	if len(c) != 3 {
		return false
	}
	for _, r := range c {
		if r < 'A' || r > 'Z' {
			return false
		}
	}
	return true
}

// digits is how many decimals the minor unit stands for.
func (c Currency) digits() int {
	switch c {
	case "JPY", "KRW", "VND", "CLP", "ISK", "UGX", "XAF", "XOF", "XPF":
		return 0
	case "BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND":
		return 3
	}
	return 2
}

// Amount is money: whole minor units (fen for CNY) of one currency; negative for what is taken back.
type Amount struct {
	Minor    int64    `json:"minor"`
	Currency Currency `json:"currency"`
}

// New returns minor units of a currency.
func New(minor int64, c Currency) Amount { return Amount{Minor: minor, Currency: c} }

// Fen returns an amount of CNY.
func Fen(minor int64) Amount { return Amount{Minor: minor, Currency: CNY} }

// Add returns a+b, ErrCurrency when they differ in currency, ErrOverflow when the sum does not fit.
func (a Amount) Add(b Amount) (Amount, error) {
	if a.Currency != b.Currency {
		return Amount{}, fmt.Errorf("%w: %s and %s", ErrCurrency, a.Currency, b.Currency)
	}
	s := a.Minor + b.Minor
	if (b.Minor > 0 && s < a.Minor) || (b.Minor < 0 && s > a.Minor) {
		return Amount{}, ErrOverflow
	}
	return New(s, a.Currency), nil
}

// Sub returns a-b with the errors of Add.
func (a Amount) Sub(b Amount) (Amount, error) {
	n, err := b.Neg()
	if err != nil {
		return Amount{}, err
	}
	return a.Add(n)
}

// Neg returns -a; ErrOverflow for the smallest int64.
func (a Amount) Neg() (Amount, error) {
	if a.Minor == math.MinInt64 {
		return Amount{}, ErrOverflow
	}
	return New(-a.Minor, a.Currency), nil
}

// Times returns a×n, ErrOverflow when it does not fit.
func (a Amount) Times(n int64) (Amount, error) {
	p := a.Minor * n
	if a.Minor != 0 && (p/a.Minor != n || (a.Minor == -1 && n == math.MinInt64)) {
		return Amount{}, ErrOverflow
	}
	return New(p, a.Currency), nil
}

// Zero tells whether nothing is owed.
func (a Amount) Zero() bool { return a.Minor == 0 }

// Sum adds amounts of the currency c; the sum of none is zero.
func Sum(c Currency, amounts ...Amount) (Amount, error) {
	total := New(0, c)
	for _, a := range amounts {
		var err error
		if total, err = total.Add(a); err != nil {
			return Amount{}, err
		}
	}
	return total, nil
}

// String writes the amount for people: ¥132.50, -¥0.05, USD 3.00, JPY 120.
func (a Amount) String() string {
	n := a.Currency.digits()
	s := strconv.FormatUint(magnitude(a.Minor), 10)
	if n > 0 {
		if len(s) <= n {
			s = strings.Repeat("0", n+1-len(s)) + s
		}
		s = s[:len(s)-n] + "." + s[len(s)-n:]
	}
	sign, symbol := "", string(a.Currency)+" "
	if a.Minor < 0 {
		sign = "-"
	}
	if a.Currency == CNY {
		symbol = "¥"
	}
	return sign + symbol + s
}

// Signed is String with a plus before what is gained: +¥5.00.
func (a Amount) Signed() string {
	if a.Minor > 0 {
		return "+" + a.String()
	}
	return a.String()
}

// magnitude is |n|, also for the smallest int64.
func magnitude(n int64) uint64 {
	if n < 0 {
		return uint64(-(n + 1)) + 1
	}
	return uint64(n)
}
