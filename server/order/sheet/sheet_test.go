package sheet

import (
	"archive/zip"
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/xuri/excelize/v2"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/unicode"
	"pgregory.net/rapid"

	"github.com/doorstep-dev/doorstep/internal/shared"
	"github.com/doorstep-dev/doorstep/server/order/refusal"
	"github.com/doorstep-dev/doorstep/sync/fault"
)

func read(t interface {
	Helper()
	Fatal(...any)
}, b []byte, expect int, o Options,
) []Row {
	t.Helper()
	r, err := New(bytes.NewReader(b), int64(len(b)), o)
	if err != nil {
		t.Fatal(err)
	}
	var rows []Row
	for {
		row, err := r.Next()
		if errors.Is(err, io.EOF) {
			return rows
		}
		if err != nil {
			t.Fatal(err)
		}
		if len(rows) == 0 {
			r.Expect(expect)
		}
		rows = append(rows, row)
	}
}

func TestOddFilesGiveTheirRows(t *testing.T) {
	t.Parallel()
	gbk, err := simplifiedchinese.GBK.NewEncoder().String("订单号,姓名\n1,王小明\n")
	if err != nil {
		t.Fatal(err)
	}
	wide, err := unicode.UTF16(unicode.LittleEndian, unicode.UseBOM).NewEncoder().String("订单号\t姓名\r\n1\t王小明\r\n")
	if err != nil {
		t.Fatal(err)
	}
	header := Row{Line: 1, Cells: []string{"订单号", "姓名"}}
	for name, c := range map[string]struct {
		in   string
		want []Row
	}{
		"plain":     {"订单号,姓名\n1,王小明\n", []Row{header, {Line: 2, Cells: []string{"1", "王小明"}}}},
		"mark":      {"\ufeff订单号,姓名\r\n1,王小明", []Row{header, {Line: 2, Cells: []string{"1", "王小明"}}}},
		"GBK":       {gbk, []Row{header, {Line: 2, Cells: []string{"1", "王小明"}}}},
		"UTF-16":    {wide, []Row{header, {Line: 2, Cells: []string{"1", "王小明"}}}},
		"semicolon": {"订单号;姓名\n1;王,小明\n", []Row{header, {Line: 2, Cells: []string{"1", "王,小明"}}}},
		"told separator": {
			"sep=;\n订单号;姓名\n1;x\n",
			[]Row{{Line: 2, Cells: header.Cells}, {Line: 3, Cells: []string{"1", "x"}}},
		},
		"old Mac":     {"订单号,姓名\r1,x\r", []Row{header, {Line: 2, Cells: []string{"1", "x"}}}},
		"blank lines": {"订单号,姓名\n\n,,\n1,x\n", []Row{header, {Line: 4, Cells: []string{"1", "x"}}}},
		"quoted": {
			"订单号,姓名\n\"1\", \"a \"\"b\"\", c\" \n2,\"\"\n",
			[]Row{header, {Line: 2, Cells: []string{"1", `a "b", c`}}, {Line: 3, Cells: []string{"2", ""}}},
		},
		"quoted line break": {
			"订单号,姓名\n1,\"a\r\nb\"\n2,x\n",
			[]Row{header, {Line: 2, Cells: []string{"1", "a\nb"}}, {Line: 4, Cells: []string{"2", "x"}}},
		},
		"quote in a cell": {
			"订单号,姓名\n1,12\" 管\n2,x\n",
			[]Row{header, {Line: 2, Cells: []string{"1", `12" 管`}}, {Line: 3, Cells: []string{"2", "x"}}},
		},
		"lone opening quote": {"订单号,姓名\n1,\"12 管\n2,x\n3,y\n", []Row{
			header,
			{Line: 2, Cells: []string{"1", `"12 管`}},
			{Line: 3, Cells: []string{"2", "x"}},
			{Line: 4, Cells: []string{"3", "y"}},
		}},
		"two lone quotes": {"订单号,姓名\n1,\"12 管\n2,x\n3,\"y\n", []Row{
			header,
			{Line: 2, Cells: []string{"1", `"12 管`}},
			{Line: 3, Cells: []string{"2", "x"}},
			{Line: 4, Cells: []string{"3", `"y`}},
		}},
		"wrong widths": {"订单号,姓名\n1\n1,2,3\n1,2,,\n", []Row{
			header,
			{Line: 2, Cells: []string{"1", ""}, Damage: refusal.TooFewColumns},
			{Line: 3, Cells: []string{"1", "2", "3"}, Damage: refusal.TooManyColumns},
			{Line: 4, Cells: []string{"1", "2", "", ""}},
		}},
		"broken byte": {
			"订单号,姓名\n1,\xff\n2,x\n",
			[]Row{
				header,
				{Line: 2, Cells: []string{"1", "\ufffd"}, Damage: refusal.BadCharacters},
				{Line: 3, Cells: []string{"2", "x"}},
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := read(t, []byte(c.in), 2, Options{}); !reflect.DeepEqual(got, c.want) {
				t.Errorf("got  %+v\nwant %+v", got, c.want)
			}
		})
	}
}

func TestALineThatIsTooLongIsNamedAndTheRestIsRead(t *testing.T) {
	t.Parallel()
	in := "a,b\n1," + strings.Repeat("x", 200<<10) + "\n2,y\n3," + strings.Repeat("z", 20<<10) + "\n4,w\n"
	got := read(t, []byte(in), 2, Options{})
	if len(got) != 5 || got[1].Damage != refusal.LineTooLong || got[2].Line != 3 ||
		got[3].Damage != refusal.FieldTooLong || got[4].Cells[1] != "w" {
		t.Errorf("%d rows", len(got))
	}
}

func TestWhatACorrectWriterWroteIsReadBack(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(2, 5).Draw(t, "columns")
		cell := rapid.StringMatching(`[a,"; 王\n]{0,6}x`)
		rows := rapid.SliceOfN(rapid.SliceOfN(cell, n, n), 1, 20).Draw(t, "rows")
		for i := range rows[0] {
			rows[0][i] = "h" // a header without line breaks, as headers are
		}
		var b bytes.Buffer
		if err := csv.NewWriter(&b).WriteAll(rows); err != nil {
			t.Fatal(err)
		}
		got := read(t, b.Bytes(), n, Options{Comma: ','})
		if len(got) != len(rows) {
			t.Fatalf("%d rows of %d\n%s", len(got), len(rows), b.String())
		}
		for i := range rows {
			want := make([]string, n)
			for j := range want {
				want[j] = rows[i][j]
			}
			if got[i].Damage != "" || !reflect.DeepEqual(trimmed(got[i].Cells), trimmed(want)) {
				t.Fatalf("row %d: %+v, want %q", i, got[i], want)
			}
		}
	})
}

func trimmed(in []string) []string {
	out := make([]string, len(in))
	for i, s := range in {
		out[i] = strings.TrimSpace(s) // a blank before a quote belongs to nobody
	}
	return out
}

func workbook(t *testing.T, fill func(*excelize.File)) []byte {
	t.Helper()
	f := excelize.NewFile()
	fill(f)
	var b bytes.Buffer
	if err := f.Write(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestAWorkbookGivesItsRows(t *testing.T) {
	t.Parallel()
	b := workbook(t, func(f *excelize.File) {
		style, err := f.NewStyle(&excelize.Style{NumFmt: 22})
		if err != nil {
			t.Fatal(err)
		}
		for cell, v := range map[string]any{
			"A1": "订单号", "B1": "时间", "A2": 1,
			"B2": time.Date(2026, 11, 23, 14, 5, 0, 0, time.UTC), "A4": "x", "D4": "too far",
		} {
			if err := f.SetCellValue("Sheet1", cell, v); err != nil {
				t.Fatal(err)
			}
		}
		if err := f.SetCellStyle("Sheet1", "B2", "B2", style); err != nil {
			t.Fatal(err)
		}
	})
	got := read(t, b, 2, Options{})
	if len(got) != 3 || got[1].Line != 2 || !strings.HasPrefix(got[1].Cells[1], "46349.58680555") || got[2].Line != 4 ||
		got[2].Damage != refusal.TooManyColumns {
		t.Errorf("%+v", got)
	}
}

func TestAWorkbookThatGrowsBeyondAllUseIsRefused(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	// A part that says it unpacks to more than the limit; what a part says is held against it while it is read.
	w, err := z.CreateRaw(&zip.FileHeader{
		Name: "xl/worksheets/sheet1.xml", Method: zip.Deflate, CompressedSize64: 4,
		UncompressedSize64: unpackedLimit + 1,
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write([]byte("bomb")); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	_, err = New(bytes.NewReader(b.Bytes()), int64(b.Len()), Options{})
	if fault.CodeOf(err) != FileRefused || !strings.Contains(err.Error(), "unpacks to more") {
		t.Errorf("%v (%d bytes packed)", err, b.Len())
	}
}

func TestFilesThatAreNoTablesAreRefusedInWords(t *testing.T) {
	t.Parallel()
	for name, in := range map[string]string{
		"empty": "", "old workbook": "\xd0\xcf\x11\xe0abcd", "binary": "a\x00b\n",
		"torn workbook": "PK\x03\x04abcdefgh",
	} {
		_, err := New(strings.NewReader(in), int64(len(in)), Options{})
		if fault.CodeOf(err) != FileRefused {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// orders writes a file like the real one: 20 columns, some quoted, with line breaks and other letters in cells.
func orders(t *testing.T, lines int) string {
	t.Helper()
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	for i := range lines {
		cells := make([]string, 20)
		for j := range cells {
			cells[j] = fmt.Sprintf("%d-%d", i, j)
		}
		cells[7], cells[17] = "são paulo, \"centro\"", ""
		if err := w.Write(cells); err != nil {
			t.Fatal(err)
		}
	}
	w.Flush()
	file := filepath.Join(t.TempDir(), "orders.csv")
	if err := os.WriteFile(file, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestALongFileOfOrdersIsReadWhole(t *testing.T) {
	t.Parallel()
	readWhole(t, orders(t, 5000), 5000)
	t.Run("real data", func(t *testing.T) {
		t.Parallel()
		readWhole(t, shared.Path(t, "orders.csv"), 4176)
	})
}

func readWhole(t *testing.T, file string, lines int) {
	t.Helper()
	r, err := Open(file, Options{})
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for {
		row, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil || row.Damage != "" || len(row.Cells) != 20 || row.Line != n+1 {
			t.Fatal(row, err)
		}
		n++
	}
	if done, total := r.Progress(); n != lines || done != total {
		t.Errorf("%d rows, %d of %d bytes", n, done, total)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
}
