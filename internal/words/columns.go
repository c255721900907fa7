package words

import (
	"strings"
	"unicode"
)

// Columns is how many columns of a terminal a text takes: Chinese characters take two, colours none.
func Columns(s string) int {
	n, escape := 0, false
	for _, r := range s {
		switch {
		case r == '\x1b':
			escape = true
		case escape:
			escape = r != 'm'
		case wide(r):
			n += 2
		default:
			n++
		}
	}
	return n
}

func wide(r rune) bool {
	return r >= 0x2e80 && r < 0xff61 || r >= 0xffe0 && r < 0xffe7 || r >= 0x1f300 && r < 0x1faff
}

// Pad fills s with blanks to a width in columns.
func Pad(s string, width int) string {
	if n := Columns(s); n < width {
		return s + strings.Repeat(" ", width-n)
	}
	return s
}

// Wrap breaks a text into lines of at most width columns: at blanks, and between Chinese characters, but never before
// a mark that ends something or behind one that begins it. A word longer than a line has a line of its own.
func Wrap(s string, width int) []string {
	var lines []string
	line := ""
	for _, u := range units(s) {
		switch {
		case line == "":
			line = u.text
		case Columns(line+u.before+u.text) <= width:
			line += u.before + u.text
		default:
			lines = append(lines, line)
			line = u.text
		}
	}
	if line != "" {
		lines = append(lines, line)
	}
	return lines
}

// unit is what stays on one line, and the blank before it where it does not begin one.
type unit struct{ before, text string }

func units(s string) []unit {
	var out []unit
	var last rune
	blank := ""
	for _, r := range s {
		if unicode.IsSpace(r) {
			blank, last = " ", r
			continue
		}
		apart := blank != "" || wide(r) || wide(last)
		closes := strings.ContainsRune("，。；：、？！）》”’", r)
		opens := strings.ContainsRune("（《“‘", last)
		if n := len(out); n > 0 && (!apart || closes || opens) {
			out[n-1].text += blank + string(r)
		} else {
			out = append(out, unit{blank, string(r)})
		}
		blank, last = "", r
	}
	return out
}
