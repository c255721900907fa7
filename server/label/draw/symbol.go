// Package draw makes pictures of codes: PNG, SVG, half blocks for a terminal, and ZPL for label printers. Each has
// the quiet zone of four modules that the QR standard asks for, and the human code beneath.
package draw

import (
	"github.com/skip2/go-qrcode"

	"github.com/doorstep-dev/doorstep/sync/fault"
)

// QuietZone is the width of the white frame in modules.
const QuietZone = 4

// Level is how much of a symbol may be damaged: M restores about 15 %, Q about 25 %.
type Level byte

// The levels in use: M for screens and paper, Q for labels that are handled.
const (
	M Level = 'M'
	Q Level = 'Q'
)

// Label is what is printed: a symbol and the words around it.
type Label struct {
	// Content is the text of the symbol.
	Content string
	// Human is the short code shown beneath; may be empty.
	Human string
	// Title and Lines are words beside the symbol, for people only.
	Title string
	Lines []string
}

// Symbol is a QR code as a square of modules, true for black, without its quiet zone.
type Symbol [][]bool

// NewSymbol encodes a text of up to 1,000 bytes.
func NewSymbol(content string, level Level) (Symbol, error) {
	if content == "" || len(content) > 1000 {
		return nil, fault.New(fault.InvalidArgument, "a code holds 1 to 1000 bytes, not %d", len(content))
	}
	recovery := qrcode.Medium
	if level == Q {
		recovery = qrcode.High
	}
	c, err := qrcode.New(content, recovery)
	if err != nil {
		return nil, fault.Wrap(err, fault.InvalidArgument, "the text does not fit a code")
	}
	c.DisableBorder = true
	return c.Bitmap(), nil
}

// Runs calls f for each horizontal run of black modules: x, y from the upper left corner, and its length.
func (s Symbol) Runs(f func(x, y, length int)) {
	for y, row := range s {
		for x := 0; x < len(row); x++ {
			if !row[x] {
				continue
			}
			start := x
			for x < len(row) && row[x] {
				x++
			}
			f(start, y, x-start)
		}
	}
}
