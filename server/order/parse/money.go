package parse

import (
	"strings"

	"github.com/doorstep-dev/doorstep/server/order/refusal"
)

const moneyDigits = 13 // whole digits at most: ten trillion

// Money returns minor units (fen for two decimals) of what a person or a spreadsheet wrote: "￥1,299.00", "1299元",
// "RMB 32.9", "32.899999999999999" (a spreadsheet's 32.9). No floating point is used. decimals is how many digits
// the currency has behind its point, 0 to 3; comma tells that "1.299,00" is meant.
func Money(s string, decimals int, comma bool) (int64, error) {
	s = Clean(s)
	if s == "" {
		return 0, refusal.New(refusal.Missing, "")
	}
	if len(s) > 60 {
		return 0, refusal.New(refusal.MoneyMalformed, "")
	}
	for _, sign := range []string{"¥", "￥", "CN¥", "CNY", "RMB", "元", "圆", "R$", "$", "€", "BRL", "EUR", "USD"} {
		s = strings.TrimSpace(strings.TrimSuffix(strings.TrimPrefix(s, sign), sign))
	}
	if strings.HasPrefix(s, "-") || strings.HasPrefix(s, "(") && strings.HasSuffix(s, ")") {
		return 0, refusal.New(refusal.MoneyNegative, "")
	}
	group, point := ",", "."
	if comma {
		group, point = ".", ","
	}
	whole, part, _ := strings.Cut(s, point)
	if strings.Contains(whole, group) {
		groups := strings.Split(whole, group)
		for i, g := range groups {
			if len(g) > 3 || i > 0 && len(g) != 3 || g == "" {
				return 0, refusal.New(refusal.MoneyMalformed, "")
			}
		}
		whole = strings.Join(groups, "")
	}
	if whole == "" {
		whole = "0"
	}
	if !digits(whole) || part != "" && !digits(part) {
		return 0, refusal.New(refusal.MoneyMalformed, "")
	}
	whole = strings.TrimLeft(whole, "0")
	if len(whole) > moneyDigits {
		return 0, refusal.New(refusal.MoneyTooLarge, "")
	}
	up := false
	if len(whole)+len(part) >= 15 && len(part) > decimals { // a binary number written out: 15 digits are sure
		keep := 15 - len(whole)
		if keep < len(part) {
			up = part[keep] >= '5'
			part = part[:keep]
		}
		if up {
			whole, part = increment(whole, part)
		}
	}
	part = strings.TrimRight(part, "0")
	if len(part) > decimals {
		return 0, refusal.New(refusal.MoneyFractions, "")
	}
	part += strings.Repeat("0", decimals-len(part))
	var n int64
	for _, c := range whole + part {
		n = n*10 + int64(c-'0')
	}
	return n, nil
}

// increment adds one at the last place of whole.part.
func increment(whole, part string) (string, string) {
	d := []byte("0" + whole + part)
	for i := len(d) - 1; i >= 0; i-- {
		if d[i] != '9' {
			d[i]++
			break
		}
		d[i] = '0'
	}
	cut := len(d) - len(part)
	return strings.TrimLeft(string(d[:cut]), "0"), string(d[cut:])
}
