package draw

import (
	"fmt"
	"strings"
)

// ZPL writes one label for a Zebra-compatible printer with dots dots to the millimetre (8 for 203 dpi, 12 for 300
// dpi): the symbol at the left, title and human code at the right. The printer encodes the symbol itself, and
// prints Chinese only if it holds a font for it.
func ZPL(l Label, level Level, dots int) (string, error) {
	s, err := NewSymbol(l.Content, level)
	if err != nil {
		return "", err
	}
	// The largest whole magnification whose symbol and quiet zone stay within 28 mm.
	side := len(s) + 2*QuietZone
	mag := min(10, max(2, 28*dots/side))
	margin, right := QuietZone*mag, side*mag
	var b strings.Builder
	b.WriteString("^XA^CI28\n")
	fmt.Fprintf(&b, "^FO%d,%d^BQN,2,%d^FH^FD%cA,%s^FS\n", margin, margin, mag, level, zplEscape(l.Content))
	y := margin
	line := func(size float64, text string) {
		if text == "" {
			return
		}
		h := int(size * float64(dots))
		fmt.Fprintf(&b, "^FO%d,%d^A0N,%d,%d^FH^FD%s^FS\n", right, y, h, h, zplEscape(text))
		y += h * 5 / 4
	}
	line(3.5, l.Title)
	for _, t := range l.Lines {
		line(2.5, t)
	}
	line(4, l.Human)
	b.WriteString("^XZ\n")
	return b.String(), nil
}

// zplEscape hides the characters that begin commands; ^FH makes _XX a byte in hex.
func zplEscape(s string) string {
	return strings.NewReplacer("_", "_5F", "^", "_5E", "~", "_7E", "\n", " ", "\r", " ").Replace(s)
}
