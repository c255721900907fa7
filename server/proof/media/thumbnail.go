package media

import (
	"bytes"
	"image"
	"image/jpeg"

	"golang.org/x/image/draw"
)

// ThumbnailEdge is the greatest width and height of a thumbnail in pixels.
const ThumbnailEdge = 512

const thumbnailQuality = 80

// thumbnailCost is how many bytes it takes at most to make a thumbnail, besides one line of the picture: the reduced
// picture, and the scaler's room.
const thumbnailCost = 24 << 20

func thumbnail(src image.Image, orientation int) ([]byte, error) {
	return encode(turn(fit(src, ThumbnailEdge), orientation), thumbnailQuality)
}

// Shrink codes a decoded picture as a JPEG whose longer edge is at most edge pixels.
func Shrink(src image.Image, edge int) ([]byte, error) {
	return encode(fit(src, edge), 85)
}

func encode(m image.Image, quality int) ([]byte, error) {
	var out bytes.Buffer
	if err := jpeg.Encode(&out, m, &jpeg.Options{Quality: quality}); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// fit scales a picture down to the edge; a smaller one stays as it is. What is transparent becomes white.
func fit(src image.Image, edge int) *image.RGBA {
	w, h := src.Bounds().Dx(), src.Bounds().Dy()
	long := max(w, h)
	if long > edge {
		w, h = max(1, w*edge/long), max(1, h*edge/long)
	}
	if k := (long + 2*edge - 1) / (2 * edge); k > 1 {
		src = reduce(src, k)
	}
	dst := image.NewRGBA(image.Rect(0, 0, w, h))
	draw.Draw(dst, dst.Bounds(), image.White, image.Point{}, draw.Src)
	draw.CatmullRom.Scale(dst, dst.Bounds(), src, src.Bounds(), draw.Over, nil)
	return dst
}

// reduce makes one pixel of every k × k. The good scaler needs room for the whole height of a picture; this needs one
// line.
func reduce(src image.Image, k int) *image.RGBA {
	from := src.Bounds()
	dst := image.NewRGBA(image.Rect(0, 0, (from.Dx()+k-1)/k, (from.Dy()+k-1)/k))
	line := image.NewRGBA(image.Rect(0, 0, from.Dx(), 1))
	sums := make([]uint64, 4*dst.Rect.Dx())
	for y := range dst.Rect.Dy() {
		clear(sums)
		rows := min(k, from.Dy()-y*k)
		for row := range rows {
			draw.Draw(line, line.Rect, image.White, image.Point{}, draw.Src)
			draw.Draw(line, line.Rect, src, image.Pt(from.Min.X, from.Min.Y+y*k+row), draw.Over)
			for x := range from.Dx() {
				for c := range 4 {
					sums[x/k*4+c] += uint64(line.Pix[x*4+c])
				}
			}
		}
		for x := range dst.Rect.Dx() {
			n := uint64(rows * min(k, from.Dx()-x*k))
			for c := range 4 {
				dst.Pix[dst.PixOffset(x, y)+c] = uint8((sums[x*4+c] + n/2) / n)
			}
		}
	}
	return dst
}

// turn gives the picture as a person should see it, by the EXIF orientation that it was stored with.
func turn(m *image.RGBA, orientation int) *image.RGBA {
	if orientation <= 1 || orientation > 8 {
		return m
	}
	w, h := m.Rect.Dx(), m.Rect.Dy()
	dst := image.NewRGBA(image.Rect(0, 0, w, h))
	if orientation >= 5 {
		dst = image.NewRGBA(image.Rect(0, 0, h, w))
	}
	for y := range dst.Rect.Dy() {
		for x := range dst.Rect.Dx() {
			sx, sy := source(orientation, x, y, w, h)
			copy(dst.Pix[dst.PixOffset(x, y):][:4], m.Pix[m.PixOffset(sx, sy):][:4])
		}
	}
	return dst
}

// source tells which stored pixel is seen at x, y; w and h are of the stored picture.
func source(orientation, x, y, w, h int) (sx, sy int) {
	switch orientation {
	case 2:
		return w - 1 - x, y
	case 3:
		return w - 1 - x, h - 1 - y
	case 4:
		return x, h - 1 - y
	case 5:
		return y, x
	case 6:
		return y, h - 1 - x
	case 7:
		return w - 1 - y, h - 1 - x
	default: // 8
		return w - 1 - y, x
	}
}
