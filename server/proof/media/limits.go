package media

import "github.com/doorstep-dev/doorstep/sync/fault"

// Limits bound what a decoder may be asked for. The zero value takes the defaults.
type Limits struct {
	// Pixels is the greatest width × height; a picture with more is refused. Default 100 million.
	Pixels int64
	// Memory is the greatest estimate, in bytes, of what decoding takes; a picture that takes more is kept without
	// copies. Default 480 MiB: a 100-megapixel baseline JPEG of any sampling, or a 64-megapixel progressive one (all
	// its coefficients are kept) at 4:2:0.
	Memory int64
	// Scans is the greatest number of scans of a progressive JPEG; a picture with more is refused: each is a walk over
	// the whole picture, so a small file with thousands of empty scans would keep a processor busy for hours. Default
	// 32; encoders use 10.
	Scans int
}

func (l Limits) withDefaults() Limits {
	if l.Pixels == 0 {
		l.Pixels = 100_000_000
	}
	if l.Memory == 0 {
		l.Memory = 480 << 20
	}
	if l.Scans == 0 {
		l.Scans = 32
	}
	return l
}

// size is what the headers promise.
type size struct {
	width, height int
	// bytesPerPixel estimates what the decoder allocates.
	bytesPerPixel float64
	scans         int
	// unserved tells that our decoders do not know this form of the picture.
	unserved bool
	// endless tells that the mark of the end is not there. Some phones and apps leave it out.
	endless bool
	// cut tells that the bytes end within something that names its own length.
	cut bool
}

func (l Limits) check(s size) error {
	switch pixels := int64(s.width) * int64(s.height); {
	case s.cut:
		return fault.New(PictureBroken, "cut off")
	case s.width <= 0 || s.height <= 0:
		return fault.New(PictureBroken, "no width or height")
	case pixels > l.Pixels:
		return fault.New(TooManyPixels, "%d × %d", s.width, s.height)
	case s.scans > l.Scans:
		return fault.New(TooManyPixels, "%d scans", s.scans)
	case s.unserved && s.endless:
		// Only its end mark could tell that all of it is there.
		return fault.New(PictureBroken, "no end")
	}
	return nil
}

// cost is how many bytes it takes to decode the picture and to make its copies, where decoding takes no more than the
// limit; else 0.
func (l Limits) cost(s size, coded int) int64 {
	decoding := int64(float64(s.width) * float64(s.height) * s.bytesPerPixel)
	if s.unserved || decoding > l.Memory {
		return 0
	}
	// The shared copy is about as long as the original.
	return decoding + int64(coded) + int64(s.width)*4 + thumbnailCost
}
