package sheet

import (
	"archive/zip"
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/doorstep-dev/doorstep/internal/shared"
	"github.com/doorstep-dev/doorstep/server/order/refusal"
	"github.com/doorstep-dev/doorstep/sync/fault"
)

const sheetHead, sheetEnd = `<worksheet><sheetData>`, `</sheetData></worksheet>`

// packed is a workbook of one sheet; each part is its beginning, a piece many times, and its end.
func packed(t *testing.T, sheet, texts [3]string, sheetTimes, textTimes int) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	put := func(name, before, piece, after string, times int) {
		w, err := z.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		chunk := strings.Repeat(piece, min(times, 1000))
		_, _ = io.WriteString(w, before) // into memory
		for ; times >= 1000; times -= 1000 {
			_, _ = io.WriteString(w, chunk)
		}
		_, _ = io.WriteString(w, strings.Repeat(piece, times)+after)
	}
	put("xl/workbook.xml", `<workbook><sheets><sheet name="S" r:id="a"/></sheets></workbook>`, "", "", 0)
	put("xl/_rels/workbook.xml.rels",
		`<Relationships><Relationship Id="a" Type="x/worksheet" Target="s.xml"/><Relationship Id="b" Type="x/sharedStrings" Target="t.xml"/>`+
			`<Relationship Id="c" Type="x/styles" Target="st.xml"/></Relationships>`, "", "", 0)
	put("xl/st.xml",
		`<styleSheet><numFmts><numFmt numFmtId="164" formatCode="0000000000"/></numFmts><cellXfs><xf numFmtId="0"/><xf numFmtId="164"/></cellXfs></styleSheet>`, "", "", 0)
	put("xl/s.xml", sheet[0], sheet[1], sheet[2], sheetTimes)
	put("xl/t.xml", texts[0], texts[1], texts[2], textTimes)
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestBombsAreRefusedByTheLimitThatTheyBreak(t *testing.T) {
	t.Parallel()
	plain, none := [3]string{sheetHead, "", sheetEnd}, [3]string{`<sst>`, "", `</sst>`}
	for name, c := range map[string]struct {
		sheet, texts          [3]string
		sheetTimes, textTimes int
		want                  string
	}{
		"many cells": {
			[3]string{sheetHead + "<row>", `<c r="A1"/>`, "</row>" + sheetEnd},
			none, 1001, 0,
			"more than 1000 cells",
		},
		"many short texts": {plain, [3]string{`<sst>`, `<si/>`, `</sst>`}, 0, textsLimit + 1, "more than 2000000 texts"},
		"a table of texts": {
			plain,
			[3]string{`<sst>`, `<si><t>` + strings.Repeat("x", 1000) + `</t></si>`, `</sst>`},
			0,
			60_000, "more than 48 MiB of texts",
		},
		"one huge cell": {[3]string{sheetHead + `<row><c t="str"><v>`, strings.Repeat("x", 1000), `</v></c></row>` +
			sheetEnd}, none, 20_000, 0, "a text or tag of more than 1 MiB"},
		"one huge tag": {
			[3]string{sheetHead + `<row x="`, strings.Repeat("x", 1000), `"></row>` + sheetEnd},
			none,
			20_000, 0, "a text or tag of more than 1 MiB",
		},
		"deep elements": {[3]string{sheetHead, `<a>`, ""}, none, 1_000_000, 0, "elements more than 64 deep"},
		"a far column": {
			[3]string{sheetHead + `<row><c r="XFE1"><v>1</v></c>`, "", `</row>` + sheetEnd},
			none, 0, 0,
			"beyond 16384 columns",
		},
		"a far row": {
			[3]string{sheetHead + `<row r="1048577">`, "", `</row>` + sheetEnd},
			none, 0, 0,
			"beyond 1048576",
		},
		"rows out of order": {[3]string{sheetHead, `<row r="7"><c><v>1</v></c></row>`, sheetEnd}, none, 2, 0, "out of order"},
		"unpacked": {
			[3]string{sheetHead, strings.Repeat(" ", 1000), sheetEnd},
			none, 280_000, 0,
			"unpacks to more than 256 MiB",
		},
	} {
		b := packed(t, c.sheet, c.texts, c.sheetTimes, c.textTimes)
		r, err := New(bytes.NewReader(b), int64(len(b)), Options{Limits: Limits{Cells: 1000}})
		for err == nil {
			_, err = r.Next()
		}
		if fault.CodeOf(err) != FileRefused || !strings.Contains(fault.As(err).Public("en"), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

func TestARowOfAWorkbookHoldsNoMoreThanItsLimits(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 15<<10)
	b := packed(t, [3]string{sheetHead + "<row>", `<c t="s"><v>0</v></c>`, "</row>" + sheetEnd},
		[3]string{`<sst><si><t>` + long, "", `</t></si></sst>`}, 16_000, 0)
	rows := read(t, b, 0, Options{})
	held := 0
	for _, c := range rows[0].Cells {
		held += len(c)
	}
	if rows[0].Damage != refusal.LineTooLong || held > 2*DefaultLimits.Record ||
		len(rows[0].Cells) > DefaultLimits.Columns+1 {
		t.Errorf("%s: %d bytes in %d cells", rows[0].Damage, held, len(rows[0].Cells))
	}
}

func TestNumbersAreReadAsShownAndLostDigitsAreTold(t *testing.T) {
	t.Parallel()
	b := packed(t, [3]string{
		sheetHead,
		`<row><c s="1"><v>1234567</v></c><c><v>123456789012345</v></c><c><v>1234567890123456</v></c><c t="str"><v>1234567890123456</v></c>` +
			`<c><v>32.899999999999999</v></c><c s="1"><v>1.5</v></c></row>`, sheetEnd,
	}, [3]string{`<sst>`, "", `</sst>`}, 1, 0)
	got := read(t, b, 0, Options{})[0]
	want := []string{"0001234567", "123456789012345", "1234567890123456", "1234567890123456", "32.899999999999999", "1.5"}
	if !slices.Equal(got.Cells, want) || !slices.Equal(got.Long, []int{2}) {
		t.Errorf("%q, long %v", got.Cells, got.Long)
	}
	for name, want := range map[string]string{"A1": CellName(0, 1), "AB12": CellName(27, 12), "XFD2": CellName(16383, 2)} {
		if name != want {
			t.Errorf("%s is called %s", name, want)
		}
	}
	t.Run("real data", func(t *testing.T) {
		t.Parallel()
		r, err := Open(shared.Path(t, "cases", "import", "one-order-c.xlsx"), Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		var numbers []string
		for {
			row, err := r.Next()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			numbers = append(numbers, row.Cells[0])
		}
		if !slices.Equal(numbers, []string{"订单号", "2026112901", "0001234567"}) {
			t.Errorf("%q", numbers)
		}
	})
}
