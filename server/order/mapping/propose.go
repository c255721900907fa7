package mapping

import (
	"fmt"
	"slices"
	"strings"

	"github.com/doorstep-dev/doorstep/server/order/parse"
)

// names are the headers that shops in China (and a few elsewhere) use, best first.
var names = map[Field][]string{
	OrderNumber: {
		"订单号", "订单编号", "主订单号", "主订单编号", "子订单号", "交易单号", "销售单号", "单据编号", "单号",
		"order_id", "order id", "order no", "order no.", "order_no",
		"order number", "order_number", "order #", "order",
	},
	Item: {"行号", "子订单序号", "序号", "item_no", "line", "line no", "line number", "item"},
	OrderedAt: {
		"下单时间", "下单日期", "订单创建时间", "订单时间", "订单日期", "付款时间", "支付时间", "购买时间", "销售日期", "日期",
		"ordered_at", "order date", "order time",
		"order_date", "purchase date", "created_at", "created at", "date",
	},
	CustomerName: {
		"客户姓名", "收货人", "收货人姓名", "收件人", "顾客姓名", "联系人", "姓名", "客户名称", "客户", "顾客",
		"customer_name", "customer name", "full name", "recipient",
		"customer", "contact", "name",
	},
	Customer: {"客户编号", "会员号", "会员编号", "买家昵称", "买家会员名", "customer_id", "customer id", "customer no", "customer number"},
	Phone: {
		"联系电话", "联系手机", "收货人电话", "收货人手机", "收件人电话", "手机号", "手机号码", "联系方式", "手机", "电话", "电话号码",
		"phone", "phone number", "mobile",
		"mobile number", "telephone", "tel",
	},
	Address: {
		"收货地址", "详细地址", "安装地址", "客户地址", "收件地址", "地址", "address", "shipping address", "delivery address",
		"installation address", "street",
	},
	Region:    {"区域", "大区", "region"},
	Latitude:  {"纬度", "lat", "latitude"},
	Longitude: {"经度", "lng", "lon", "longitude"},
	SKU: {
		"sku", "商品编码", "货号", "型号/sku", "商家编码", "物料编码", "商品编号", "sku编码",
		"sku code", "item code", "article", "article number", "product code",
		"product_id", "product id", "part number",
	},
	GTIN:     {"条码", "商品条码", "国际条码", "69码", "gtin", "ean", "ean13", "upc", "barcode"},
	Model:    {"型号", "规格型号", "商品型号", "产品型号", "model", "model no"},
	Class:    {"品类", "类目", "商品分类", "category", "product category"},
	Quantity: {"数量", "购买数量", "商品数量", "件数", "台数", "quantity", "qty", "qty.", "pieces", "units"},
	Price:    {"金额", "实付金额", "订单金额", "应付金额", "总价", "单价", "price", "unit price", "amount", "total"},
	Shop:     {"门店", "店铺", "店铺名称", "门店名称", "shop", "store", "store name"},
	WantedDate: {
		"预约日期", "安装日期", "上门日期", "预约时间", "预约安装时间", "上门时间", "送货日期", "wanted_date", "wanted date", "install date",
		"appointment", "delivery date",
	},
	WantedSlot: {"时间段", "预约时段", "上门时段", "wanted_slot", "time slot", "slot"},
	Urgency:    {"加急", "是否加急", "urgency", "urgent", "priority"},
	VIP:        {"vip", "是否vip", "会员等级"},
}

// productNames stand for the model where a table has nothing better.
var productNames = []string{"product", "product name", "item name", "商品名称", "产品名称"}

// Propose writes a mapping file for a table with these headers: what it recognises as columns, the rest as comments.
// It is a beginning for a person, and says so.
func Propose(source string, header []string) string {
	used, article := map[string]bool{}, false
	var b strings.Builder
	fmt.Fprintf(&b,
		"# 导入映射 / import mapping, proposed from the headers. Check every line; docs/IMPORT.md explains.\nsource: %q\nzone: "+
			"Asia/Shanghai\ncurrency: CNY\ncolumns:\n", source)
	for _, f := range fields {
		all := names[f]
		if f == Model && !article {
			all = slices.Concat(all, productNames)
		}
		for _, n := range all {
			if h, ok := find(header, n); ok && !used[h] {
				used[h] = true
				article = article || f == SKU || f == GTIN
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
