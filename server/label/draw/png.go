package draw

import (
	"bytes"
	"image"
	"image/color"
	stddraw "image/draw"
	"image/png"

	"golang.org/x/image/font"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/math/fixed"

	"github.com/doorstep-dev/doorstep/server/label/typeface"
	"github.com/doorstep-dev/doorstep/sync/fault"
)

// PNG draws the symbol with scale pixels to a module (1 to 40), the human code beneath it.
func PNG(l Label, level Level, scale int) ([]byte, error) {
	img, err := picture(l, level, scale)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	if err := (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&b, img); err != nil {
		return nil, fault.Wrap(err, fault.Internal, "")
	}
	return b.Bytes(), nil
}

func picture(l Label, level Level, scale int) (*image.Gray, error) {
	if scale < 1 || scale > 40 {
		return nil, fault.New(fault.InvalidArgument, "1 to 40 pixels to a module, not %d", scale)
	}
	s, err := NewSymbol(l.Content, level)
	if err != nil {
		return nil, err
	}
	side := (len(s) + 2*QuietZone) * scale
	below := 0
	if l.Human != "" {
		below = side / 8
	}
	img := image.NewGray(image.Rect(0, 0, side, side+below))
	stddraw.Draw(img, img.Bounds(), image.White, image.Point{}, stddraw.Src)
	s.Runs(func(x, y, n int) {
		x, y = x+QuietZone, y+QuietZone
		r := image.Rect(x*scale, y*scale, (x+n)*scale, (y+1)*scale)
		stddraw.Draw(img, r, image.Black, image.Point{}, stddraw.Src)
	})
	if l.Human != "" {
		// The words keep clear of the quiet zone: they begin where it ends.
		if err := write(img, l.Human, float64(below)*0.72, side, below); err != nil {
			return nil, err
		}
	}
	return img, nil
}

// write sets one centred line of the given height into the strip that begins at top.
func write(img *image.Gray, text string, size float64, top, height int) error {
	face, err := opentype.NewFace(typeface.Font(), &opentype.FaceOptions{Size: size, DPI: 72, Hinting: font.HintingNone})
	if err != nil {
		return fault.Wrap(err, fault.Internal, "")
	}
	defer face.Close()
	d := font.Drawer{Dst: img, Src: image.NewUniform(color.Gray{}), Face: face}
	width := d.MeasureString(text)
	d.Dot = fixed.Point26_6{
		X: (fixed.I(img.Bounds().Dx()) - width) / 2,
		Y: fixed.I(top) + fixed.I(height)*13/20,
	}
	d.DrawString(text)
	return nil
}
