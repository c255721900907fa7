package mapping

import (
	"slices"
	"strings"
	"testing"
)

func TestUsualHeadersAreRecognised(t *testing.T) {
	t.Parallel()
	for header, want := range map[string]string{
		"Order No,Date,Customer,Phone,Address,Product,Qty,Amount": "order_number ordered_at customer_name phone " +
			"address model quantity price",
		"Order Number,Order Date,Name,Mobile,Shipping Address,SKU": "order_number ordered_at customer_name phone " +
			"address sku",
		"订单编号,下单日期,收件人,手机号码,详细地址,商品名称,件数,实付金额": "order_number ordered_at customer_name phone " +
			"address model quantity price",
		"销售单号,日期,客户,联系方式,安装地址,商品型号,台数,上门时间": "order_number ordered_at customer_name phone " +
			"address model quantity wanted_date",
		"order_id,item_no,ordered_at,customer_id,lat,lng,category,price": "order_number item ordered_at customer latitude " +
			"longitude class price",
		" ＤＡＴＥ ,qty\u200b,TEL": "ordered_at phone quantity",
	} {
		got := Propose("s", strings.Split(header, ","))
		for f := range strings.FieldsSeq(want) {
			if !strings.Contains(got, "\n  "+f+": ") {
				t.Errorf("%s: no %s in\n%s", header, f, got)
			}
		}
		if strings.Contains(got, "not used") {
			t.Errorf("%s: %s", header, got)
		}
	}
}

func TestAHeaderIsNamedForOneFieldOnly(t *testing.T) {
	t.Parallel()
	seen := map[string]Field{}
	for f, all := range names {
		for _, n := range all {
			if other, there := seen[fold(n)]; there {
				t.Errorf("%q is named for %s and %s", n, f, other)
			}
			seen[fold(n)] = f
		}
	}
}

// FuzzPropose gives any header to the proposal: what it writes reads as a mapping that binds to that header, unless the
// header lacks what a mapping needs.
func FuzzPropose(f *testing.F) {
	f.Add("shop", "订单号,下单时间,姓名,电话,地址,SKU")
	f.Add("a: b", "Order No,Date,Customer,Phone,Address,Product,Qty")
	f.Add("\"\n#", "date,DATE,ｄａｔｅ,#,\",: x,\\,订单号\u200b,状态")
	f.Fuzz(func(t *testing.T, source, joined string) {
		header := strings.Split(joined, ",")
		text := Propose(source, header)
		m, err := Parse([]byte(text))
		if err != nil {
			return // a field is lacking, or one of its names is no name of a column
		}
		folded := make([]string, len(header))
		for i, h := range header {
			folded[i] = fold(h)
		}
		for field, c := range m.Columns {
			for _, name := range c.From {
				if !slices.Contains(folded, fold(name)) {
					t.Errorf("%s is read from %q, which the header %q does not have", field, name, header)
				}
			}
		}
		_, _ = m.Bind(header) // a name that stands twice is refused; nothing may panic
	})
}
