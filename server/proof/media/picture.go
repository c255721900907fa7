package media

import (
	"bytes"
	"context"
	"errors"
	"image"
	"image/jpeg"
	"image/png"
	"io"

	"golang.org/x/image/webp"

	"github.com/doorstep-dev/doorstep/sync/fault"
)

// Picture is what is known of acceptable bytes, and what is made of them.
type Picture struct {
	Type Type
	// Width and Height are as coded, before the picture is turned the right way up.
	Width, Height int
	Facts         Facts
	// Cost is how many bytes of memory Copies takes for this picture, by its headers; 0 when there will be no copies.
	Cost int64
	// Thumbnail is a JPEG, right way up, at most ThumbnailEdge pixels long; nil when no decoder serves.
	Thumbnail []byte
	// Shared is a copy without metadata for those who may not see the original, of type SharedType; nil when
	// no decoder serves.
	Shared     []byte
	SharedType Type
	headers    size
}

// Examiner looks at pictures.
type Examiner struct {
	Limits Limits
	// DecodeHEIC turns a HEIC file into a JPEG, right way up and without metadata. It guards itself against
	// hostile bytes. Nil, or an error, leaves HEIC files with their original only.
	DecodeHEIC func(ctx context.Context, b []byte) ([]byte, error)
}

// Examine looks at the whole bytes of a file, and makes the copies.
func (x Examiner) Examine(ctx context.Context, b []byte) (Picture, error) {
	p, err := x.Look(b)
	if err != nil || p.Cost == 0 {
		return p, err
	}
	return x.Copies(ctx, p, b)
}

// Look reads what the headers tell of a file, given its whole bytes. It takes next to no memory. It returns a fault
// whose code says why the bytes are refused: ProofNotPicture, ProofTooManyPixels, ProofPictureBroken. A picture in a
// form that no decoder here serves, or that takes more memory than is given, is no reason: its original is good
// evidence without copies.
func (x Examiner) Look(b []byte) (Picture, error) {
	p := Picture{Type: Sniff(b)}
	if p.Type == "" {
		return p, fault.New(fault.ProofNotPicture, "")
	}
	s, exif, err := readHeaders(p.Type, b)
	if err != nil {
		return p, err
	}
	limits := x.Limits.withDefaults()
	if err := limits.check(s); err != nil {
		return p, err
	}
	p.Width, p.Height, p.Facts, p.headers = s.width, s.height, ReadExif(exif), s
	if p.Type == HEIC || p.Type == AVIF {
		p.Facts.Orientation = 1
	}
	if p.Type == AVIF || p.Type == HEIC && x.DecodeHEIC == nil {
		return p, nil
	}
	p.Cost = limits.cost(s, len(b))
	return p, nil
}

// Copies decodes a picture that Look has seen and adds thumbnail and shared copy, as far as a decoder serves. The fault
// ProofPictureBroken says that the bytes are damaged.
func (x Examiner) Copies(ctx context.Context, p Picture, b []byte) (Picture, error) {
	if p.Type == HEIC {
		return x.heic(ctx, p, b)
	}
	decoded, err := decode(p.Type, b, p.headers.endless)
	switch {
	case err != nil && foreign(p.Type, err) && !p.headers.endless:
		return p, nil
	case err != nil:
		return p, fault.Wrap(err, PictureBroken, "the picture cannot be decoded")
	}
	if p.Thumbnail, err = thumbnail(decoded, p.Facts.Orientation); err != nil {
		return p, err
	}
	p.Shared, p.SharedType = strip(p.Type, b, p.Facts.Orientation), p.Type
	return p, nil
}

// foreign tells of a decoder's error that it lies in the decoder, not in the bytes.
func foreign(t Type, err error) bool {
	var j jpeg.UnsupportedError
	var n png.UnsupportedError
	switch {
	case errors.As(err, &j):
		return j != "excessive DC component" // no such component was ever coded
	case errors.As(err, &n):
		return true
	}
	// This decoder does not say why. That the file is whole, its container has told.
	return t == WebP
}

func readHeaders(t Type, b []byte) (size, []byte, error) {
	switch t {
	case JPEG:
		return readJPEG(b)
	case PNG:
		return readPNG(b)
	case WebP:
		return readWebP(b)
	default:
		return readHEIF(b)
	}
}

// decode decodes, adding the mark of the end where it is left out.
func decode(t Type, b []byte, endless bool) (image.Image, error) {
	r := io.Reader(bytes.NewReader(b))
	if endless {
		r = io.MultiReader(r, bytes.NewReader(endMark(t)))
	}
	switch t {
	case JPEG:
		return jpeg.Decode(r)
	case PNG:
		return png.Decode(r)
	default:
		return webp.Decode(r)
	}
}

func endMark(t Type) []byte {
	if t == PNG {
		return appendChunk(nil, "IEND", nil)
	}
	return []byte{0xFF, 0xD9}
}

func strip(t Type, b []byte, orientation int) []byte {
	switch t {
	case JPEG:
		return stripJPEG(b, orientation)
	case PNG:
		return stripPNG(b, orientation)
	default:
		return stripWebP(b, orientation)
	}
}

// heic makes the copies of a HEIC file. That it is whole, its container has told: what its decoder does not know is
// kept as it is.
func (x Examiner) heic(ctx context.Context, p Picture, b []byte) (Picture, error) {
	shared, err := x.DecodeHEIC(ctx, b)
	if ctx.Err() != nil {
		return p, ctx.Err()
	}
	if err != nil {
		return p, nil //nolint:nilerr // without copies
	}
	decoded, err := jpeg.Decode(bytes.NewReader(shared))
	if err != nil {
		return p, err
	}
	p.Shared, p.SharedType = shared, JPEG
	p.Thumbnail, err = thumbnail(decoded, 1)
	return p, err
}
