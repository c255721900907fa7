// Package picture tells which kind of picture bytes are, by their beginning. Server and Go client share it; the other
// clients do the same by the same vectors, sync/conformance/vectors/picture.json.
package picture

import (
	"bytes"
	"encoding/binary"
)

// Type is the media type of a picture, by its bytes.
type Type string

// The types that are accepted.
const (
	JPEG Type = "image/jpeg"
	PNG  Type = "image/png"
	WebP Type = "image/webp"
	HEIC Type = "image/heic"
	AVIF Type = "image/avif"
)

// Head is how many of the first bytes Sniff looks at.
const Head = 512

// PNGMagic is what every PNG begins with.
const PNGMagic = "\x89PNG\r\n\x1a\n"

// Sniff tells the type by the first Head bytes, or by all when there are fewer, and "" for anything that is not
// accepted.
func Sniff(b []byte) Type {
	b = b[:min(len(b), Head)]
	switch {
	case len(b) >= 3 && b[0] == 0xFF && b[1] == 0xD8 && b[2] == 0xFF:
		return JPEG
	case bytes.HasPrefix(b, []byte(PNGMagic)):
		return PNG
	case len(b) >= 16 && string(b[:4]) == "RIFF" && string(b[8:12]) == "WEBP":
		return WebP
	case len(b) >= 16 && string(b[4:8]) == "ftyp":
		return sniffBrands(b)
	}
	return ""
}

// sniffBrands reads the box at the beginning of the files that share MP4's container: its major brand, a version, and
// the brands that the file is compatible with. Some brands name only the container: then the first other one says what
// is in it.
func sniffBrands(b []byte) Type {
	if t, known := brand(string(b[8:12])); t != "" || !known {
		return t
	}
	end := min(uint64(len(b)), uint64(binary.BigEndian.Uint32(b)))
	for at := uint64(16); at+4 <= end; at += 4 {
		if t, _ := brand(string(b[at : at+4])); t != "" {
			return t
		}
	}
	return HEIC
}

// brand gives the type that a brand stands for; "" and true for one that names only the container of stills.
func brand(b string) (t Type, known bool) {
	switch b {
	case "heic", "heix", "heim", "heis", "hevc", "hevx", "hevm", "hevs":
		return HEIC, true
	case "avif", "avis":
		return AVIF, true
	case "mif1", "mif2", "msf1", "miaf":
		return "", true
	}
	return "", false
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
	case AVIF:
		return ".avif"
	}
	return ".bin"
}
