package mapping

import (
	"fmt"
	"strings"

	"github.com/doorstep-dev/doorstep/server/order/parse"
)

// names are the headers that shops in China (and a few elsewhere) use, best first.
var names = map[Field][]string{
	OrderNumber:  {"订单号", "订单编号", "主订单号", "单号", "order_id", "order no", "order_no", "order number", "order"},
	Item:         {"行号", "子订单序号", "序号", "item_no", "line", "item"},
	OrderedAt:    {"下单时间", "订单创建时间", "订单时间", "付款时间", "购买时间", "ordered_at", "order date", "created_at"},
	CustomerName: {"客户姓名", "收货人", "收货人姓名", "姓名", "客户", "customer_name", "name"},
	Customer:     {"客户编号", "会员号", "买家昵称", "买家会员名", "customer_id"},
	Phone:        {"联系电话", "联系手机", "收货人电话", "手机号", "手机", "电话", "phone", "mobile"},
	Address:      {"收货地址", "详细地址", "地址", "安装地址", "address"},
	Region:       {"区域", "大区", "region"},
	Latitude:     {"纬度", "lat", "latitude"},
	Longitude:    {"经度", "lng", "lon", "longitude"},
	SKU:          {"sku", "商品编码", "货号", "型号/sku", "商家编码"},
	GTIN:         {"条码", "商品条码", "69码", "gtin", "ean", "barcode"},
	Model:        {"型号", "规格型号", "model"},
	Class:        {"品类", "类目", "category"},
	Quantity:     {"数量", "购买数量", "商品数量", "quantity", "qty"},
	Price:        {"金额", "实付金额", "订单金额", "总价", "单价", "price", "amount"},
	Shop:         {"门店", "店铺", "店铺名称", "shop", "store"},
	WantedDate:   {"预约日期", "安装日期", "上门日期", "预约时间", "wanted_date"},
	WantedSlot:   {"时间段", "预约时段", "上门时段", "wanted_slot"},
	Urgency:      {"加急", "是否加急", "urgency"},
	VIP:          {"vip", "是否vip", "会员等级"},
}

// Propose writes a mapping file for a table with these headers: what it recognises as columns, the rest as comments.
// It is a beginning for a person, and says so.
func Propose(source string, header []string) string {
	used := map[string]bool{}
	var b strings.Builder
	fmt.Fprintf(&b, "# 导入映射 / import mapping, proposed from the headers. Check every line; docs/IMPORT.md explains.\nsource: %q\nzone: Asia/Shanghai\ncurrency: CNY\ncolumns:\n", source)
	for _, f := range fields {
		for _, n := range names[f] {
			if h, ok := find(header, n); ok && !used[h] {
				used[h] = true
				fmt.Fprintf(&b, "  %s: %q\n", f, h)
				break
			}
		}
	}
	for _, h := range header {
		h = parse.Trim(h)
		if h != "" && !used[h] {
			fmt.Fprintf(&b, "  # not used: %q\n", h)
		}
		if h == "状态" || h == "订单状态" || strings.EqualFold(h, "status") {
			fmt.Fprintf(&b, "  #   to leave lines out, put below columns:  skip: {%q: [已取消, canceled]}\n", h)
		}
	}
	return b.String()
}

func find(header []string, name string) (string, bool) {
	for _, h := range header {
		if fold(h) == fold(name) {
			return parse.Trim(h), true
		}
	}
	return "", false
}
