package sheet

import (
	"bytes"
	"time"

	"github.com/signintech/gopdf"

	"github.com/doorstep-dev/doorstep/server/label/draw"
	"github.com/doorstep-dev/doorstep/server/label/typeface"
	"github.com/doorstep-dev/doorstep/sync/fault"
)

// MaxLabels is how many labels one document may hold.
const MaxLabels = 2000

// Options are what a caller may choose besides the layout.
type Options struct {
	// Level of the symbols; zero means Q, for labels are handled.
	Level draw.Level
	// Font is a TrueType file for names that the embedded font (GB 2312) cannot write; nil for the embedded one.
	Font []byte
	// Skip leaves the first labels of the first sheet free: they were used already.
	Skip int
	// Now is the document's date.
	Now time.Time
}

const family = "label"

// PDF prints the labels row by row, on as many pages as they need.
func PDF(labels []draw.Label, l Layout, o Options) ([]byte, error) {
	if err := l.check(); err != nil {
		return nil, err
	}
	perPage := l.Rows * l.Columns
	if len(labels) == 0 || len(labels) > MaxLabels || o.Skip < 0 || o.Skip >= perPage {
		return nil, fault.New(fault.InvalidArgument, "1 to %d labels, and skip less than a page", MaxLabels)
	}
	if o.Level == 0 {
		o.Level = draw.Q
	}
	if o.Font == nil {
		o.Font = typeface.TTF()
	}
	var pdf gopdf.GoPdf
	pdf.Start(gopdf.Config{Unit: gopdf.UnitMM, PageSize: gopdf.Rect{W: l.PageWidth, H: l.PageHeight}})
	pdf.SetInfo(gopdf.PdfInfo{Title: "Labels", Creator: "Doorstep", Producer: "Doorstep", CreationDate: o.Now})
	option := gopdf.TtfOption{OnGlyphNotFoundSubstitute: func(rune) rune { return typeface.Missing }}
	if err := pdf.AddTTFFontDataWithOption(family, o.Font, option); err != nil {
		return nil, fault.Wrap(err, fault.InvalidArgument, "the font is not a TrueType file that can be embedded")
	}
	for i, label := range labels {
		place := i + o.Skip
		if i == 0 || place%perPage == 0 {
			pdf.AddPage()
		}
		row, column := place%perPage/l.Columns, place%perPage%l.Columns
		x := l.MarginLeft + float64(column)*(l.Width+l.GapX)
		y := l.MarginTop + float64(row)*(l.Height+l.GapY)
		if err := drawLabel(&pdf, label, l, o.Level, x, y); err != nil {
			return nil, err
		}
	}
	var b bytes.Buffer
	if _, err := pdf.WriteTo(&b); err != nil {
		return nil, fault.Wrap(err, fault.Internal, "")
	}
	return b.Bytes(), nil
}

func drawLabel(pdf *gopdf.GoPdf, label draw.Label, l Layout, level draw.Level, x, y float64) error {
	if l.Outline {
		pdf.SetLineWidth(0.1)
		pdf.SetStrokeColor(170, 170, 170)
		pdf.RectFromUpperLeftWithStyle(x, y, l.Width, l.Height, "D")
	}
	symbol, err := draw.NewSymbol(label.Content, level)
	if err != nil {
		return err
	}
	module := l.Symbol / float64(len(symbol)+2*draw.QuietZone)
	top := y + (l.Height-l.Symbol)/2
	left := x + l.Padding
	pdf.SetFillColor(0, 0, 0)
	symbol.Runs(func(sx, sy, n int) {
		// A hair of overlap between rows closes the white seams that viewers draw between touching rectangles.
		pdf.RectFromUpperLeftWithStyle(left+float64(sx+draw.QuietZone)*module, top+float64(sy+draw.QuietZone)*module,
			float64(n)*module, module*1.02, "F")
	})
	return drawWords(pdf, label, l, left+l.Symbol, y+l.Padding, x+l.Width-l.Padding)
}

// millimetre is a millimetre in points, the unit in which type is measured.
const millimetre = 72 / 25.4

// drawWords sets title and lines from the top, the human code at the bottom, beside the symbol.
func drawWords(pdf *gopdf.GoPdf, label draw.Label, l Layout, left, top, right float64) error {
	width, bottom := right-left, top+l.Height-2*l.Padding
	if label.Human != "" {
		human, err := setFitting(pdf, label.Human, l.Human, width)
		if err != nil {
			return err
		}
		pdf.SetXY(left, bottom-human*1.3)
		if err := pdf.Cell(nil, label.Human); err != nil {
			return fault.Wrap(err, fault.Internal, "")
		}
		bottom -= human * 1.5
	}
	y := top
	paragraph := func(text string, size float64, most int) error {
		if text == "" {
			return nil
		}
		if err := pdf.SetFont(family, "", size*millimetre); err != nil {
			return fault.Wrap(err, fault.Internal, "")
		}
		lines, err := breakLines(pdf, text, width, most)
		if err != nil {
			return err
		}
		for _, line := range lines {
			if y+size*1.3 > bottom {
				return nil
			}
			pdf.SetXY(left, y)
			if err := pdf.Cell(nil, line); err != nil {
				return fault.Wrap(err, fault.Internal, "")
			}
			y += size * 1.35
		}
		return nil
	}
	if err := paragraph(label.Title, l.Title, 3); err != nil {
		return err
	}
	y += l.Text * 0.4
	for _, line := range label.Lines {
		if err := paragraph(line, l.Text, 2); err != nil {
			return err
		}
	}
	return nil
}

// setFitting sets the size of type, smaller than asked where the text would be wider than the label.
func setFitting(pdf *gopdf.GoPdf, text string, size, width float64) (float64, error) {
	if err := pdf.SetFont(family, "", size*millimetre); err != nil {
		return 0, fault.Wrap(err, fault.Internal, "")
	}
	w, err := pdf.MeasureTextWidth(text)
	if err != nil {
		return 0, fault.Wrap(err, fault.Internal, "")
	}
	if w > width {
		size *= width / w
		if err := pdf.SetFont(family, "", size*millimetre); err != nil {
			return 0, fault.Wrap(err, fault.Internal, "")
		}
	}
	return size, nil
}

// breakLines breaks a text at spaces, or between Chinese characters, into at most so many lines; what does not fit
// ends in an ellipsis.
func breakLines(pdf *gopdf.GoPdf, text string, width float64, most int) ([]string, error) {
	var lines []string
	rest := []rune(text)
	for len(rest) > 0 {
		n, space := 0, 0
		for n < len(rest) {
			w, err := pdf.MeasureTextWidth(string(rest[:n+1]))
			if err != nil {
				return nil, fault.Wrap(err, fault.Internal, "")
			}
			if w > width {
				break
			}
			n++
			if n < len(rest) && (rest[n] == ' ' || rest[n] >= 0x2E80 || rest[n-1] >= 0x2E80) {
				space = n
			}
		}
		switch {
		case n == 0:
			return lines, nil
		case n < len(rest) && len(lines) == most-1:
			return append(lines, string(rest[:n-1])+"…"), nil
		case n < len(rest) && space > 0:
			n = space
		}
		lines = append(lines, string(rest[:n]))
		for rest = rest[n:]; len(rest) > 0 && rest[0] == ' '; {
			rest = rest[1:]
		}
	}
	return lines, nil
}
