package mapping_test

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/xuri/excelize/v2"

	"github.com/doorstep-dev/doorstep/internal/shared"
	"github.com/doorstep-dev/doorstep/server/order/mapping"
	"github.com/doorstep-dev/doorstep/server/order/refusal"
	"github.com/doorstep-dev/doorstep/server/order/sheet"
)

// told is what a file says, by the number of its line: a line, or the reason for which it is refused.
type told struct {
	lines   map[int]*mapping.Line
	refused map[int]*refusal.Refusal
}

func read(t *testing.T, file, mapped string) (told, error) {
	t.Helper()
	m, err := mapping.Load(mapped)
	if err != nil {
		t.Fatal(err)
	}
	r, err := sheet.Open(file, m.Sheet)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	header, err := r.Next()
	if err != nil {
		t.Fatal(err)
	}
	out := told{map[int]*mapping.Line{}, map[int]*refusal.Refusal{}}
	b, err := m.Bind(header.Cells)
	if err != nil {
		return out, err
	}
	r.Expect(len(header.Cells))
	for {
		row, err := r.Next()
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			t.Fatal(err)
		}
		line, skipped, refused := b.Line(row)
		switch {
		case refused != nil:
			out.refused[row.Line] = &refused[0]
		case !skipped:
			out.lines[row.Line] = line
		}
	}
}

func (f told) refuses(t *testing.T, line int, code refusal.Code) {
	t.Helper()
	if r := f.refused[line]; r == nil || r.Code != code || r.Value == "" && code != refusal.Missing {
		t.Errorf("line %d: %+v, want it refused for %s", line, r, code)
	}
}

func (f told) takes(t *testing.T, line int) *mapping.Line {
	t.Helper()
	if l := f.lines[line]; l != nil {
		return l
	}
	t.Errorf("line %d is refused: %+v", line, f.refused[line])
	return &mapping.Line{}
}

const shopMapping = "../../../docs/examples/import-shop.yaml"

// shopHead is the header of a shop's export, shopLine a line of it with some cells of its own.
const shopHead = "订单号,下单时间,客户姓名,联系电话,省份,城市,收货地址,商品名称,型号/SKU,商品条码,数量,金额,门店,预约日期,时间段,加急,订单状态"

func shopLine(number, ordered, phone, gtin string) string {
	return strings.Join([]string{
		number, ordered, "测试", phone, "", "武汉市", "江汉区一路1号", "智能镜柜 M1", "AJ-0504", gtin, "1", "999",
		"武汉武昌区店", "2026/12/3", "上午", "否", "已付款",
	}, ",")
}

func csvFile(t *testing.T, lines ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "orders.csv")
	if err := os.WriteFile(path, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestNumbersThatASpreadsheetHasShortenedAreRefused(t *testing.T) {
	t.Parallel()
	const ordered = "2026/11/29 10:00"
	file := csvFile(t, shopHead,
		shopLine("2.02611E+17", ordered, "15411110011", ""), shopLine("X-2", ordered, "1.54E+10", ""),
		shopLine("X-3", ordered, "15411110013", "6.90009E+12"), shopLine("X-4", ordered, "1.5411110015E10", ""),
		shopLine("2026112901.0", ordered, "15411110016", ""), shopLine("２０２６１１２９０１\u200b", ordered, "15411110017", ""),
	)
	got, err := read(t, file, shopMapping)
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []int{2, 3, 4} {
		got.refuses(t, line, refusal.NumberShortened)
	}
	if l := got.takes(t, 5); l.Phone != "15411110015" {
		t.Errorf("all digits are there: %s", l.Phone)
	}
	for _, line := range []int{6, 7} {
		if l := got.takes(t, line); l.Number != "2026112901" {
			t.Errorf("line %d: number %q", line, l.Number)
		}
	}
	t.Run("real data", func(t *testing.T) {
		t.Parallel()
		real, err := read(t, shared.Path(t, "cases", "import", "shortened-numbers.csv"), shopMapping)
		if err != nil {
			t.Fatal(err)
		}
		for _, line := range []int{2, 3, 4, 5} {
			real.refuses(t, line, refusal.NumberShortened)
		}
		if l := real.takes(t, 6); l.Phone != "15411110015" {
			t.Errorf("real: %s", l.Phone)
		}
	})
}

func TestGuardsOfExportsAreNoPartOfANumber(t *testing.T) {
	t.Parallel()
	const ordered = "2026/11/29 10:00"
	guarded := csvFile(t, shopHead, shopLine(`"=""X-1"""`, ordered, `"=""15411110041"""`, ""),
		shopLine("'X-2", ordered, "'15411110042", ""),
		shopLine("\tX-3", ordered, "15411110043", ""))
	got, err := read(t, guarded, shopMapping)
	if err != nil {
		t.Fatal(err)
	}
	for line, want := range map[int][2]string{
		2: {"X-1", "15411110041"}, 3: {"X-2", "15411110042"},
		4: {"X-3", "15411110043"},
	} {
		if l := got.takes(t, line); l.Number != want[0] || l.Phone != want[1] {
			t.Errorf("line %d: %q %q", line, l.Number, l.Phone)
		}
	}
	t.Run("real data", func(t *testing.T) {
		t.Parallel()
		first, err := read(t, shared.Path(t, "cases", "import", "text-guards.csv"), shopMapping)
		if err != nil {
			t.Fatal(err)
		}
		second, err := read(t, shared.Path(t, "cases", "import", "text-guards-plain.csv"), shopMapping)
		if err != nil {
			t.Fatal(err)
		}
		if len(first.lines) != 4 || len(second.lines) != 4 {
			t.Errorf("real: %d and %d lines, refused %v %v", len(first.lines), len(second.lines), first.refused, second.refused)
		}
		for line, l := range first.lines {
			if p := second.lines[line]; p == nil || p.Number != l.Number || p.Phone != l.Phone || p.Key() != l.Key() {
				t.Errorf("real, line %d: %+v and %+v", line, l, p)
			}
		}
	})
}

func TestErrorsOfFormulasAreRefusedByTheirName(t *testing.T) {
	t.Parallel()
	book := excelize.NewFile()
	for i, line := range []string{
		shopHead, shopLine("#N/A", "2026/11/29 10:00", "15411110011", ""),
		shopLine("X-2", "2026/11/29 10:00", "15411110012", ""),
	} {
		for j, cell := range strings.Split(line, ",") {
			at, err := excelize.CoordinatesToCellName(j+1, i+1)
			if err != nil {
				t.Fatal(err)
			}
			if err := book.SetCellStr("Sheet1", at, cell); err != nil {
				t.Fatal(err)
			}
		}
	}
	file := filepath.Join(t.TempDir(), "orders.xlsx")
	if err := book.SaveAs(file); err != nil {
		t.Fatal(err)
	}
	got, err := read(t, file, shopMapping)
	if err != nil {
		t.Fatal(err)
	}
	got.refuses(t, 2, refusal.ErrorCell)
	got.takes(t, 3)
	t.Run("real data", func(t *testing.T) {
		t.Parallel()
		real, err := read(t, shared.Path(t, "cases", "import", "error-cells.xlsx"), shopMapping)
		if err != nil {
			t.Fatal(err)
		}
		for _, line := range []int{2, 3, 4, 5} {
			real.refuses(t, line, refusal.ErrorCell)
		}
		real.takes(t, 6)
	})
}

func TestOfAHiddenAndAVisibleSheetTheVisibleOneIsRead(t *testing.T) {
	t.Parallel()
	book := excelize.NewFile()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(book.SetCellStr("Sheet1", "A1", "a list of cities"))
	_, err := book.NewSheet("Orders")
	must(err)
	for i, line := range []string{shopHead, shopLine("X-1", "2026/11/29 10:00", "15411110011", "")} {
		cells := strings.Split(line, ",")
		must(book.SetSheetRow("Orders", map[int]string{0: "A1", 1: "A2"}[i], &cells))
	}
	book.SetActiveSheet(1)
	must(book.SetSheetVisible("Sheet1", false))
	file := filepath.Join(t.TempDir(), "orders.xlsx")
	must(book.SaveAs(file))
	got, err := read(t, file, shopMapping)
	must(err)
	if got.takes(t, 2).Number != "X-1" {
		t.Error("the hidden sheet was read")
	}
}

func TestAColumnThatStandsTwiceIsNotGuessed(t *testing.T) {
	t.Parallel()
	file := csvFile(t, shopHead+",金额", shopLine("X-1", "2026/11/29 10:00", "15411110011", "")+",0")
	if _, err := read(t, file, shopMapping); err == nil || !strings.Contains(err.Error(), "金额 twice") {
		t.Errorf("a column twice: %v", err)
	}
	t.Run("real data", func(t *testing.T) {
		t.Parallel()
		if _, err := read(t, shared.Path(t, "cases", "import", "two-columns-one-name.csv"), shopMapping); err == nil ||
			!strings.Contains(err.Error(), "金额 twice") {
			t.Errorf("real: %v", err)
		}
	})
}

func TestUsualDatesAreReadAndDaysThatAreNotAreRefused(t *testing.T) {
	t.Parallel()
	zone := time.FixedZone("", 8*3600)
	want := time.Date(2026, 11, 23, 14, 5, 0, 0, zone)
	lines := []string{shopHead}
	good := []string{
		"2026.11.23 14:05", "2026/11/23 下午2:05", "2026-11-23 2:05 下午", "2026-11-23T14:05:00+0800",
		"2026年11月23日14:05",
	}
	bad := []string{"2026/2/29 10:00", "31.11.2026", "2026/11/31 上午9:00"}
	for _, s := range append(append([]string{}, good...), bad...) {
		lines = append(lines, shopLine("X-"+s, s, "15411110090", ""))
	}
	got, err := read(t, csvFile(t, lines...), shopMapping)
	if err != nil {
		t.Fatal(err)
	}
	for i := range good {
		if l := got.takes(t, i+2); !l.OrderedAt.Equal(want) {
			t.Errorf("%s is read as %s", good[i], l.OrderedAt)
		}
	}
	for i := range bad {
		got.refuses(t, len(good)+i+2, refusal.TimeMalformed)
	}
	t.Run("real data", func(t *testing.T) {
		t.Parallel()
		real, err := read(t, shared.Path(t, "cases", "import", "usual-dates.csv"), shopMapping)
		if err != nil {
			t.Fatal(err)
		}
		for _, line := range []int{2, 3, 4, 5} {
			if l := real.takes(t, line); !l.OrderedAt.Equal(want) {
				t.Errorf("real, line %d: %s", line, l.OrderedAt)
			}
		}
		real.refuses(t, 6, refusal.TimeMalformed)
		real.refuses(t, 7, refusal.TimeMalformed)
	})
}

func TestAnAppointmentWithATimeOfDayKeepsIt(t *testing.T) {
	t.Parallel()
	mapped := filepath.Join(t.TempDir(), "m.yaml")
	yaml := "source: x\nzone: Asia/Shanghai\ncurrency: CNY\ncolumns:\n  order_number: 订单号\n  ordered_at: 下单时间\n  phone: " +
		"电话\n  address: 地址\n  sku: SKU\n  wanted_date: 预约时间\n"
	if err := os.WriteFile(mapped, []byte(yaml), 0o600); err != nil {
		t.Fatal(err)
	}
	evening(t, csvFile(t, "订单号,下单时间,电话,地址,SKU,预约时间", "X-1,2026/11/29 10:00,15411110071,江汉区一路1号,AJ,2026-12-03 19:30",
		"X-2,2026/11/29 10:00,15411110072,江汉区一路1号,AJ,2026-12-03 00:00"), mapped)
	t.Run("real data", func(t *testing.T) {
		t.Parallel()
		evening(t, shared.Path(t, "cases", "import", "appointment-with-time.csv"),
			shared.Path(t, "cases", "import", "appointment-with-time.yaml"))
	})
}

func evening(t *testing.T, file, mapped string) {
	t.Helper()
	got, err := read(t, file, mapped)
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 12, 3, 19, 30, 0, 0, time.FixedZone("", 8*3600))
	if l := got.takes(t, 2); l.WantedFrom.After(at) || !l.WantedTo.After(at) {
		t.Errorf("19:30: %s to %s", l.WantedFrom, l.WantedTo)
	}
	if l := got.takes(t, 3); l.WantedTo.Sub(l.WantedFrom) < 8*time.Hour {
		t.Errorf("a day without a time: %s to %s", l.WantedFrom, l.WantedTo)
	}
}

func TestAnEncodingIsNeverGuessedIntoOtherLetters(t *testing.T) {
	t.Parallel()
	yaml := "source: x\nzone: Europe/Lisbon\ncurrency: CNY\ncolumns:\n  order_number: no\n  ordered_at: date\n  " +
		"customer_name: name\n  phone: phone\n  address: address\n  sku: sku\n"
	dir := t.TempDir()
	file, plain, named := filepath.Join(dir, "o.csv"), filepath.Join(dir, "plain.yaml"), filepath.Join(dir, "named.yaml")
	for path, content := range map[string]string{
		file: "no,date,name,phone,address,sku\n1,2026-11-29,J\xfcrgen,+4915411110011,Stra\xdfe " +
			"5,AJ\n2,2026-11-29,In\xeas,+4915411110012,Pra\xe7a 1,AJ\n",
		plain: yaml, named: yaml + "file:\n  encoding: windows-1252\n",
	} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	got, err := read(t, file, plain)
	if err != nil {
		t.Fatal(err)
	}
	got.refuses(t, 2, refusal.BadCharacters)
	got.refuses(t, 3, refusal.BadCharacters)
	if got, err = read(t, file, named); err != nil {
		t.Fatal(err)
	}
	if l := got.takes(t, 2); l.CustomerName != "Jürgen" || l.Address != "Straße 5" {
		t.Errorf("named: %q %q", l.CustomerName, l.Address)
	}
	t.Run("real data", func(t *testing.T) {
		t.Parallel()
		real, err := read(t, shared.Path(t, "cases", "import", "windows-1252.csv"),
			shared.Path(t, "cases", "import", "windows-1252.yaml"))
		if err != nil {
			t.Fatal(err)
		}
		if len(real.lines) != 0 || len(real.refused) != 3 {
			t.Errorf("real: %d taken, %d refused", len(real.lines), len(real.refused))
		}
	})
}

func TestAWorkbookThatCountsFrom1904HasItsOwnDates(t *testing.T) {
	t.Parallel()
	book := excelize.NewFile()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	yes := true
	must(book.SetWorkbookProps(&excelize.WorkbookPropsOptions{Date1904: &yes}))
	for i, line := range []string{shopHead, shopLine("X-1", "", "15411110011", "")} {
		cells := strings.Split(line, ",")
		must(book.SetSheetRow("Sheet1", map[int]string{0: "A1", 1: "A2"}[i], &cells))
	}
	must(book.SetCellValue("Sheet1", "B2", 46355.4375-1462)) // 2026-11-29 10:30
	file := filepath.Join(t.TempDir(), "orders.xlsx")
	must(book.SaveAs(file))
	got, err := read(t, file, shopMapping)
	must(err)
	zone := time.FixedZone("", 8*3600)
	want := time.Date(2026, 11, 29, 10, 30, 0, 0, zone)
	if l := got.takes(t, 2); !l.OrderedAt.Equal(want) {
		t.Errorf("ordered %s", l.OrderedAt)
	}
	t.Run("real data", func(t *testing.T) {
		t.Parallel()
		real, err := read(t, shared.Path(t, "cases", "import", "date-1904.xlsx"), shopMapping)
		if err != nil {
			t.Fatal(err)
		}
		if l := real.takes(t, 2); !l.OrderedAt.Equal(want) || !l.WantedFrom.Equal(time.Date(2026, 12, 3, 9, 0, 0, 0, zone)) {
			t.Errorf("real: ordered %s, wanted %s", l.OrderedAt, l.WantedFrom)
		}
		if l := real.takes(t, 3); !l.OrderedAt.Equal(time.Date(2026, 2, 28, 23, 59, 0, 0, zone)) {
			t.Errorf("real: ordered %s", l.OrderedAt)
		}
	})
}

func TestAnArticleThatStandsTwiceInAnOrderIsReported(t *testing.T) {
	t.Parallel()
	const ordered = "2026/11/29 10:00"
	twice := shopLine("X-1", ordered, "15411110011", "")
	reported := func(t *testing.T, file string) {
		t.Helper()
		got, err := read(t, file, shopMapping)
		if err != nil {
			t.Fatal(err)
		}
		got.takes(t, 2)
		got.refuses(t, 3, refusal.ArticleTwice)
	}
	reported(t, csvFile(t, shopHead, twice, twice))
	t.Run("real data", func(t *testing.T) {
		t.Parallel()
		reported(t, shared.Path(t, "cases", "import", "same-article-twice.csv"))
	})
}

func TestRowsOfAMacWithLineBreaksInCellsAreAllRead(t *testing.T) {
	t.Parallel()
	lines := []string{shopHead}
	for _, n := range []string{"X-1", "X-2", "X-3"} {
		lines = append(lines, strings.Replace(shopLine(n, "2026/11/29 10:00", "15411110011", ""), "江汉区一路1号",
			"\"江汉区一路1号\n二单元\"", 1))
	}
	file := filepath.Join(t.TempDir(), "mac.csv")
	if err := os.WriteFile(file, []byte(strings.Join(lines, "\r")+"\r"), 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := read(t, file, shopMapping)
	if err != nil {
		t.Fatal(err)
	}
	if l := got.takes(t, 3); len(got.lines) != 3 || l.Address != "武汉市江汉区一路1号 二单元" {
		t.Errorf("%d lines, %q, refused %v", len(got.lines), l.Address, got.refused)
	}
	t.Run("real data", func(t *testing.T) {
		t.Parallel()
		real, err := read(t, shared.Path(t, "cases", "import", "cr-rows-lf-in-cell.csv"), shopMapping)
		if err != nil {
			t.Fatal(err)
		}
		if len(real.lines) != 5 || !strings.HasSuffix(real.takes(t, 3).Address, "测试路6号 二单元301室") {
			t.Errorf("real: %d lines, refused %v", len(real.lines), real.refused)
		}
	})
}

func TestANumberOfMoreDigitsThanASpreadsheetKeepsIsRefusedWithItsCell(t *testing.T) {
	t.Parallel()
	book := excelize.NewFile()
	for i, cells := range [][]any{
		anySlice(shopHead), anySlice(shopLine("X-1", "2026/11/29 10:00", "15411110011", "")),
		anySlice(shopLine("X-2", "2026/11/29 10:00", "15411110012", "")),
	} {
		if i == 1 {
			cells[0] = int64(202611291234567890)
		}
		if err := book.SetSheetRow("Sheet1", "A"+string(rune('1'+i)), &cells); err != nil {
			t.Fatal(err)
		}
	}
	file := filepath.Join(t.TempDir(), "long.xlsx")
	if err := book.SaveAs(file); err != nil {
		t.Fatal(err)
	}
	got, err := read(t, file, shopMapping)
	if err != nil {
		t.Fatal(err)
	}
	got.refuses(t, 2, refusal.NumberShortened)
	if r := got.refused[2]; r != nil && (r.Column != "订单号" || r.Detail != "A2") {
		t.Errorf("%+v", r)
	}
	got.takes(t, 3)
}

func anySlice(line string) []any {
	var out []any
	for s := range strings.SplitSeq(line, ",") {
		out = append(out, s)
	}
	return out
}
