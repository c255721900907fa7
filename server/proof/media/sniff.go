package media

import "github.com/doorstep-dev/doorstep/internal/picture"

// Type is the media type of a picture, by its bytes.
type Type = picture.Type

// The types that are accepted.
const (
	JPEG = picture.JPEG
	PNG  = picture.PNG
	WebP = picture.WebP
	HEIC = picture.HEIC
	AVIF = picture.AVIF
)

var pngMagic = []byte(picture.PNGMagic)

// Sniff tells the type by the first bytes and "" for anything that is not accepted.
func Sniff(b []byte) Type { return picture.Sniff(b) }
