// Package label draws what is printed: QR codes with their texts as pictures and for label printers (draw), and sheets
// of labels as PDF (sheet). It knows no units, shops or tickets.
package label

import (
	"bytes"
	"time"

	storev1 "github.com/doorstep-dev/doorstep/proto/doorstep/store/v1"
	"github.com/doorstep-dev/doorstep/server/label/draw"
	"github.com/doorstep-dev/doorstep/server/label/sheet"
	"github.com/doorstep-dev/doorstep/sync/fault"
)

// Scales of a picture: pixels to a module, and dots to the millimetre of a label printer (203 dpi).
const (
	pngScale = 8
	zplDots  = 8
)

// Render draws labels as a file of that format and tells its media type. PNG and SVG hold one label, A4 sheets and ZPL
// any number. now is the date that a sheet bears. Errors: invalid_argument for several labels in one picture and for an
// unknown format.
func Render(
	labels []draw.Label, f storev1.Format, l sheet.Layout, now time.Time,
) (content []byte, mediaType string, err error) {
	if len(labels) != 1 && (f == storev1.Format_FORMAT_PNG || f == storev1.Format_FORMAT_SVG) {
		return nil, "", fault.New(fault.InvalidArgument, "a picture holds one code; ask for a sheet")
	}
	switch f {
	case storev1.Format_FORMAT_PNG:
		content, err = draw.PNG(labels[0], draw.Q, pngScale)
		return content, "image/png", err
	case storev1.Format_FORMAT_SVG:
		content, err = draw.SVG(labels[0], draw.Q)
		return content, "image/svg+xml", err
	case storev1.Format_FORMAT_PDF_A4:
		content, err = sheet.PDF(labels, l, sheet.Options{Now: now})
		return content, "application/pdf", err
	case storev1.Format_FORMAT_ZPL:
		var b bytes.Buffer
		for _, label := range labels {
			z, err := draw.ZPL(label, draw.Q, zplDots)
			if err != nil {
				return nil, "", err
			}
			b.WriteString(z)
		}
		return b.Bytes(), "application/zpl", nil
	default:
		return nil, "", fault.New(fault.InvalidArgument, "format")
	}
}
