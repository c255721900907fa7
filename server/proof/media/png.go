package media

import (
	"encoding/binary"
	"hash/crc32"

	"github.com/doorstep-dev/doorstep/sync/fault"
)

// walkPNG gives the chunks in order until IEND or the end of the bytes; whole includes length and checksum. It tells
// whether IEND came, and whether the bytes end within a chunk.
func walkPNG(b []byte, see func(kind string, data, whole []byte)) (ended, cut bool) {
	at := len(pngMagic)
	for at+12 <= len(b) {
		n := uint64(binary.BigEndian.Uint32(b[at:]))
		if n > uint64(len(b)-at-12) {
			return false, true
		}
		end := at + 12 + int(n)
		kind := string(b[at+4 : at+8])
		see(kind, b[at+8:end-4], b[at:end])
		if kind == "IEND" {
			return true, false
		}
		at = end
	}
	return false, at < len(b)
}

func readPNG(b []byte) (s size, exif []byte, err error) {
	first := true
	ended, cut := walkPNG(b, func(kind string, data, _ []byte) {
		switch {
		case first && kind == "IHDR" && len(data) == 13:
			w, h := binary.BigEndian.Uint32(data), binary.BigEndian.Uint32(data[4:])
			if w <= 1<<24 && h <= 1<<24 {
				s.width, s.height = int(w), int(h)
			}
			s.bytesPerPixel = 4
			if data[8] == 16 {
				s.bytesPerPixel = 8
			}
			if data[12] != 0 { // each pass of an interlaced picture is an image of its own
				s.bytesPerPixel *= 2
			}
		case kind == "eXIf" && exif == nil:
			exif = data
		}
		first = false
	})
	if s.width == 0 || s.height == 0 {
		err = fault.New(PictureBroken, "no width or height")
	}
	s.endless, s.cut = !ended, cut
	return s, exif, err
}

// stripPNG keeps the chunks that showing the picture needs, and the orientation if there is one.
func stripPNG(b []byte, orientation int) []byte {
	out := append(make([]byte, 0, len(b)+64), pngMagic...)
	ended, _ := walkPNG(b, func(kind string, _, whole []byte) {
		switch kind {
		case "IHDR":
			out = append(out, whole...)
			if orientation != 1 {
				out = appendChunk(out, "eXIf", orientationOnly(orientation))
			}
		case "PLTE", "IDAT", "IEND", "tRNS", "gAMA", "cHRM", "sRGB", "iCCP", "sBIT", "cICP":
			out = append(out, whole...)
		}
	})
	if !ended {
		out = append(out, endMark(PNG)...)
	}
	return out
}

func appendChunk(out []byte, kind string, data []byte) []byte {
	out = binary.BigEndian.AppendUint32(out, uint32(len(data)))
	start := len(out)
	out = append(append(out, kind...), data...)
	return binary.BigEndian.AppendUint32(out, crc32.ChecksumIEEE(out[start:]))
}
