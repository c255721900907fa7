package media_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"hash/crc32"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"testing"
	"time"

	"github.com/doorstep-dev/doorstep/server/proof/media"
	"github.com/doorstep-dev/doorstep/sync/fault"
)

// corner is white but for a red block in its top left corner.
func corner(w, h int) *image.RGBA {
	m := image.NewRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			c := color.RGBA{255, 255, 255, 255}
			if x < w/4 && y < h/4 {
				c = color.RGBA{255, 0, 0, 255}
			}
			m.Set(x, y, c)
		}
	}
	return m
}

func jpegOf(t testing.TB, m image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, m, nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func pngOf(t testing.TB, m image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// withExif puts an EXIF block, and a comment with a secret, behind a JPEG's beginning.
func withExif(b, tiff []byte) []byte {
	body := append([]byte("Exif\x00\x00"), tiff...)
	n := len(body) + 2
	out := append([]byte{0xFF, 0xD8, 0xFF, 0xE1, byte(n >> 8), byte(n)}, body...)
	out = append(out, "\xFF\xFE\x00\x08secret"...)
	return append(out, b[2:]...)
}

type entry struct {
	tag, kind uint16
	count     uint32
	value     uint32
}

// tiff writes one directory at offset 8.
func tiff(entries ...entry) []byte {
	b := []byte("II*\x00\x08\x00\x00\x00")
	b = binary.LittleEndian.AppendUint16(b, uint16(len(entries)))
	for _, e := range entries {
		b = binary.LittleEndian.AppendUint16(b, e.tag)
		b = binary.LittleEndian.AppendUint16(b, e.kind)
		b = binary.LittleEndian.AppendUint32(b, e.count)
		b = binary.LittleEndian.AppendUint32(b, e.value)
	}
	return append(b, 8, 0, 0, 0) // the next directory is this one again
}

func TestOrientationIsAppliedToThumbnailsAndKeptInSharedCopies(t *testing.T) {
	t.Parallel()
	// Where the stored top left corner is seen: right, bottom.
	where := map[uint32][2]bool{
		1: {false, false}, 2: {true, false}, 3: {true, true}, 4: {false, true},
		5: {false, false}, 6: {true, false}, 7: {true, true}, 8: {false, true},
	}
	for orientation, at := range where {
		b := withExif(jpegOf(t, corner(80, 40)), tiff(entry{0x112, 3, 1, orientation}))
		p, err := media.Examiner{}.Examine(t.Context(), b)
		if err != nil {
			t.Fatal(err)
		}
		m, err := jpeg.Decode(bytes.NewReader(p.Thumbnail))
		if err != nil {
			t.Fatal(err)
		}
		w, h := m.Bounds().Dx(), m.Bounds().Dy()
		if (orientation >= 5) != (h > w) {
			t.Errorf("orientation %d: thumbnail %d × %d", orientation, w, h)
		}
		x, y := 2, 2
		if at[0] {
			x = w - 3
		}
		if at[1] {
			y = h - 3
		}
		if r, g, _, _ := m.At(x, y).RGBA(); r < 0xC000 || g > 0x4000 {
			t.Errorf("orientation %d: the corner is not at %d, %d", orientation, x, y)
		}
		if bytes.Contains(p.Shared, []byte("secret")) {
			t.Errorf("orientation %d: the comment is in the shared copy", orientation)
		}
		again, err := media.Examiner{}.Examine(t.Context(), p.Shared)
		if err != nil || again.Facts.Orientation != int(orientation) {
			t.Errorf("orientation %d: shared copy has %d, %v", orientation, again.Facts.Orientation, err)
		}
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	good := jpegOf(t, corner(64, 64))
	bomb := pngOf(t, corner(8, 8))
	binary.BigEndian.PutUint32(bomb[16:], 1<<20)
	binary.BigEndian.PutUint32(bomb[20:], 1<<20)
	binary.BigEndian.PutUint32(bomb[29:], crc32.ChecksumIEEE(bomb[12:29]))
	scans := bytes.Clone(good[:len(good)-2])
	for range 50 {
		scans = append(scans, "\xFF\xDA\x00\x08\x01\x01\x00\x01\x05\x00\x00"...)
	}
	tall := bytes.Clone(good)
	sof := bytes.Index(tall, []byte{0xFF, 0xC0})
	copy(tall[sof+5:], "\xFF\xFF\xFF\xFF")
	for name, c := range map[string]struct {
		b    []byte
		want fault.Code
	}{
		"nothing":                      {nil, fault.ProofNotPicture},
		"a page":                       {[]byte("<html><script>alert(1)</script>"), fault.ProofNotPicture},
		"a drawing with a script":      {[]byte("<svg xmlns='http://www.w3.org/2000/svg'/>"), fault.ProofNotPicture},
		"a moving GIF":                 {[]byte("GIF89a\x01\x00\x01\x00"), fault.ProofNotPicture},
		"a film":                       {[]byte("\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00mp42isom"), fault.ProofNotPicture},
		"a page that begins as a JPEG": {[]byte("\xFF\xD8\xFF<html>"), media.PictureBroken},
		"the first three bytes":        {[]byte{0xFF, 0xD8, 0xFF}, media.PictureBroken},
		"half a JPEG":                  {good[:len(good)/2], media.PictureBroken},
		"a PNG of a million squared":   {bomb, media.TooManyPixels},
		"a JPEG of 65,535 squared":     {tall, media.TooManyPixels},
		"fifty empty scans":            {scans, media.TooManyPixels},
		"a PNG without a picture":      {[]byte("\x89PNG\r\n\x1a\n"), media.PictureBroken},
		"a WebP without a picture":     {[]byte("RIFF\x08\x00\x00\x00WEBPVP8 "), media.PictureBroken},
		"a HEIC without a picture":     {[]byte("\x00\x00\x00\x10ftypheic\x00\x00\x00\x00"), media.PictureBroken},
	} {
		if _, err := (media.Examiner{}).Examine(t.Context(), c.b); fault.CodeOf(err) != c.want {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
	}
}

func TestHostileMetadataIsPassedOver(t *testing.T) {
	t.Parallel()
	for name, b := range map[string][]byte{
		"nothing":                   nil,
		"only an order":             []byte("II*\x00"),
		"a directory in itself":     tiff(entry{0x8769, 4, 1, 8}, entry{0x8825, 4, 1, 8}),
		"a directory far away":      tiff(entry{0x8769, 4, 1, 0xFFFFFFF0}),
		"a text of four gigabytes":  tiff(entry{0x132, 2, 0xFFFFFFFF, 8}),
		"a text of no length":       tiff(entry{0x132, 2, 0, 8}),
		"rationals beyond counting": tiff(entry{0x112, 5, 0xFFFFFFFF, 8}),
		"an orientation of 9":       tiff(entry{0x112, 3, 1, 9}),
		"an orientation of nothing": tiff(entry{0x112, 3, 0, 6}),
		"a type that is none":       tiff(entry{0x112, 99, 1, 6}),
		"entries cut short":         tiff(entry{0x112, 3, 1, 6})[:14],
	} {
		f := media.ReadExif(b)
		if f.Orientation != 1 || f.Position != nil || !f.Taken.IsZero() {
			t.Errorf("%s: believed %+v", name, f)
		}
	}
}

func TestPositionNeedsBothHalvesAndSenseInThem(t *testing.T) {
	t.Parallel()
	type rational [2]uint32
	gps := func(latRef, lonRef byte, lat, lon [3]rational) []byte {
		b := tiff(entry{0x8825, 4, 1, 26})
		b = b[:26]
		b = binary.LittleEndian.AppendUint16(b, 4)
		at := uint32(26 + 2 + 4*12)
		for _, e := range []entry{{1, 2, 2, uint32(latRef)}, {2, 5, 3, at}, {3, 2, 2, uint32(lonRef)}, {4, 5, 3, at + 24}} {
			b = binary.LittleEndian.AppendUint16(b, e.tag)
			b = binary.LittleEndian.AppendUint16(b, e.kind)
			b = binary.LittleEndian.AppendUint32(b, e.count)
			b = binary.LittleEndian.AppendUint32(b, e.value)
		}
		for _, r := range append(lat[:], lon[:]...) {
			b = binary.LittleEndian.AppendUint32(b, r[0])
			b = binary.LittleEndian.AppendUint32(b, r[1])
		}
		return b
	}
	shanghaiN, shanghaiE := [3]rational{{31, 1}, {1383, 100}, {0, 0}}, [3]rational{{121, 1}, {28, 1}, {25, 1}}
	zero := [3]rational{{0, 1}, {0, 1}, {0, 1}}
	if p := media.ReadExif(gps('N', 'E', shanghaiN, shanghaiE)).Position; p == nil ||
		p.Latitude < 31.23 || p.Latitude > 31.231 || p.Longitude < 121.47 || p.Longitude > 121.48 {
		t.Errorf("Shanghai is at %v", p)
	}
	if p := media.ReadExif(gps('S', 'W', shanghaiN, shanghaiE)).Position; p == nil || p.Latitude > -31 ||
		p.Longitude > -121 {
		t.Errorf("south and west are at %v", p)
	}
	for name, b := range map[string][]byte{
		"no hemisphere":    gps(0, 'E', shanghaiN, shanghaiE),
		"a wrong letter":   gps('E', 'E', shanghaiN, shanghaiE),
		"beyond the pole":  gps('N', 'E', [3]rational{{91, 1}, {0, 1}, {0, 1}}, shanghaiE),
		"zero, zero":       gps('N', 'E', zero, zero),
		"divided by zero":  gps('N', 'E', [3]rational{{31, 0}, {0, 1}, {0, 1}}, shanghaiE),
		"seventy minutes":  gps('N', 'E', [3]rational{{31, 1}, {70, 1}, {0, 1}}, shanghaiE),
		"values cut short": gps('N', 'E', shanghaiN, shanghaiE)[:90],
	} {
		if p := media.ReadExif(b).Position; p != nil {
			t.Errorf("%s: believed %v", name, p)
		}
	}
}

func TestPNGLosesItsTextsAndKeepsItsPixels(t *testing.T) {
	t.Parallel()
	b := pngOf(t, corner(32, 32))
	chunk := func(kind, data string) []byte {
		c := binary.BigEndian.AppendUint32(nil, uint32(len(data)))
		c = append(c, kind+data...)
		return binary.BigEndian.AppendUint32(c, crc32.ChecksumIEEE(c[4:]))
	}
	told := append(bytes.Clone(b[:33]), chunk("tEXt", "Comment\x00secret place")...)
	told = append(append(told, chunk("eXIf", string(tiff(entry{0x112, 3, 1, 6})))...), b[33:]...)
	told = append(told, "secret tail"...)
	p, err := media.Examiner{}.Examine(t.Context(), told)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(p.Shared, []byte("secret")) {
		t.Error("a text is in the shared copy")
	}
	again, err := media.Examiner{}.Examine(t.Context(), p.Shared)
	if err != nil || again.Facts.Orientation != 6 || !bytes.Equal(again.Thumbnail, p.Thumbnail) {
		t.Errorf("shared copy: %v, orientation %d", err, again.Facts.Orientation)
	}
}

func TestWithoutADecoderHEICKeepsItsOriginalOnly(t *testing.T) {
	t.Parallel()
	b := heicHeaders(4032, 3024)
	p, err := media.Examiner{}.Examine(t.Context(), b)
	if err != nil || p.Width != 4032 || p.Thumbnail != nil || p.Shared != nil {
		t.Errorf("%+v, %v", p, err)
	}
	if _, err := (media.Examiner{}).Examine(t.Context(), heicHeaders(40320, 30240)); fault.CodeOf(err) !=
		media.TooManyPixels {
		t.Errorf("a thousand megapixels: %v", err)
	}
	down := media.Examiner{DecodeHEIC: func(context.Context, []byte) ([]byte, error) {
		return nil, fault.New(fault.Unavailable, "")
	}}
	if p, err := down.Examine(t.Context(), b); err != nil || p.Thumbnail != nil {
		t.Errorf("decoder down: %v", err)
	}
}

// heicHeaders is the container of a HEIC file without a picture in it.
func heicHeaders(w, h uint32) []byte {
	box := func(kind string, data []byte) []byte {
		return append(append(binary.BigEndian.AppendUint32(nil, uint32(len(data)+8)), kind...), data...)
	}
	ispe := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(make([]byte, 4), w), h)
	meta := box("meta", append(make([]byte, 4), box("iprp", box("ipco", box("ispe", ispe)))...))
	return append(box("ftyp", []byte("heic\x00\x00\x00\x00mif1heic")), meta...)
}

func FuzzExamine(f *testing.F) {
	small := jpegOf(f, corner(16, 16))
	for _, b := range [][]byte{
		small, withExif(small, tiff(entry{0x112, 3, 1, 6}, entry{0x8825, 4, 1, 8})), pngOf(f, corner(16, 16)),
		heicHeaders(64, 64),
		[]byte("RIFF\x1a\x00\x00\x00WEBPVP8L\x0d\x00\x00\x00\x2f\x00\x00\x00\x10\x07\x10\x11\x11\x88\x88\xfe\x07\x00"),
	} {
		f.Add(b)
	}
	for _, b := range [][]byte{
		small[:len(small)-2], frame(small, func(m *byte, _ []byte) { *m = 0xC9 }),
		still("avif\x00\x00\x00\x00mif1avif", []byte("coded")),
		still("heic\x00\x00\x00\x00mif1heic", []byte("coded")),
		webpFile(webpChunk("VP8X", make([]byte, 10)), webpChunk("ANIM", make([]byte, 6))),
	} {
		f.Add(b)
	}
	x := media.Examiner{Limits: media.Limits{Pixels: 1 << 16, Scans: 4}}
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := x.Examine(t.Context(), b)
		if err != nil {
			if fault.CodeOf(err) == fault.Internal {
				t.Fatalf("not a refusal: %v", err)
			}
			return
		}
		if p.Shared == nil {
			return
		}
		again, err := x.Examine(t.Context(), p.Shared)
		if err != nil {
			t.Fatalf("the shared copy is refused: %v", err)
		}
		if !again.Facts.Taken.IsZero() || again.Facts.Position != nil {
			t.Fatalf("the shared copy tells %+v", again.Facts)
		}
	})
}

func FuzzReadExif(f *testing.F) {
	f.Add(tiff(entry{0x112, 3, 1, 6}))
	f.Add(tiff(entry{0x8769, 4, 1, 8}, entry{0x8825, 4, 1, 8}, entry{0x132, 2, 20, 8}))
	f.Fuzz(func(t *testing.T, b []byte) {
		facts := media.ReadExif(b)
		if facts.Orientation < 1 || facts.Orientation > 8 {
			t.Fatalf("orientation %d", facts.Orientation)
		}
		if p := facts.Position; p != nil &&
			!(p.Latitude >= -90 && p.Latitude <= 90 && p.Longitude >= -180 && p.Longitude <= 180) {
			t.Fatalf("position %v", p)
		}
		if at := facts.Taken; !at.IsZero() && (at.Before(time.Date(1989, 1, 1, 0, 0, 0, 0, time.UTC)) || at.Year() > 10000) {
			t.Fatalf("taken %v", at)
		}
	})
}
