package parse

import (
	"math"
	"strconv"
	"strings"

	"github.com/doorstep-dev/doorstep/server/order/refusal"
)

// Coordinate reads degrees with a decimal point; limit is 90 for a latitude and 180 for a longitude.
func Coordinate(s string, limit float64) (float64, error) {
	s = strings.TrimSuffix(Clean(s), "°")
	if s == "" {
		return 0, refusal.New(refusal.Missing, "")
	}
	if len(s) > 40 || strings.ContainsAny(s, "xXpPnN_") { // hexadecimal and names of non-numbers
		return 0, refusal.New(refusal.CoordinateMalformed, "")
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || math.IsNaN(f) || math.IsInf(f, 0) {
		return 0, refusal.New(refusal.CoordinateMalformed, "")
	}
	if f < -limit || f > limit {
		return 0, refusal.New(refusal.CoordinateRange, "")
	}
	return f, nil
}

// MaxQuantity is how many of one thing an order line may hold: each becomes a ticket of its own.
const MaxQuantity = 50

// Quantity reads a count from 1 to MaxQuantity; "2.0", "2台" and "2 件" are 2.
func Quantity(s string) (int, error) {
	s = Clean(s)
	if s == "" {
		return 0, refusal.New(refusal.Missing, "")
	}
	for _, unit := range []string{"台", "件", "套", "个", "把", "pcs"} {
		s = strings.TrimSpace(strings.TrimSuffix(s, unit))
	}
	s, err := plain(s)
	if err != nil {
		return 0, err
	}
	if !digits(strings.TrimPrefix(s, "-")) || len(s) > 9 {
		return 0, refusal.New(refusal.QuantityMalformed, "")
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 || n > MaxQuantity {
		return 0, refusal.New(refusal.QuantityRange, "")
	}
	return n, nil
}

// Item reads the number of a line in its order, from 1.
func Item(s string) (int, error) {
	s, err := plain(Clean(s))
	if err != nil {
		return 0, err
	}
	if !digits(s) || len(s) > 6 {
		return 0, refusal.New(refusal.QuantityMalformed, "")
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 {
		return 0, refusal.New(refusal.QuantityMalformed, "")
	}
	return n, nil
}

// GTIN returns the 14 digits of a GTIN-8, -12, -13 or -14 after checking its check digit.
func GTIN(s string) (string, error) {
	s, err := plain(strings.NewReplacer(" ", "", "-", "").Replace(Clean(Unguard(Clean(s)))))
	if err != nil {
		return "", err
	}
	if s == "" {
		return "", refusal.New(refusal.Missing, "")
	}
	if !digits(s) || len(s) != 8 && (len(s) < 12 || len(s) > 14) {
		return "", refusal.New(refusal.GTINMalformed, "")
	}
	s = strings.Repeat("0", 14-len(s)) + s
	if CheckDigit(s[:13]) != s[13] {
		return "", refusal.New(refusal.GTINCheckDigit, "")
	}
	return s, nil
}

// CheckDigit is the GS1 check digit of the digits before it.
func CheckDigit(d string) byte {
	sum := 0
	for i := range len(d) {
		n := int(d[len(d)-1-i] - '0')
		if i%2 == 0 {
			n *= 3
		}
		sum += n
	}
	return byte('0' + (10-sum%10)%10)
}
