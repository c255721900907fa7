package heic

import "image"

// The decoder's words for colour spaces and their sampling.
const (
	spaceYCbCr = 0
	spaceRGB   = 1
	spaceGrey  = 2
	chroma420  = 1
	chroma422  = 2
	chroma444  = 3
)

// maxEdge bounds what the headers may promise before anything is allocated for it.
const maxEdge = 1 << 15

// aligned is the length of a row in the decoder's planes.
func aligned(n int) int { return (n + 15) &^ 15 }

// layout says how many bytes the decoder writes for a picture and how to see them as an image.
func layout(width, height, space, chroma int) (see func([]byte) image.Image, n int, err error) {
	if width < 1 || height < 1 || width > maxEdge || height > maxEdge {
		return nil, 0, errBroken
	}
	rect := image.Rect(0, 0, width, height)
	switch space {
	case spaceGrey:
		stride := aligned(width)
		return func(p []byte) image.Image { return &image.Gray{Pix: p, Stride: stride, Rect: rect} }, stride * height, nil
	case spaceRGB:
		stride := aligned(width * 4)
		return func(p []byte) image.Image { return &image.NRGBA{Pix: p, Stride: stride, Rect: rect} }, stride * height, nil
	case spaceYCbCr:
	default:
		return nil, 0, errBroken
	}
	ratio, cw, ch := image.YCbCrSubsampleRatio444, width, height
	switch chroma {
	case chroma420:
		ratio, cw, ch = image.YCbCrSubsampleRatio420, (width+1)/2, (height+1)/2
	case chroma422:
		ratio, cw = image.YCbCrSubsampleRatio422, (width+1)/2
	case chroma444:
	default:
		return nil, 0, errBroken
	}
	row, half := aligned(width), aligned(cw)
	y, c := row*height, half*ch
	return func(p []byte) image.Image {
		return &image.YCbCr{
			Y: p[:y:y], Cb: p[y : y+c : y+c], Cr: p[y+c : y+2*c : y+2*c],
			YStride: row, CStride: half, SubsampleRatio: ratio, Rect: rect,
		}
	}, y + 2*c, nil
}
