package media

import (
	"bytes"

	"github.com/doorstep-dev/doorstep/sync/fault"
)

const exifHeader = "Exif\x00\x00"

// segment is one marker segment of a JPEG; data is what stands behind the length.
type segment struct {
	marker byte
	data   []byte
	// whole is the segment with marker and length, and for a scan also its coded data.
	whole []byte
}

// walkJPEG gives the segments of the first picture in b in order, until its end marker or the end of the bytes,
// and tells whether the end marker came. What stands behind the end (more pictures, a film, a note) is not seen.
func walkJPEG(b []byte, see func(segment) error) (ended bool, err error) {
	for at := 2; ; {
		// Any number of fill bytes, and garbage that some cameras leave, stands before a marker.
		for at < len(b) && b[at] != 0xFF {
			at++
		}
		start := at
		for at < len(b) && b[at] == 0xFF {
			at++
		}
		if at >= len(b) {
			return false, nil
		}
		marker := b[at]
		at++
		switch {
		case marker == 0xD9:
			return true, nil
		case marker == 0 || marker == 1 || marker >= 0xD0 && marker <= 0xD8:
			continue // without a length: stuffing, restarts, a second beginning
		}
		if at+2 > len(b) {
			return false, nil
		}
		n := int(b[at])<<8 | int(b[at+1])
		if n < 2 || at+n > len(b) {
			return false, nil
		}
		s := segment{marker: marker, data: b[at+2 : at+n]}
		at += n
		if marker == 0xDA {
			at = endOfScan(b, at)
		}
		// One fill byte is enough.
		s.whole = b[start:at]
		if err := see(s); err != nil {
			return false, err
		}
	}
}

// endOfScan finds the next marker that is neither stuffing nor a restart.
func endOfScan(b []byte, at int) int {
	for {
		i := bytes.IndexByte(b[at:], 0xFF)
		if i < 0 || at+i+1 >= len(b) {
			return len(b)
		}
		at += i
		if next := b[at+1]; next != 0 && next != 0xFF && (next < 0xD0 || next > 0xD7) {
			return at
		}
		at++
	}
}

func isFrame(marker byte) bool {
	return marker >= 0xC0 && marker <= 0xCF && marker != 0xC4 && marker != 0xC8 && marker != 0xCC
}

// readJPEG reads size and EXIF from the headers.
func readJPEG(b []byte) (s size, exif []byte, err error) {
	frames := 0
	ended, err := walkJPEG(b, func(g segment) error {
		switch {
		case g.marker == 0xDA:
			s.scans++
		case isFrame(g.marker):
			if frames++; frames > 1 {
				return fault.New(PictureBroken, "two frames")
			}
			if len(g.data) < 6 || len(g.data) < 6+3*int(g.data[5]) {
				return fault.New(PictureBroken, "frame header")
			}
			s.height, s.width = int(g.data[1])<<8|int(g.data[2]), int(g.data[3])<<8|int(g.data[4])
			s.bytesPerPixel = jpegBytes(g)
			// Twelve bits, arithmetic coding, lossless, layers: nobody's phone takes such pictures, and no decoder here reads
			// them.
			s.unserved = g.data[0] != 8 || g.marker > 0xC2
		case g.marker == 0xDC && s.height == 0 && len(g.data) >= 2:
			// The number of lines is told behind the first scan.
			s.height, s.unserved = int(g.data[0])<<8|int(g.data[1]), true
		case g.marker == 0xE1 && exif == nil && len(g.data) > len(exifHeader) && string(g.data[:6]) == exifHeader:
			exif = g.data[6:]
		}
		return nil
	})
	if err == nil && frames == 0 {
		err = fault.New(PictureBroken, "no frame")
	}
	if err == nil && s.scans == 0 {
		err = fault.New(PictureBroken, "no picture data")
	}
	s.endless = !ended
	return s, exif, err
}

// jpegBytes estimates the decoder's memory a pixel: a byte a sample, four more where all coefficients are kept, and
// another picture where the colours are none that a screen shows.
func jpegBytes(frame segment) float64 {
	components := frame.data[6:]
	n := min(int(frame.data[5]), len(components)/3)
	widest, highest := 1, 1
	for i := range n {
		widest, highest = max(widest, int(components[3*i+1]>>4)), max(highest, int(components[3*i+1]&15))
	}
	samples := 0.0
	for i := range n {
		samples += float64(components[3*i+1]>>4) * float64(components[3*i+1]&15) / float64(widest*highest)
	}
	if n == 1 {
		samples = 1
	}
	bytes := samples
	if frame.marker == 0xC2 {
		bytes += 4 * samples
	}
	if n == 4 || n == 3 && components[0] == 'R' {
		bytes += 4
	}
	return bytes
}

// stripJPEG copies the coded picture bit for bit and of everything else only what showing it needs: tables,
// frame, scans, JFIF, Adobe's colour transform, the colour profile. A picture that must be turned keeps that
// one fact in an EXIF block of its own: turning the pixels would code them anew and lose quality.
func stripJPEG(b []byte, orientation int) []byte {
	out := make([]byte, 0, len(b)+64)
	out = append(out, 0xFF, 0xD8)
	turned := orientation == 1
	turn := func() {
		if turned {
			return
		}
		turned = true
		exif := append([]byte(exifHeader), orientationOnly(orientation)...)
		n := len(exif) + 2
		out = append(append(out, 0xFF, 0xE1, byte(n>>8), byte(n)), exif...)
	}
	_, _ = walkJPEG(b, func(g segment) error {
		switch {
		case g.marker == 0xE0 && bytes.HasPrefix(g.data, []byte("JFIF\x00")) && len(g.data) >= 14:
			// Without the little picture that it may hold.
			out = append(out, 0xFF, 0xE0, 0, 16)
			out = append(out, g.data[:12]...)
			out = append(out, 0, 0)
			turn()
			return nil
		case g.marker == 0xE2 && bytes.HasPrefix(g.data, []byte("ICC_PROFILE\x00")),
			g.marker == 0xEE && bytes.HasPrefix(g.data, []byte("Adobe")):
		case g.marker >= 0xE0 && g.marker <= 0xEF, g.marker == 0xFE:
			return nil
		}
		turn()
		out = append(out, g.whole...)
		return nil
	})
	return append(out, 0xFF, 0xD9)
}
