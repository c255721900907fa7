package media

import (
	"bytes"
	"context"
	"image"
	"image/jpeg"
	"image/png"

	"golang.org/x/image/webp"

	"github.com/doorstep-dev/doorstep/internal/fault"
)

// Picture is what is known of acceptable bytes, and what is made of them.
type Picture struct {
	Type Type
	// Width and Height are as coded, before the picture is turned the right way up.
	Width, Height int
	Facts         Facts
	// Thumbnail is a JPEG, right way up, at most ThumbnailEdge pixels long; nil when no decoder serves.
	Thumbnail []byte
	// Shared is a copy without metadata for those who may not see the original, of type SharedType; nil when
	// none can be made (HEIC without a decoder).
	Shared     []byte
	SharedType Type
}

// Examiner looks at pictures.
type Examiner struct {
	Limits Limits
	// DecodeHEIC turns a HEIC file into a JPEG, right way up and without metadata. It guards itself against
	// hostile bytes. Nil, or an error of the kind Unavailable, leaves HEIC files with their original only.
	DecodeHEIC func(ctx context.Context, b []byte) ([]byte, error)
}

// Examine looks at the whole bytes of a file that was announced as the given type. It returns a fault whose code
// says why the bytes are refused: ProofNotPicture, ProofTypeDiffers, ProofTooManyPixels, ProofPictureBroken.
func (x Examiner) Examine(ctx context.Context, b []byte, announced Type) (Picture, error) {
	p := Picture{Type: Sniff(b)}
	switch {
	case p.Type == "":
		return p, fault.New(fault.ProofNotPicture, "")
	case announced != p.Type:
		return p, fault.New(fault.ProofTypeDiffers, "announced %s, is %s", announced, p.Type)
	}
	s, exif, err := readHeaders(p.Type, b)
	if err != nil {
		return p, err
	}
	if err := x.Limits.withDefaults().check(s); err != nil {
		return p, err
	}
	p.Width, p.Height, p.Facts = s.width, s.height, ReadExif(exif)
	if p.Type == HEIC {
		p.Facts.Orientation = 1
		return x.heic(ctx, p, b)
	}
	decoded, err := decode(p.Type, b)
	if err != nil {
		return p, fault.Wrap(err, fault.ProofPictureBroken, "the picture cannot be decoded")
	}
	if p.Thumbnail, err = thumbnail(decoded, p.Facts.Orientation); err != nil {
		return p, err
	}
	p.Shared, p.SharedType = strip(p.Type, b, p.Facts.Orientation), p.Type
	return p, nil
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

func decode(t Type, b []byte) (image.Image, error) {
	r := bytes.NewReader(b)
	switch t {
	case JPEG:
		return jpeg.Decode(r)
	case PNG:
		return png.Decode(r)
	default:
		return webp.Decode(r)
	}
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

func (x Examiner) heic(ctx context.Context, p Picture, b []byte) (Picture, error) {
	if x.DecodeHEIC == nil {
		return p, nil
	}
	shared, err := x.DecodeHEIC(ctx, b)
	switch {
	case ctx.Err() != nil:
		return p, ctx.Err()
	case fault.CodeOf(err) == fault.Unavailable:
		return p, nil
	case err != nil:
		return p, fault.Wrap(err, fault.ProofPictureBroken, "the picture cannot be decoded")
	}
	decoded, err := jpeg.Decode(bytes.NewReader(shared))
	if err != nil {
		return p, err
	}
	p.Shared, p.SharedType = shared, JPEG
	p.Thumbnail, err = thumbnail(decoded, 1)
	return p, err
}
