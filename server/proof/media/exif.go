package media

import (
	"encoding/binary"
	"math"
	"strings"
	"time"
)

// Facts is what a picture's metadata tells, as far as it is believable.
type Facts struct {
	// Orientation is 1 to 8 as in EXIF; 1 when unknown.
	Orientation int
	// Position is where it was taken; nil when unknown.
	Position *Position
	// Taken is when, by the camera's clock; zero when unknown.
	Taken time.Time
	// TakenZone tells that Taken has a known offset from UTC (from an offset tag or from the satellites). Without
	// it Taken is the camera's wall clock, written as if it were UTC.
	TakenZone bool
}

// Position is a point on WGS 84, in degrees.
type Position struct {
	Latitude, Longitude float64
	// AccuracyM is the radius in metres that the camera claims; 0 when unknown.
	AccuracyM float64
}

// The tags that are read; all else is passed over unread.
const (
	tagOrientation      = 0x0112
	tagDateTime         = 0x0132
	tagExifIFD          = 0x8769
	tagGPSIFD           = 0x8825
	tagDateTimeOriginal = 0x9003
	tagOffsetTime       = 0x9010
	tagOffsetOriginal   = 0x9011
	tagLatitudeRef      = 0x0001
	tagLatitude         = 0x0002
	tagLongitudeRef     = 0x0003
	tagLongitude        = 0x0004
	tagGPSTime          = 0x0007
	tagGPSDate          = 0x001D
	tagGPSError         = 0x001F
)

const (
	// maxEntries bounds the entries read of one directory; cameras write some 60.
	maxEntries = 512
	// maxText bounds the text values that are read.
	maxText = 64
)

// ReadExif reads the TIFF structure of an EXIF block, b beginning with its byte-order mark. At most three
// directories are read, each once: no chain is followed, so there is nothing to loop in. What is broken or not
// believable is passed over; a wholly broken block gives Facts that know nothing.
func ReadExif(b []byte) Facts {
	f := Facts{Orientation: 1}
	t, first, ok := openTIFF(b)
	if !ok {
		return f
	}
	root := t.directory(first)
	if o, ok := root.number(tagOrientation); ok && o >= 1 && o <= 8 {
		f.Orientation = int(o)
	}
	var photo directory
	if at, ok := root.number(tagExifIFD); ok {
		photo = t.directory(at)
	}
	if at, ok := root.number(tagGPSIFD); ok {
		gps := t.directory(at)
		f.Position = gps.position()
		if taken, ok := gps.satelliteTime(); ok {
			f.Taken, f.TakenZone = taken, true
		}
	}
	if taken, zone, ok := photo.taken(root); ok && (zone || f.Taken.IsZero()) {
		f.Taken, f.TakenZone = taken, zone
	}
	return f
}

// tiff is an EXIF block; all offsets count from its beginning.
type tiff struct {
	b     []byte
	order binary.ByteOrder
}

func openTIFF(b []byte) (t tiff, first uint32, ok bool) {
	if len(b) < 8 {
		return t, 0, false
	}
	switch string(b[:4]) {
	case "II*\x00":
		t.order = binary.LittleEndian
	case "MM\x00*":
		t.order = binary.BigEndian
	default:
		return t, 0, false
	}
	t.b = b
	return t, t.order.Uint32(b[4:]), true
}

// field is one entry of a directory; data are its bytes, wherever they stand.
type field struct {
	kind  uint16
	count uint32
	data  []byte
}

type directory struct {
	tiff
	fields map[uint16]field
}

var wanted = map[uint16]bool{
	tagOrientation: true, tagDateTime: true, tagExifIFD: true, tagGPSIFD: true, tagDateTimeOriginal: true,
	tagOffsetTime: true, tagOffsetOriginal: true, tagLatitudeRef: true, tagLatitude: true, tagLongitudeRef: true,
	tagLongitude: true, tagGPSTime: true, tagGPSDate: true, tagGPSError: true,
}

// widths are the bytes of one value, by the type's number.
var widths = [...]uint64{1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8}

func (t tiff) directory(at uint32) directory {
	d := directory{tiff: t, fields: map[uint16]field{}}
	start := uint64(at)
	if start+2 > uint64(len(t.b)) {
		return d
	}
	entries := min(int(t.order.Uint16(t.b[start:])), maxEntries)
	for i := range entries {
		e := start + 2 + uint64(i)*12
		if e+12 > uint64(len(t.b)) {
			break
		}
		tag := t.order.Uint16(t.b[e:])
		if _, seen := d.fields[tag]; seen || !wanted[tag] {
			continue
		}
		f := field{kind: t.order.Uint16(t.b[e+2:]), count: t.order.Uint32(t.b[e+4:])}
		if int(f.kind) >= len(widths) || widths[f.kind] == 0 {
			continue
		}
		n := widths[f.kind] * uint64(f.count)
		from := e + 8
		if n > 4 {
			from = uint64(t.order.Uint32(t.b[e+8:]))
		}
		if from+n > uint64(len(t.b)) {
			continue
		}
		f.data = t.b[from : from+n]
		d.fields[tag] = f
	}
	return d
}

// number is the first value of an unsigned integer field.
func (d directory) number(tag uint16) (uint32, bool) {
	f, ok := d.fields[tag]
	switch {
	case !ok || f.count == 0:
		return 0, false
	case f.kind == 1:
		return uint32(f.data[0]), true
	case f.kind == 3:
		return uint32(d.order.Uint16(f.data)), true
	case f.kind == 4 || f.kind == 13:
		return d.order.Uint32(f.data), true
	}
	return 0, false
}

// text is a string field without its padding; "" when there is none or it is not plain ASCII.
func (d directory) text(tag uint16) string {
	f := d.fields[tag]
	if f.kind != 2 && f.kind != 7 || len(f.data) > maxText {
		return ""
	}
	s, _, _ := strings.Cut(string(f.data), "\x00")
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return ""
		}
	}
	return strings.TrimSpace(s)
}

// rationals are the n values of a field of unsigned rationals. A value 0/0, which cameras write for "none", is 0.
func (d directory) rationals(tag uint16, n int) ([]float64, bool) {
	f := d.fields[tag]
	if f.kind != 5 || f.count != uint32(n) {
		return nil, false
	}
	out := make([]float64, n)
	for i := range out {
		over, under := d.order.Uint32(f.data[i*8:]), d.order.Uint32(f.data[i*8+4:])
		if under == 0 {
			if over != 0 || i == 0 {
				return nil, false
			}
			continue
		}
		out[i] = float64(over) / float64(under)
	}
	return out, true
}

func (d directory) position() *Position {
	latitude, ok := d.degrees(tagLatitude, tagLatitudeRef, "N", "S", 90)
	if !ok {
		return nil
	}
	longitude, ok := d.degrees(tagLongitude, tagLongitudeRef, "E", "W", 180)
	// Exactly 0, 0 is what phones write before they know.
	if !ok || (latitude == 0 && longitude == 0) {
		return nil
	}
	p := &Position{Latitude: latitude, Longitude: longitude}
	if r, ok := d.rationals(tagGPSError, 1); ok && r[0] <= 1e6 {
		p.AccuracyM = r[0]
	}
	return p
}

func (d directory) degrees(tag, refTag uint16, positive, negative string, limit float64) (float64, bool) {
	r, ok := d.rationals(tag, 3)
	if !ok || r[1] >= 60 && r[0] != math.Trunc(r[0]) || r[1] > 60 || r[2] > 60 {
		return 0, false
	}
	v := r[0] + r[1]/60 + r[2]/3600
	if v > limit {
		return 0, false
	}
	switch d.text(refTag) {
	case positive:
		return v, true
	case negative:
		return -v, true
	}
	return 0, false
}

// earliest is older than any phone's camera; before it a clock was never set.
var earliest = time.Date(1990, 1, 1, 0, 0, 0, 0, time.UTC)

func (d directory) satelliteTime() (time.Time, bool) {
	day, err := time.Parse("2006:01:02", d.text(tagGPSDate))
	r, ok := d.rationals(tagGPSTime, 3)
	if err != nil || !ok || r[0] >= 24 || r[1] >= 60 || r[2] >= 61 || day.Before(earliest) {
		return time.Time{}, false
	}
	return day.Add(time.Duration((r[0]*3600 + r[1]*60 + r[2]) * float64(time.Second))).Truncate(time.Millisecond), true
}

// taken is when the shutter opened by the camera's clock, with the zone if the camera wrote it.
func (d directory) taken(root directory) (at time.Time, zone, ok bool) {
	s := d.text(tagDateTimeOriginal)
	if s == "" {
		s = root.text(tagDateTime)
	}
	at, err := time.Parse("2006:01:02 15:04:05", s)
	if err != nil || at.Before(earliest) {
		return time.Time{}, false, false
	}
	offset := d.text(tagOffsetOriginal)
	if offset == "" {
		offset = d.text(tagOffsetTime)
	}
	if z, err := time.Parse("2006:01:02 15:04:05-07:00", s+offset); err == nil {
		return z.UTC(), true, true
	}
	return at, false, true
}

// orientationOnly is a whole EXIF block that tells the orientation and nothing else.
func orientationOnly(orientation int) []byte {
	b := []byte("MM\x00*\x00\x00\x00\x08\x00\x01\x01\x12\x00\x03\x00\x00\x00\x01")
	b = append(b, 0, byte(orientation), 0, 0)
	return append(b, 0, 0, 0, 0)
}
