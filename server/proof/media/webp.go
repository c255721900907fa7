package media

import (
	"bytes"
	"encoding/binary"

	"golang.org/x/image/webp"

	"github.com/doorstep-dev/doorstep/sync/fault"
)

// walkWebP gives the chunks in order; whole includes header and padding.
func walkWebP(b []byte, see func(kind string, data, whole []byte)) {
	for at := 12; at+8 <= len(b); {
		n := uint64(binary.LittleEndian.Uint32(b[at+4:]))
		if n > uint64(len(b)-at-8) {
			return
		}
		end := at + 8 + int(n)
		padded := min(end+int(n&1), len(b))
		see(string(b[at:at+4]), b[at+8:end], b[at:padded])
		at = padded
	}
}

func readWebP(b []byte) (s size, exif []byte, err error) {
	// One byte of padding may be left out at the end.
	s.cut = len(b) < 12 || uint64(binary.LittleEndian.Uint32(b[4:])) > uint64(len(b)-7)
	walkWebP(b, func(kind string, data, _ []byte) {
		switch kind {
		case "VP8X":
			if len(data) >= 10 {
				s.width, s.height = 1+little24(data[4:]), 1+little24(data[7:])
			}
		case "EXIF":
			if exif == nil {
				exif = bytes.TrimPrefix(data, []byte(exifHeader))
			}
		case "ANIM", "ANMF":
			s.unserved = true // it moves
		}
	})
	// Lossless pictures take four bytes a pixel and as much again while they are put together.
	s.bytesPerPixel = 8
	c, err := webp.DecodeConfig(bytes.NewReader(b))
	switch {
	case err == nil:
		s.width, s.height = c.Width, c.Height
	case s.width > 0 && !s.cut:
		s.unserved = true
	default:
		return s, nil, fault.Wrap(err, PictureBroken, "headers")
	}
	return s, exif, nil
}

func little24(b []byte) int { return int(b[0]) | int(b[1])<<8 | int(b[2])<<16 }

// The flags of a VP8X header that announce EXIF and XMP.
const (
	webpExif = 0x08
	webpXMP  = 0x04
)

// stripWebP keeps picture, transparency and colour profile, and the orientation if there is one.
func stripWebP(b []byte, orientation int) []byte {
	out := append(make([]byte, 0, len(b)+64), "RIFF\x00\x00\x00\x00WEBP"...)
	extended := false
	walkWebP(b, func(kind string, _, whole []byte) {
		switch kind {
		case "VP8X":
			extended = true
			at := len(out)
			out = append(out, whole...)
			if len(whole) > 8 {
				out[at+8] &^= webpExif | webpXMP
				if orientation != 1 {
					out[at+8] |= webpExif
				}
			}
		case "VP8 ", "VP8L", "ALPH", "ICCP":
			out = append(out, whole...)
		}
	})
	if extended && orientation != 1 {
		exif := orientationOnly(orientation)
		out = append(binary.LittleEndian.AppendUint32(append(out, "EXIF"...), uint32(len(exif))), exif...)
	}
	binary.LittleEndian.PutUint32(out[4:], uint32(len(out)-8))
	return out
}
