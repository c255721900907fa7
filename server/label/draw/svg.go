package draw

import (
	"bytes"
	"encoding/xml"
	"fmt"
)

// SVG draws the symbol as one path, a module to a unit, the human code beneath it as text.
func SVG(l Label, level Level) ([]byte, error) {
	s, err := NewSymbol(l.Content, level)
	if err != nil {
		return nil, err
	}
	side := len(s) + 2*QuietZone
	height := float64(side)
	if l.Human != "" {
		height += float64(side) / 8
	}
	var b bytes.Buffer
	fmt.Fprintf(&b,
		`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %.4g" shape-rendering="crispEdges" role="img">`,
		side, height)
	b.WriteString("<title>")
	if err := xml.EscapeText(&b, []byte(l.Title+" "+l.Human)); err != nil {
		return nil, err
	}
	fmt.Fprintf(&b, `</title><path fill="#fff" d="M0 0h%dv%.4gH0z"/><path d="`, side, height)
	s.Runs(func(x, y, n int) {
		fmt.Fprintf(&b, "M%d %dh%dv1h-%dz", x+QuietZone, y+QuietZone, n, n)
	})
	b.WriteString(`"/>`)
	if l.Human != "" {
		size := float64(side) / 11
		fmt.Fprintf(&b,
			`<text x="%.4g" y="%.4g" font-family="ui-monospace,Menlo,Consolas,monospace" font-size="%.4g" text-anchor="middle">`,
			float64(side)/2, float64(side)+size*0.85, size)
		if err := xml.EscapeText(&b, []byte(l.Human)); err != nil {
			return nil, err
		}
		b.WriteString("</text>")
	}
	b.WriteString("</svg>\n")
	return b.Bytes(), nil
}
