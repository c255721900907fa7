package draw_test

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"regexp"
	"strings"
	"testing"

	"github.com/makiuchi-d/gozxing"
	"github.com/makiuchi-d/gozxing/qrcode"
	"pgregory.net/rapid"

	"github.com/doorstep-dev/doorstep/server/label/draw"
	"github.com/doorstep-dev/doorstep/sync/fault"
)

var sample = draw.Label{
	Content: "HTTPS://DOORSTEP.EXAMPLE/C/" + strings.Repeat("ABCDEFGHIJKLMNOPQRSTUVWX", 6),
	Human:   "K7M3-9QX8", Title: "电热水器 60 升", Lines: []string{"SN 0001"},
}

func TestADecoderReadsThePNG(t *testing.T) {
	t.Parallel()
	for _, level := range []draw.Level{draw.M, draw.Q} {
		for _, scale := range []int{2, 6} {
			raw, err := draw.PNG(sample, level, scale)
			if err != nil {
				t.Fatal(err)
			}
			img, err := png.Decode(bytes.NewReader(raw))
			if err != nil {
				t.Fatal(err)
			}
			if got := decode(t, img); got != sample.Content {
				t.Fatalf("%c at %d: %q", level, scale, got)
			}
			quiet := img.Bounds().Dx()
			for i := range draw.QuietZone * scale {
				for x := range quiet {
					if r, _, _, _ := img.At(x, i).RGBA(); r != 0xffff {
						t.Fatalf("the quiet zone is not quiet at %d,%d", x, i)
					}
				}
			}
		}
	}
}

func TestADecoderReadsTheSVG(t *testing.T) {
	t.Parallel()
	raw, err := draw.SVG(draw.Label{Content: sample.Content, Human: "A-B", Title: `<script>"&`}, draw.Q)
	if err != nil {
		t.Fatal(err)
	}
	if err := xml.Unmarshal(raw, new(struct{})); err != nil {
		t.Fatalf("not well-formed: %v", err)
	}
	if bytes.Contains(raw, []byte("<script")) {
		t.Fatal("words are not escaped")
	}
	var side int
	if _, err := fmt.Sscanf(string(raw[bytes.Index(raw, []byte("viewBox")):]), `viewBox="0 0 %d`, &side); err != nil {
		t.Fatal(err)
	}
	img := white(side*4, side*4)
	for _, m := range regexp.MustCompile(`M(\d+) (\d+)h(\d+)v1h-\d+z`).FindAllStringSubmatch(string(raw), -1) {
		var x, y, n int
		if _, err := fmt.Sscan(m[1], &x); err != nil {
			t.Fatal(err)
		}
		if _, err := fmt.Sscan(m[2]+" "+m[3], &y, &n); err != nil {
			t.Fatal(err)
		}
		for dy := range 4 {
			for dx := range 4 * n {
				img.SetGray(x*4+dx, y*4+dy, color.Gray{})
			}
		}
	}
	if got := decode(t, img); got != sample.Content {
		t.Fatalf("%q", got)
	}
}

func TestADecoderReadsTheTerminal(t *testing.T) {
	t.Parallel()
	text, err := draw.Terminal(sample, draw.M)
	if err != nil {
		t.Fatal(err)
	}
	var rows [][]rune
	for line := range strings.SplitSeq(text, "\n") {
		if line, ok := strings.CutPrefix(line, "\x1b[30;107m"); ok {
			rows = append(rows, []rune(strings.TrimSuffix(line, "\x1b[0m")))
		}
	}
	const scale = 4
	img := white(len(rows[0])*scale, len(rows)*2*scale)
	for y, row := range rows {
		for x, r := range row {
			for i := range scale * scale {
				if r == '█' || r == '▀' {
					img.SetGray(x*scale+i%scale, 2*y*scale+i/scale, color.Gray{})
				}
				if r == '█' || r == '▄' {
					img.SetGray(x*scale+i%scale, (2*y+1)*scale+i/scale, color.Gray{})
				}
			}
		}
	}
	if got := decode(t, img); got != sample.Content {
		t.Fatalf("%q", got)
	}
	if !strings.Contains(text, sample.Human) {
		t.Fatal("no human code")
	}
}

func TestZPLHoldsNoCommandsFromNames(t *testing.T) {
	t.Parallel()
	z, err := draw.ZPL(draw.Label{Content: "https://h/01/06901234567892/21/A_1", Title: "^XZ~JA_", Human: "AAAA-BBBB"},
		draw.Q, 8)
	if err != nil {
		t.Fatal(err)
	}
	want := "^XA^CI28\n" +
		"^FO24,24^BQN,2,6^FH^FDQA,https://h/01/06901234567892/21/A_5F1^FS\n" +
		"^FO222,24^A0N,28,28^FH^FD_5EXZ_7EJA_5F^FS\n" +
		"^FO222,59^A0N,32,32^FH^FDAAAA-BBBB^FS\n" +
		"^XZ\n"
	if z != want {
		t.Fatalf("got\n%s\nwant\n%s", z, want)
	}
}

func TestEveryContentThatIsDrawnIsRead(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		content := rapid.StringMatching(`[!-~]{1,200}`).Draw(rt, "content")
		raw, err := draw.PNG(draw.Label{Content: content}, draw.Q, 3)
		if err != nil {
			rt.Fatal(err)
		}
		img, err := png.Decode(bytes.NewReader(raw))
		if err != nil {
			rt.Fatal(err)
		}
		if got := decode(rt, img); got != content {
			rt.Fatalf("%q is read as %q", content, got)
		}
	})
}

func TestWhatDoesNotFitIsRefused(t *testing.T) {
	t.Parallel()
	for _, content := range []string{"", strings.Repeat("x", 1001)} {
		if _, err := draw.PNG(draw.Label{Content: content}, draw.M, 4); fault.CodeOf(err) != fault.InvalidArgument {
			t.Errorf("%d bytes: %v", len(content), err)
		}
	}
	if _, err := draw.PNG(sample, draw.M, 4000); fault.CodeOf(err) != fault.InvalidArgument {
		t.Error(err)
	}
}

func white(w, h int) *image.Gray {
	img := image.NewGray(image.Rect(0, 0, w, h))
	for i := range img.Pix {
		img.Pix[i] = 255
	}
	return img
}

func decode(t interface {
	Helper()
	Fatalf(string, ...any)
}, img image.Image,
) string {
	t.Helper()
	bitmap, err := gozxing.NewBinaryBitmapFromImage(img)
	if err != nil {
		t.Fatalf("%v", err)
	}
	hints := map[gozxing.DecodeHintType]any{gozxing.DecodeHintType_PURE_BARCODE: true}
	r, err := qrcode.NewQRCodeReader().Decode(bitmap, hints)
	if err != nil {
		r, err = qrcode.NewQRCodeReader().Decode(bitmap, nil)
	}
	if err != nil {
		t.Fatalf("the decoder cannot read it: %v", err)
	}
	return r.GetText()
}
