package mapping

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/doorstep-dev/doorstep/server/order/refusal"
	"github.com/doorstep-dev/doorstep/server/order/sheet"
	"github.com/doorstep-dev/doorstep/sync/fault"
)

const minimal = `source: shop
columns:
  order_number: 订单号
  ordered_at: 时间
  phone: 电话
  address: {join: [省, 市, 地址]}
  sku: SKU
`

func TestExamplesAreValid(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../../../docs/examples/import-*.yaml")
	if err != nil || len(files) < 2 {
		t.Fatal(files, err)
	}
	for _, f := range files {
		if _, err := Load(f); err != nil {
			t.Errorf("%s: %v", f, err)
		}
	}
}

func TestMistakesAreToldWithTheirLine(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ in, want string }{
		"unknown key":   {minimal + "colums: {}\n", `line 8: "colums" is not known here`},
		"unknown field": {minimal + "  fone: x\n", `line 8: "fone" is not known here`},
		"twice":         {minimal + "  sku: x\n", `stands here twice`},
		"no source":     {strings.TrimPrefix(minimal, "source: shop\n"), "source is missing"},
		"zone":          {minimal + "zone: Mars/Base\n", "line 8: zone is a name like Asia/Shanghai"},
		"half a point":  {minimal + "  latitude: x\n", "latitude and longitude go together"},
		"format": {
			strings.Replace(minimal, "时间", `{from: 时间, format: "HH:mm"}`, 1),
			"line 4: format is like yyyy-MM-dd",
		},
		"wrong place":     {strings.Replace(minimal, "电话", `{from: 电话, format: "yyyy-MM-dd"}`, 1), "line 5: format is for"},
		"nothing to read": {strings.Replace(minimal, "SKU", "{map: {a: b}}", 1), "line 7: sku needs from, join or default"},
		"no YAML":         {"a: [", ""},
		"a list":          {"- a\n", "line 1: keys and values"},
		"empty":           {"", ""},
		"anchors galore":  {"a: &a [x,x]\nb: &b [*a,*a]\n" + minimal, "not known here"},
	} {
		_, err := Parse([]byte(c.in))
		if fault.CodeOf(err) != Invalid || !strings.Contains(fault.As(err).Public("en"), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func line(t *testing.T, m string, header, cells []string) (*Line, bool, *refusal.Refusal) {
	t.Helper()
	parsed, err := Parse([]byte(m))
	if err != nil {
		t.Fatal(err)
	}
	b, err := parsed.Bind(header)
	if err != nil {
		t.Fatal(err)
	}
	l, skip, refused := b.Line(sheet.Row{Line: 2, Cells: cells})
	if len(refused) > 0 {
		return l, skip, &refused[0]
	}
	return l, skip, nil
}

func TestALineIsReadThroughItsMapping(t *testing.T) {
	t.Parallel()
	m := minimal + `  customer_name: [收货人, 姓名]
  quantity: {from: 数量, default: "1"}
  price: 金额
  urgency: {from: 加急, map: {是: rush}, otherwise: normal}
  wanted_date: 预约日期
  wanted_slot: 时间段
skip: {状态: [已取消]}
`
	header := []string{" 订单号 ", "时间", "姓名", "电话", "省", "市", "地址", "sku", "数量", "金额", "加急", "预约日期", "时间段", "状态"}
	cells := []string{
		"A-1", "46349.5", "王 小明", "154 0000 0001", "上海市", "上海市", "清溪街1号", "AJ-0101", "", "￥1,299.00", "是",
		"2026/11/25", "下午", "",
	}
	l, skip, refused := line(t, m, header, cells)
	if skip || refused != nil {
		t.Fatal(refused)
	}
	zone, err := time.LoadLocation("Asia/Shanghai")
	if err != nil {
		t.Fatal(err)
	}
	if l.Number != "A-1" || l.CustomerName != "王 小明" || l.Phone != "15400000001" || l.Address != "上海市清溪街1号" ||
		l.SKU != "AJ-0101" ||
		l.Quantity != 1 || l.Price != 129900 || !l.Rush || !l.OrderedAt.Equal(time.Date(2026, 11, 23, 12, 0, 0, 0, zone)) ||
		!l.WantedFrom.Equal(time.Date(2026, 11, 25, 13, 0, 0, 0, zone)) ||
		!l.WantedTo.Equal(time.Date(2026, 11, 25, 18, 0, 0, 0, zone)) {
		t.Errorf("%+v", l)
	}
	cells[13] = "已取消"
	if _, skip, _ := line(t, m, header, cells); !skip {
		t.Error("a cancelled line was not left out")
	}
	cells[13], cells[11] = "", "2025-01-01"
	if _, _, refused := line(t, m, header, cells); refused == nil || refused.Code != refusal.WindowBackwards ||
		refused.Column != "预约日期" {
		t.Errorf("a visit before the order: %+v", refused)
	}
}

func TestAValueThatIsNotInTheMapIsRefused(t *testing.T) {
	t.Parallel()
	m := strings.Replace(minimal, "sku: SKU", "class: {from: SKU, map: {热水器: water_heater}}", 1)
	_, _, refused := line(t, m, []string{"订单号", "时间", "电话", "省", "市", "地址", "SKU"},
		[]string{"1", "2026-01-01", "15400000001", "a", "b", "c", "洗衣机"})
	if refused == nil || refused.Code != refusal.NotMapped || refused.Value != "洗衣机" {
		t.Errorf("%+v", refused)
	}
}

func TestAMissingColumnIsNamed(t *testing.T) {
	t.Parallel()
	m, err := Parse([]byte(minimal))
	if err != nil {
		t.Fatal(err)
	}
	_, err = m.Bind([]string{"订单号", "时间", "省", "市", "地址", "SKU"})
	if err == nil || !strings.Contains(err.Error(), "no column 电话") {
		t.Error(err)
	}
}

func TestAProposedMappingIsValidForItsHeaders(t *testing.T) {
	t.Parallel()
	header := []string{"订单号", "下单时间", "客户姓名", "联系电话", "收货地址", "商品名称", "型号/SKU", "数量", "金额", "预约日期", "时间段", "订单状态"}
	p := Propose("export", header)
	m, err := Parse([]byte(p))
	if err != nil {
		t.Fatalf("%v\n%s", err, p)
	}
	if _, err := m.Bind(header); err != nil || len(m.Columns) != 10 {
		t.Errorf("%v %d\n%s", err, len(m.Columns), p)
	}
}

func FuzzMapping(f *testing.F) {
	f.Add([]byte(minimal), "订单号,时间,电话", "1,2,3")
	for _, name := range []string{"import-orders.yaml", "import-shop.yaml"} {
		b, err := os.ReadFile("../../../docs/examples/" + name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b, "order_id,item_no", "a,b")
	}
	f.Fuzz(func(t *testing.T, in []byte, header, cells string) {
		m, err := Parse(in)
		if err != nil {
			if fault.CodeOf(err) != Invalid {
				t.Fatal(err)
			}
			return
		}
		b, err := m.Bind(strings.Split(header, ","))
		if err != nil {
			return
		}
		if l, skip, refused := b.Line(sheet.Row{Line: 2, Cells: strings.Split(cells, ",")}); l == nil && !skip &&
			refused == nil {
			t.Fatal("a row that is nothing")
		}
	})
}
