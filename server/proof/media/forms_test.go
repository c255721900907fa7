package media_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"os"
	"path/filepath"
	"testing"

	"github.com/doorstep-dev/doorstep/internal/shared"
	"github.com/doorstep-dev/doorstep/server/proof/media"
	"github.com/doorstep-dev/doorstep/sync/conformance"
	"github.com/doorstep-dev/doorstep/sync/fault"
)

// What becomes of a picture: verified with copies, verified with its original only, or refused for a reason.
const (
	copies   = "copies"
	original = "original only"
)

func end(ctx context.Context, x media.Examiner, b []byte) string {
	p, err := x.Examine(ctx, b)
	switch {
	case err != nil:
		return string(fault.CodeOf(err))
	case p.Shared == nil && p.Thumbnail == nil && p.SharedType == "":
		return original
	case p.Shared != nil && p.Thumbnail != nil && p.SharedType != "":
		return copies
	}
	return "half of the copies"
}

// colour is a picture with three components.
func colour(w, h int) image.Image {
	m := image.NewNRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			m.SetNRGBA(x, y, color.NRGBA{uint8(x * 3), uint8(y * 5), uint8(x * y), 255})
		}
	}
	return m
}

// frame gives a JPEG whose frame header was edited; data begins with the precision.
func frame(b []byte, edit func(marker *byte, data []byte)) []byte {
	b = bytes.Clone(b)
	at := bytes.Index(b, []byte{0xFF, 0xC0})
	edit(&b[at+1], b[at+4:])
	return b
}

func webpChunk(kind string, data []byte) []byte {
	out := binary.LittleEndian.AppendUint32([]byte(kind), uint32(len(data)))
	out = append(out, data...)
	return append(out, make([]byte, len(data)&1)...)
}

func webpFile(chunks ...[]byte) []byte {
	all := append([]byte("WEBP"), bytes.Join(chunks, nil)...)
	return append(binary.LittleEndian.AppendUint32([]byte("RIFF"), uint32(len(all))), all...)
}

func box(kind string, data []byte) []byte {
	return append(append(binary.BigEndian.AppendUint32(nil, uint32(len(data)+8)), kind...), data...)
}

// still is a HEIC or AVIF file of one item that stands in a box behind the headers.
func still(brands string, coded []byte) []byte {
	ftyp := box("ftyp", []byte(brands))
	meta := func(from uint32) []byte {
		ispe := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(make([]byte, 4), 64), 48)
		iloc := []byte{0, 0, 0, 0, 0x44, 0, 0, 1, 0, 1, 0, 0, 0, 1}
		iloc = binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(iloc, from), uint32(len(coded)))
		return box("meta",
			append(append(make([]byte, 4), box("iprp", box("ipco", box("ispe", ispe)))...), box("iloc", iloc)...))
	}
	head := uint32(len(ftyp) + len(meta(0)) + 8)
	return bytes.Join([][]byte{ftyp, meta(head), box("mdat", coded)}, nil)
}

func TestEveryFormOfPictureEndsRight(t *testing.T) {
	t.Parallel()
	var coded bytes.Buffer
	if err := jpeg.Encode(&coded, colour(96, 64), nil); err != nil {
		t.Fatal(err)
	}
	photo := coded.Bytes()
	var drawn bytes.Buffer
	if err := png.Encode(&drawn, colour(96, 64)); err != nil {
		t.Fatal(err)
	}
	drawing := drawn.Bytes()
	endless := photo[:len(photo)-2]
	sampling := frame(photo, func(_ *byte, d []byte) { d[7], d[10], d[13] = 0x22, 0x11, 0x12 })
	layers := frame(photo, func(m *byte, d []byte) { *m = 0xC9 })
	counted := frame(photo, func(_ *byte, d []byte) { d[1], d[2] = 0, 0 })
	scan := bytes.LastIndex(counted, []byte{0xFF, 0xD9})
	counted = append(bytes.Clone(counted[:scan]), "\xFF\xDC\x00\x04\x00\x40\xFF\xD9"...)
	canvas := []byte{2, 0, 0, 0, 95, 0, 0, 63, 0, 0}
	moving := webpFile(webpChunk("VP8X", canvas), webpChunk("ANIM", make([]byte, 6)), webpChunk("ANMF", make([]byte, 40)))
	odd := webpFile(webpChunk("VP8X", canvas), webpChunk("VP8L", []byte("from a later edition of the format")))
	heic, avif := still("heic\x00\x00\x00\x00mif1heic", []byte("coded somehow")),
		still("avif\x00\x00\x00\x00mif1avif", []byte("coded somehow"))
	deep := bytes.Clone(drawing[:len(drawing)-12])
	binary.BigEndian.PutUint32(deep[16:], 9000)
	binary.BigEndian.PutUint32(deep[20:], 9000)
	deep[24] = 16
	binary.BigEndian.PutUint32(deep[29:], crc32.ChecksumIEEE(deep[12:29]))
	deep = append(deep, drawing[len(drawing)-12:]...)
	strange := media.Examiner{DecodeHEIC: func(context.Context, []byte) ([]byte, error) {
		return nil,
			errors.New("not this kind")
	}}
	for _, c := range []struct {
		says string
		b    []byte
		want string
	}{
		{"a usual photo", photo, copies},
		{"a photo without its end mark", endless, copies},
		{"a photo with half of its end mark", photo[:len(photo)-1], copies},
		{"a photo cut in its middle", photo[:len(photo)*3/4], string(media.PictureBroken)},
		{
			"a photo cut in its middle, with an end mark", append(bytes.Clone(photo[:len(photo)*3/4]), 0xFF, 0xD9),
			string(media.PictureBroken),
		},
		{"colours sampled differently", sampling, original},
		{"colours sampled differently, cut", sampling[:len(sampling)*3/4], string(media.PictureBroken)},
		{"twelve bits", frame(photo, func(m *byte, d []byte) { *m, d[0] = 0xC1, 12 }), original},
		{"arithmetic coding", layers, original},
		{"lossless", frame(photo, func(m *byte, _ []byte) { *m = 0xC3 }), original},
		{"lines counted behind the picture", counted, original},
		{
			"a JPEG of too many pixels in a form that no decoder serves",
			frame(photo, func(m *byte, d []byte) { *m = 0xC9; copy(d[1:], "\xFF\xFF\xFF\xFF") }), string(media.TooManyPixels),
		},
		{"a PNG", drawing, copies},
		{"a PNG without its end", drawing[:len(drawing)-12], copies},
		{"a PNG cut in its middle", drawing[:len(drawing)*3/4], string(media.PictureBroken)},
		{"a PNG of 81 megapixels of 16 bits", deep, original},
		{"a moving WebP", moving, original},
		{"a WebP that the decoder does not know", odd, original},
		{"a WebP cut in its middle", odd[:len(odd)-10], string(media.PictureBroken)},
		{"a HEIC that the decoder does not know", heic, original},
		{"a HEIC cut in its middle", heic[:len(heic)-4], string(media.PictureBroken)},
		{"an AVIF", avif, original},
		{"an AVIF cut in its middle", avif[:len(avif)-4], string(media.PictureBroken)},
		{"nothing", nil, string(fault.ProofNotPicture)},
		{"words", []byte("this is no picture, only words about one"), string(fault.ProofNotPicture)},
	} {
		if got := end(t.Context(), strange, c.b); got != c.want {
			t.Errorf("%s: %s, want %s", c.says, got, c.want)
		}
	}
}

func TestAPictureWithoutItsEndLooksLikeTheWholeOne(t *testing.T) {
	t.Parallel()
	whole := jpegOf(t, corner(64, 64))
	want, err := media.Examiner{}.Examine(t.Context(), whole)
	if err != nil {
		t.Fatal(err)
	}
	got, err := media.Examiner{}.Examine(t.Context(), whole[:len(whole)-2])
	if err != nil || !bytes.Equal(got.Thumbnail, want.Thumbnail) || !bytes.Equal(got.Shared, want.Shared) {
		t.Errorf("thumbnail or shared copy differ, %v", err)
	}
}

func TestCasesOfPhotosEndRight(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"no-end-marker.jpg": copies, "chroma-22-11-12.jpg": original,
		"plain.jpg": copies,
	} {
		b, err := os.ReadFile(filepath.Join(shared.Path(t, "cases"), "photo", name))
		if err != nil {
			t.Fatal(err)
		}
		if got := end(t.Context(), media.Examiner{}, b); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
}

func TestTypesAreToldByTheFirstBytes(t *testing.T) {
	t.Parallel()
	var v conformance.Pictures
	if err := conformance.Vectors("picture", &v); err != nil {
		t.Fatal(err)
	}
	for _, c := range v.Types {
		if got := string(media.Sniff(c.Head)); got != c.Type {
			t.Errorf("%s: %q, want %q", c.Says, got, c.Type)
		}
	}
}

func TestATallPictureIsReducedLikeAnyOther(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ w, h, seenW, seenH int }{
		{3000, 2000, 512, 341},
		{1, 5000, 1, 512},
		{5000, 3, 512, 1},
		{1025, 1024, 512, 511},
	} {
		p, err := media.Examiner{}.Examine(t.Context(), pngOf(t, corner(c.w, c.h)))
		if err != nil {
			t.Fatal(err)
		}
		m, err := jpeg.DecodeConfig(bytes.NewReader(p.Thumbnail))
		if err != nil || m.Width != c.seenW || m.Height != c.seenH {
			t.Errorf("%d × %d: seen as %d × %d, %v", c.w, c.h, m.Width, m.Height, err)
		}
	}
}
