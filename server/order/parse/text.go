// Package parse turns what shops write into what Doorstep keeps: phone numbers, money, times, places, counts,
// barcodes. Functions are pure; what cannot be understood is refused with a reason (package refusal), never guessed.
package parse

import (
	"regexp"
	"strconv"
	"strings"
	"unicode"

	"github.com/doorstep-dev/doorstep/clientgen/golang/codes/gs1"
	"github.com/doorstep-dev/doorstep/server/order/refusal"
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
		case gs1.Invisible(r):
			return -1
		}
		return r
	}, s)
	return strings.TrimSpace(s)
}

// Trim removes blanks at both ends, invisible marks, and makes line breaks and tabs single spaces.
func Trim(s string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case gs1.Invisible(r):
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

// Unguard takes off what exports put around a cell so that a spreadsheet keeps it as text: ="C05-1" and 'C05-1.
func Unguard(s string) string {
	if inner, ok := strings.CutPrefix(s, `="`); ok && strings.HasSuffix(inner, `"`) {
		return strings.TrimSuffix(inner, `"`)
	}
	if inner, ok := strings.CutPrefix(s, "'"); ok && inner != "" && !strings.Contains(inner, "'") {
		return inner
	}
	return s
}

// Identity is the one form in which an identity (order number, SKU, model, serial, customer's number) is kept and
// compared, however somebody writes it: without full-width characters, invisible marks, guards and the .0 of a
// spreadsheet. Its form is its own identity. Upper and lower case stay apart: decision 29 says why. A number that a
// spreadsheet has shortened is refused with refusal.NumberShortened, for its digits are gone.
func Identity(s string) (string, error) {
	for {
		next, err := plain(Clean(Unguard(Clean(s))))
		if err != nil || next == s { // each turn takes characters off, so this ends
			return next, err
		}
		s = next
	}
}

// SearchIdentity is the Identity of what somebody looks for, or "" for what can be nobody's.
func SearchIdentity(s string) string {
	id, err := Identity(s)
	if err != nil {
		return ""
	}
	return id
}

func digits(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}

// plain undoes what spreadsheets do to long numbers: 1.3800000001E10 and 13800000001.0 are 13800000001. A number
// that does not show all of its digits (1.38E+10) is refused. What is no number stays as it is.
func plain(s string) (string, error) {
	if whole, zero, ok := strings.Cut(s, "."); ok && digits(whole) && zero != "" && strings.Trim(zero, "0") == "" {
		return whole, nil
	}
	m := scientific.FindStringSubmatch(s)
	if m == nil {
		return s, nil
	}
	n, err := strconv.Atoi(m[3])
	if err != nil || n != len(m[2]) {
		return "", refusal.New(refusal.NumberShortened, "")
	}
	return m[1] + m[2], nil
}

// scientific is how spreadsheets show a long number: with a point or a plus sign, so that a model 2E10 is none.
var scientific = regexp.MustCompile(`^([0-9])(?:\.([0-9]+)[Ee]\+?|[Ee]\+)([0-9]{1,3})$`)
