// Package parse turns what shops write into what Doorstep keeps: phone numbers, money, times, places, counts,
// barcodes. Functions are pure; what cannot be understood is refused with a reason (package refusal), never guessed.
package parse

import (
	"strings"
	"unicode"
)

// Clean trims a cell and makes its full-width ASCII (０-９, ＋, （, 全角空格) plain, as Chinese input methods mix both.
// Text that is for people (names, addresses) is only trimmed: see Trim.
func Clean(s string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case r >= 0xff01 && r <= 0xff5e:
			return r - 0xfee0
		case r == 0x3000 || r == 0xa0 || r == 0x2009 || r == 0x202f:
			return ' '
		case r == 0x200b || r == 0xfeff || r == 0x202c || r == 0x202d:
			return -1 // invisible marks that copying from chat programs brings along
		}
		return r
	}, s)
	return strings.TrimSpace(s)
}

// Trim removes blanks at both ends, invisible marks, and makes line breaks and tabs single spaces.
func Trim(s string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case r == 0x200b || r == 0xfeff || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069:
			return -1
		case unicode.IsSpace(r):
			return ' '
		case unicode.IsControl(r):
			return -1
		}
		return r
	}, s)
	return strings.Join(strings.Fields(s), " ")
}

func digits(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}

// plain undoes what spreadsheets do to long numbers: 1.3800000001E10 and 13800000001.0 are 13800000001.
func plain(s string) string {
	mantissa, exponent, ok := strings.Cut(strings.ToUpper(s), "E")
	if !ok {
		if whole, zero, ok := strings.Cut(s, "."); ok && digits(whole) && strings.Trim(zero, "0") == "" {
			return whole
		}
		return s
	}
	exponent = strings.TrimPrefix(exponent, "+")
	if !digits(exponent) || len(exponent) > 2 {
		return s
	}
	whole, part, _ := strings.Cut(mantissa, ".")
	n := 0
	for _, c := range exponent {
		n = n*10 + int(c-'0')
	}
	if !digits(whole) || len(whole) != 1 || part != "" && !digits(part) || n > 20 || len(part) > n {
		return s
	}
	return whole + part + strings.Repeat("0", n-len(part))
}
