package demo

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"

	"github.com/xuri/excelize/v2"
	"golang.org/x/text/encoding/simplifiedchinese"

	"github.com/doorstep-dev/doorstep/server/local/failure"
	"github.com/doorstep-dev/doorstep/sync/fault"
)

// The columns of the shops' export, as their cash desk names them. docs/examples/import-shop.yaml maps them.
var exportHeader = []string{
	"订单号", "下单时间", "客户姓名", "联系电话", "省份", "城市", "收货地址", "商品名称", "型号/SKU", "商品条码", "数量", "金额", "门店", "预约日期",
	"时间段", "加急", "订单状态",
}

// ExportSound and ExportBad are how many lines of the export are fit to be taken in, and how many are not. Two more are
// cancelled orders, which the mapping leaves out.
const (
	ExportSound = 60
	ExportBad   = 12
)

// Export writes the demo's shop export into a folder, as XLSX and as CSV in GBK, and returns their paths. A dozen
// lines are bad on purpose. The same day gives the same orders.
func Export(folder string, day time.Time) (paths []string, err error) {
	if err := os.MkdirAll(folder, 0o711); err != nil {
		return nil, fault.Wrap(err, failure.Folder, "%s", folder)
	}
	rows := exportRows(day)
	xlsx, err := workbook(rows)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	w := csv.NewWriter(simplifiedchinese.GBK.NewEncoder().Writer(&b))
	w.UseCRLF = true
	for _, r := range rows {
		cells := make([]string, len(r))
		for i, c := range r {
			switch c := c.(type) {
			case time.Time:
				cells[i] = c.Format("2006/1/2 15:04:05")
			case float64:
				cells[i] = fmt.Sprintf("￥%.2f", c)
			default:
				cells[i] = fmt.Sprint(c)
			}
		}
		if err := w.Write(cells); err != nil {
			return nil, fault.Wrap(err, fault.Internal, "")
		}
	}
	if w.Flush(); w.Error() != nil {
		return nil, fault.Wrap(w.Error(), fault.Internal, "")
	}
	for _, f := range []struct {
		name    string
		content []byte
	}{{"门店导出.xlsx", xlsx}, {"门店导出-GBK.csv", b.Bytes()}} {
		p := filepath.Join(folder, f.name)
		if err := os.WriteFile(p, f.content, 0o600); err != nil {
			return nil, fault.Wrap(err, failure.Folder, "%s", p)
		}
		paths = append(paths, p)
	}
	return paths, nil
}

// workbook writes times as spreadsheets do: numbers of days with a format.
func workbook(rows [][]any) ([]byte, error) {
	f := excelize.NewFile()
	style, err := f.NewStyle(&excelize.Style{NumFmt: 22})
	if err != nil {
		return nil, fault.Wrap(err, fault.Internal, "")
	}
	for n, r := range rows {
		for i, c := range r {
			cell, err := excelize.CoordinatesToCellName(i+1, n+1)
			if err == nil {
				if t, ok := c.(time.Time); ok {
					// a spreadsheet knows no zones
					c = time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), 0, time.UTC)
					err = f.SetCellStyle("Sheet1", cell, cell, style)
				}
			}
			if err == nil {
				err = f.SetCellValue("Sheet1", cell, c)
			}
			if err != nil {
				return nil, fault.Wrap(err, fault.Internal, "")
			}
		}
	}
	b, err := f.WriteToBuffer()
	if err != nil {
		return nil, fault.Wrap(err, fault.Internal, "")
	}
	return b.Bytes(), f.Close()
}

func exportRows(day time.Time) [][]any {
	r := rand.New(rand.NewPCG(seed, uint64(midnight(day).Unix()))) //nolint:gosec // invented, not secret
	header := make([]any, len(exportHeader))
	for i, h := range exportHeader {
		header[i] = h
	}
	rows := [][]any{header}
	for n := range ExportSound {
		rows = append(rows, exportRow(day, n, r))
	}
	const (
		number, ordered, who, call, address, model, barcode, quantity, amount, shop, date, slot, status = 0, 1, 2, 3, 6, 8, 9,
			10, 11, 12, 13, 14, 16
	)
	bad := []func(row []any){
		func(row []any) { row[call] = "154****0123" },
		func(row []any) { row[call] = "没有电话" },
		func(row []any) { row[ordered] = "昨天下午" },
		func(row []any) { row[address], row[4], row[5] = "", "", "" },
		func(row []any) { row[model], row[barcode] = "AJ-9999", "" },
		func(row []any) { row[barcode] = "6901234567890" },
		func(row []any) { row[quantity] = "两台" },
		func(row []any) { row[amount] = "-100" },
		func(row []any) { row[amount] = "面议" },
		func(row []any) { row[shop] = "火星一店" },
		func(row []any) { row[slot] = "随时都行" },
		func(row []any) { row[number] = "" },
	}
	for n, spoil := range bad {
		row := exportRow(day, ExportSound+n, r)
		spoil(row)
		at := 5 + n*6 // among the sound ones
		rows = append(rows[:at], append([][]any{row}, rows[at:]...)...)
	}
	for n := range 2 {
		row := exportRow(day, ExportSound+ExportBad+n, r)
		row[status] = []string{"已取消", "已退款"}[n]
		rows = append(rows, row)
	}
	return rows
}

func exportRow(day time.Time, n int, r *rand.Rand) []any {
	region, class := r.IntN(len(regions)), r.IntN(len(classes))
	in, c := regions[region], classes[class]
	m := r.IntN(len(c.models))
	district, door := in.districts[r.IntN(len(in.districts))], somewhere(r, in)
	visit := midnight(day).AddDate(0, 0, 1+r.IntN(4))
	barcode := ""
	if r.IntN(2) == 0 {
		barcode = gtin(class*10 + m + 1)
	}
	kind := []string{"旗舰店", "店"}
	which := r.IntN(2)
	return []any{
		fmt.Sprintf("XS%s%04d", day.Format("060102"), n+1),
		midnight(day).Add(time.Duration(9*3600+r.IntN(36000))*time.Second).AddDate(0, 0, -1),
		person(n + 200).zh, phoneNumber(5000 + n), "", in.zh + "市", district + streets[r.IntN(len(streets))] +
			fmt.Sprintf("%d号%d室", 1+r.IntN(200), 101+len(door.address)%7),
		c.models[m].zh, sku(class, m), barcode, 1 + r.IntN(8)/7, float64(c.models[m].price) / 100,
		in.zh + in.districts[which] + kind[which],
		visit, []string{"上午", "下午", "09:00-12:00", "14:00～16:00", "全天"}[r.IntN(5)], []string{"否", "否", "否", "是"}[r.IntN(4)],
		"已付款",
	}
}
