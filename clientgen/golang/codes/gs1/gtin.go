package gs1

import (
	"strings"

	"github.com/doorstep-dev/doorstep/sync/fault"
)

// GTIN is a Global Trade Item Number, always 14 digits: shorter ones are padded with zeros on the left, so
// that the same product compares equal whichever symbol carried it. The zero value is "no number".
type GTIN string

// ParseGTIN reads 8, 12, 13 or 14 digits and checks the last one. Anything else is
// code_unreadable or code_check_digit, with what was wrong in the detail.
func ParseGTIN(s string) (GTIN, error) {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return "", fault.New(fault.CodeUnreadable, "a product number holds digits only")
		}
	}
	switch len(s) {
	case 8, 12, 13, 14:
	default:
		return "", fault.New(fault.CodeUnreadable, "a product number has 8, 12, 13 or 14 digits, not %d", len(s))
	}
	if want := CheckDigit(s[:len(s)-1]); s[len(s)-1] != want {
		return "", fault.New(fault.CodeCheckDigit, "the last digit of %s should be %c", s, want)
	}
	if strings.Trim(s, "0") == "" {
		return "", fault.New(fault.CodeUnreadable, "a product number of zeros only")
	}
	return GTIN(strings.Repeat("0", 14-len(s)) + s), nil
}

// CheckDigit computes the check digit of the digits before it: from the right, weights 3, 1, 3, …
func CheckDigit(digits string) byte {
	sum, weight := 0, 3
	for i := len(digits) - 1; i >= 0; i-- {
		sum += int(digits[i]-'0') * weight
		weight = 4 - weight
	}
	return byte('0' + (10-sum%10)%10)
}

// EAN13 is the number as shops print it, 13 digits; ok is false for a packing level that needs 14.
func (g GTIN) EAN13() (s string, ok bool) {
	if len(g) != 14 || g[0] != '0' {
		return "", false
	}
	return string(g[1:]), true
}
