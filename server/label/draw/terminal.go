package draw

import (
	"fmt"
	"strings"
)

// Terminal draws the symbol in half blocks, two modules to a character, for a terminal of any colours: black on
// white is set explicitly, because most readers do not read white on black.
func Terminal(l Label, level Level) (string, error) {
	s, err := NewSymbol(l.Content, level)
	if err != nil {
		return "", err
	}
	side := len(s) + 2*QuietZone
	black := func(x, y int) bool {
		x, y = x-QuietZone, y-QuietZone
		return x >= 0 && y >= 0 && x < len(s) && y < len(s) && s[y][x]
	}
	var b strings.Builder
	for y := 0; y < side; y += 2 {
		b.WriteString("\x1b[30;107m")
		for x := range side {
			switch up, down := black(x, y), black(x, y+1); {
			case up && down:
				b.WriteRune('█')
			case up:
				b.WriteRune('▀')
			case down:
				b.WriteRune('▄')
			default:
				b.WriteByte(' ')
			}
		}
		b.WriteString("\x1b[0m\n")
	}
	if l.Human != "" {
		fmt.Fprintf(&b, "%*s\n", (side+len(l.Human))/2, l.Human)
	}
	return b.String(), nil
}
