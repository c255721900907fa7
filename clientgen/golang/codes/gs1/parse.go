// Package gs1 reads what scanners read from product labels: GS1 Digital Links, element strings of DataMatrix
// and QR symbols, and plain EAN and UPC numbers; and it writes Digital Links. It knows what a label says, never
// whether such a product exists. Identity is not authority: whoever can read a box can copy its number.
package gs1

import (
	"strings"

	"github.com/doorstep-dev/doorstep/sync/fault"
)

// Key is what a label identifies.
type Key struct {
	// GTIN is the product, AI (01); always set.
	GTIN GTIN
	// Lot is the batch, AI (10), and Serial the piece, AI (21): up to 20 characters of GS1's set 82; may be empty.
	Lot, Serial string
	// Host and Prefix are the web host and the path before /01/ of a Digital Link; empty for other forms.
	Host, Prefix string
}

// MaxLength is the most that a scanned text may have, in bytes.
const MaxLength = 500

// Parse reads a scanned text in any of the forms. The codes of its errors: code_unreadable (not such a text, or
// no GTIN in it), code_check_digit, too_large.
func Parse(scanned string) (Key, error) {
	if len(scanned) > MaxLength {
		return Key{}, fault.New(fault.TooLarge, "a scanned code has at most %d bytes", MaxLength)
	}
	s := clean(scanned)
	if s == "" {
		return Key{}, fault.New(fault.CodeUnreadable, "the code is empty")
	}
	what, s, err := unwrap(s)
	if err != nil {
		return Key{}, err
	}
	switch what {
	case elements:
		return parseElements(s)
	case numberAddOn:
		s = s[:min(len(s), 13)]
		fallthrough
	case number:
		g, err := ParseGTIN(s)
		return Key{GTIN: g}, err
	}
	return parsePlain(s)
}

// parsePlain reads what nothing says the form of.
func parsePlain(s string) (Key, error) {
	switch {
	case hasScheme(s):
		return parseLink(s)
	case s[0] == '(' || s[0] == groupSeparator:
		return parseElements(s)
	case allDigits(s) && len(s) <= 14:
		g, err := ParseGTIN(s)
		return Key{GTIN: g}, err
	case strings.HasPrefix(s, "01") && len(s) >= 16:
		return parseElements(s)
	}
	// Any other identifier may come first, too. It is an element string only if it names a product.
	if k, err := parseSeparated(s); err == nil || fault.CodeOf(err) == fault.CodeCheckDigit {
		return k, err
	}
	return Key{}, fault.New(fault.CodeUnreadable, "neither a product link, an element string nor a product number")
}

// set puts one identifier into the key and refuses a second, different value.
func (k *Key) set(ai, value string) error {
	switch ai {
	case "01":
		g, err := ParseGTIN(value)
		if err != nil {
			return err
		}
		if k.GTIN != "" && k.GTIN != g {
			return fault.New(fault.CodeUnreadable, "two product numbers in one code")
		}
		k.GTIN = g
	case "10", "21":
		if err := checkText(ai, value); err != nil {
			return err
		}
		field := &k.Lot
		if ai == "21" {
			field = &k.Serial
		}
		if *field != "" && *field != value {
			return fault.New(fault.CodeUnreadable, "(%s) stands twice in one code", ai)
		}
		*field = value
	}
	return nil
}

// CheckSerial tells whether a serial number that somebody typed could stand on a label.
func CheckSerial(serial string) error { return checkText("21", serial) }

// checkText checks a value of up to 20 characters of set 82 (GS1 General Specifications, figure 7.11-1).
func checkText(ai, value string) error {
	if value == "" || len(value) > 20 {
		return fault.New(fault.CodeUnreadable, "(%s) has 1 to 20 characters, not %d", ai, len(value))
	}
	for i := range len(value) {
		c := value[i]
		if c <= ' ' || c > 'z' || strings.IndexByte("#$@[\\]^`", c) >= 0 {
			return fault.New(fault.CodeUnreadable, "(%s) holds a character that labels do not have", ai)
		}
	}
	return nil
}

func hasScheme(s string) bool {
	return hasPrefixFold(s, "https://") || hasPrefixFold(s, "http://")
}

func hasPrefixFold(s, prefix string) bool {
	return len(s) >= len(prefix) && strings.EqualFold(s[:len(prefix)], prefix)
}

func allDigits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}
