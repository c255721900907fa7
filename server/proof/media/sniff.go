package media

import "bytes"

// Type is the media type of a picture, by its bytes.
type Type string

// The types that are accepted.
const (
	JPEG Type = "image/jpeg"
	PNG  Type = "image/png"
	WebP Type = "image/webp"
	HEIC Type = "image/heic"
)

var pngMagic = []byte("\x89PNG\r\n\x1a\n")

// Sniff tells the type by the first bytes (32 are enough) and "" for anything that is not accepted.
func Sniff(b []byte) Type {
	switch {
	case len(b) >= 3 && b[0] == 0xFF && b[1] == 0xD8 && b[2] == 0xFF:
		return JPEG
	case bytes.HasPrefix(b, pngMagic):
		return PNG
	case len(b) >= 16 && string(b[:4]) == "RIFF" && string(b[8:12]) == "WEBP":
		return WebP
	case len(b) >= 16 && string(b[4:8]) == "ftyp" && heifBrand(string(b[8:12])):
		return HEIC
	}
	return ""
}

// heifBrand knows the major brands of stills coded with HEVC, and the two that name only the container.
func heifBrand(brand string) bool {
	switch brand {
	case "heic", "heix", "heim", "heis", "mif1", "msf1":
		return true
	}
	return false
}

// Extension is the usual ending of a file of the type, with its dot.
func (t Type) Extension() string {
	switch t {
	case JPEG:
		return ".jpg"
	case PNG:
		return ".png"
	case WebP:
		return ".webp"
	case HEIC:
		return ".heic"
	}
	return ".bin"
}
