package gs1

import (
	"strings"

	"github.com/doorstep-dev/doorstep/sync/fault"
)

// groupSeparator is how scanners transmit FNC1 after an identifier of variable length.
const groupSeparator = '\x1d'

// fixedLength is the length of the value of identifiers that need no separator, by their first two digits
// (GS1 General Specifications, figure 7.8.5-2), less the digits of the identifier itself.
var fixedLength = map[string]int{
	"00": 18, "01": 14, "02": 14, "03": 14, "04": 16, "11": 6, "12": 6, "13": 6, "14": 6, "15": 6, "16": 6, "17": 6,
	"18": 6, "19": 6, "20": 2, "31": 6, "32": 6, "33": 6, "34": 6, "35": 6, "36": 6, "41": 13,
}

// identifierLength is how many digits an identifier has, by its first two; 0 for one that GS1 never gave out.
func identifierLength(firstTwo string) int {
	switch firstTwo[0] {
	case '0', '1', '9':
		return 2
	case '2':
		if firstTwo >= "23" && firstTwo <= "25" {
			return 3
		}
		return 2
	case '3':
		if firstTwo == "30" || firstTwo == "37" {
			return 2
		}
		return 4
	case '4':
		if firstTwo == "43" {
			return 4
		}
		return 3
	case '7':
		if firstTwo == "71" {
			return 3
		}
		return 4
	case '8':
		return 4
	}
	return 0
}

// parseElements reads an element string with separators, and the form that people print, with identifiers in
// parentheses.
func parseElements(s string) (Key, error) {
	if s[0] == '(' {
		return parseBracketed(s)
	}
	return parseSeparated(s)
}

func parseSeparated(s string) (Key, error) {
	var k Key
	for s = strings.TrimLeft(s, string(groupSeparator)); s != ""; {
		if len(s) < 2 || !allDigits(s[:2]) {
			return Key{}, fault.New(fault.CodeUnreadable, "an identifier is missing")
		}
		n := identifierLength(s[:2])
		if n == 0 || len(s) <= n || !allDigits(s[:n]) {
			return Key{}, fault.New(fault.CodeUnreadable, "the code ends in the middle of an identifier")
		}
		ai, rest := s[:n], s[n:]
		var value string
		if length, fixed := fixedLength[ai[:2]]; fixed {
			if len(rest) < length {
				return Key{}, fault.New(fault.CodeUnreadable, "the value of (%s) is cut off", ai)
			}
			value, rest = rest[:length], rest[length:]
		} else if i := strings.IndexByte(rest, groupSeparator); i >= 0 {
			value, rest = rest[:i], rest[i:]
		} else {
			value, rest = rest, ""
		}
		if err := k.set(ai, value); err != nil {
			return Key{}, err
		}
		s = strings.TrimLeft(rest, string(groupSeparator))
	}
	return k.complete()
}

func parseBracketed(s string) (Key, error) {
	var k Key
	for s != "" {
		end := strings.IndexByte(s, ')')
		if s[0] != '(' || end < 3 || end > 5 || !allDigits(s[1:end]) {
			return Key{}, fault.New(fault.CodeUnreadable, "an identifier in parentheses is missing")
		}
		ai, rest := s[1:end], s[end+1:]
		// A parenthesis may also belong to a serial number, so only "(dd)" with digits begins the next element.
		next := len(rest)
		for i := range len(rest) {
			if rest[i] == '(' && beginsIdentifier(rest[i:]) {
				next = i
				break
			}
		}
		if err := k.set(ai, rest[:next]); err != nil {
			return Key{}, err
		}
		s = rest[next:]
	}
	return k.complete()
}

func beginsIdentifier(s string) bool {
	end := strings.IndexByte(s, ')')
	return end >= 3 && end <= 5 && allDigits(s[1:end])
}

func (k Key) complete() (Key, error) {
	if k.GTIN == "" {
		return Key{}, fault.New(fault.CodeUnreadable, "the code names no product (01)")
	}
	return k, nil
}
