package sheet_test

import (
	"bytes"
	"fmt"
	"image"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/makiuchi-d/gozxing"
	"github.com/makiuchi-d/gozxing/qrcode"

	"github.com/doorstep-dev/doorstep/server/label/draw"
	"github.com/doorstep-dev/doorstep/server/label/sheet"
	"github.com/doorstep-dev/doorstep/server/label/typeface"
	"github.com/doorstep-dev/doorstep/sync/fault"
)

func labels(n int) []draw.Label {
	out := make([]draw.Label, n)
	for i := range out {
		out[i] = draw.Label{
			Content: fmt.Sprintf("https://id.example.com/01/06901234567892/21/SN%06d", i),
			Human:   "K7M3-9QX8",
			Title:   "云曦 储水式电热水器 60 升 一级能效 Water heater YX-60",
			Lines:   []string{fmt.Sprintf("SN%06d", i), "GTIN 6901234567892", "深圳市南山区旗舰店"},
		}
	}
	return out
}

func TestEverySymbolOfAPrintedSheetIsRead(t *testing.T) {
	t.Parallel()
	pdftoppm, err := exec.LookPath("pdftoppm")
	if err != nil {
		t.Skip("pdftoppm (poppler-utils) is not on this machine")
	}
	for _, name := range sheet.Names() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l, err := sheet.Named(name)
			if err != nil {
				t.Fatal(err)
			}
			perPage := l.Rows * l.Columns
			want := labels(perPage + 1)
			pdf, err := sheet.PDF(want, l, sheet.Options{Now: time.Unix(0, 0), Skip: 1})
			if err != nil {
				t.Fatal(err)
			}
			dir := t.TempDir()
			file := filepath.Join(dir, "sheet.pdf")
			if err := os.WriteFile(file, pdf, 0o600); err != nil {
				t.Fatal(err)
			}
			if out, err := exec.Command(pdftoppm, "-r", "150", "-gray", file, filepath.Join(dir, "page")).
				CombinedOutput(); err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			pages, _ := filepath.Glob(filepath.Join(dir, "page*.pgm"))
			if len(pages) != 2 {
				t.Fatalf("%d pages, want 2", len(pages))
			}
			drawn := []*image.Gray{read(t, pages[0]), read(t, pages[1])}
			dot := 150 / 25.4
			for i, label := range want {
				place := i + 1
				x := l.MarginLeft + float64(place%perPage%l.Columns)*(l.Width+l.GapX)
				y := l.MarginTop + float64(place%perPage/l.Columns)*(l.Height+l.GapY)
				cut := drawn[place/perPage].SubImage(image.Rect(int(x*dot), int(y*dot), int((x+l.Width)*dot),
					int((y+l.Height)*dot)))
				if got := decode(t, cut); got != label.Content {
					t.Fatalf("label %d reads %q, want %q", i, got, label.Content)
				}
			}
		})
	}
}

func TestALayoutThatDoesNotFitIsRefusedWithItsReason(t *testing.T) {
	t.Parallel()
	good := `{"name":"x","page_width":210,"page_height":297,"rows":8,"columns":3,"margin_top":0,"margin_left":0,"label_width":70,"label_height":37,"gap_x":0,"gap_y":0,"padding":2,"symbol":30,"title_size":3,"text_size":2,"human_size":4}`
	if _, err := sheet.ParseLayout([]byte(good)); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ from, to, says string }{
		{`"columns":3`, `"columns":4`, "wider than the page"},
		{`"rows":8`, `"rows":9`, "higher than the page"},
		{`"rows":8`, `"rows":0`, "1 or more"},
		{`"symbol":30`, `"symbol":36`, "fit into the label"},
		{`"gap_x":0`, `"gap_x":-1`, "negative"},
		{`"text_size":2`, `"text_size":0`, "above zero"},
		{`"name"`, `"nme"`, "unknown field"},
		{`{`, ``, "cannot be read"},
	} {
		_, err := sheet.ParseLayout([]byte(strings.Replace(good, c.from, c.to, 1)))
		if fault.CodeOf(err) != fault.InvalidArgument || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", c.to, err)
		}
	}
	if _, err := sheet.Named("../a4"); fault.CodeOf(err) != fault.InvalidArgument {
		t.Error(err)
	}
}

func TestTheFontWritesTheChineseOfShops(t *testing.T) {
	t.Parallel()
	for _, r := range "上门安装电热水器智能锁坐便器花洒旗舰店深圳" {
		if !typeface.Has(r) {
			t.Errorf("no %c", r)
		}
	}
}

func TestCharactersOutsideTheFontDoNotStopTheSheet(t *testing.T) {
	t.Parallel()
	l, err := sheet.Named("")
	if err != nil {
		t.Fatal(err)
	}
	weird := []draw.Label{{
		Content: "x", Title: "龘𠮷🙂 \x00\n", Human: strings.Repeat("W", 80),
		Lines: []string{strings.Repeat("很长", 200)},
	}}
	pdf, err := sheet.PDF(weird, l, sheet.Options{})
	if err != nil || !bytes.HasPrefix(pdf, []byte("%PDF-")) {
		t.Fatalf("%v", err)
	}
	if _, err := sheet.PDF(weird, l, sheet.Options{Font: []byte("not a font")}); fault.CodeOf(err) !=
		fault.InvalidArgument {
		t.Fatalf("%v", err)
	}
	if _, err := sheet.PDF(nil, l, sheet.Options{}); fault.CodeOf(err) != fault.InvalidArgument {
		t.Fatalf("%v", err)
	}
}

func read(t *testing.T, file string) *image.Gray {
	t.Helper()
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var w, h, most int
	if _, err := fmt.Sscanf(string(raw[:min(len(raw), 40)]), "P5\n%d %d\n%d\n", &w, &h, &most); err != nil || most != 255 {
		t.Fatalf("not a grey picture: %v", err)
	}
	return &image.Gray{Pix: raw[len(raw)-w*h:], Stride: w, Rect: image.Rect(0, 0, w, h)}
}

func decode(t *testing.T, img image.Image) string {
	t.Helper()
	bitmap, err := gozxing.NewBinaryBitmapFromImage(img)
	if err != nil {
		t.Fatal(err)
	}
	r, err := qrcode.NewQRCodeReader().Decode(bitmap, nil)
	if err != nil {
		t.Fatalf("the decoder cannot read it: %v", err)
	}
	return r.GetText()
}
