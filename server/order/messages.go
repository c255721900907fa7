package order

import "github.com/doorstep-dev/doorstep/sync/fault"

// What this package says, in Chinese; the keys are those of fault.Textf.
var _ = fault.Translate(map[string]string{
	"no line %s with the names of the columns":                                "没有列名所在的第 %s 行",
	"no line with the names of the columns":                                   "没有列名所在的行",
	"order.customer.vip: the office says who is a VIP":                        "order.customer.vip：是否为 VIP 由公司决定",
	"order.customer: a phone number":                                          "order.customer：须有电话号码",
	"order.customer: a spreadsheet has shortened its number; give all digits": "order.customer：号码已被电子表格截短，请填写完整数字",
	"order.customer: name or address":                                         "order.customer：姓名或地址有误",
	"order.lines.price.currency: the company's is %s":                         "order.lines.price.currency：公司币种为 %s",
	"order.lines.price: from 0 to %s":                                         "order.lines.price：须在 0 到 %s 之间",
	"order.lines: a product, a currency and a quantity from 1 to 50":          "order.lines：须有产品、币种和 1 到 50 的数量",
	"order.number: a spreadsheet has shortened it; give all digits":           "order.number：已被电子表格截短，请填写完整数字",
	"order.number: no control characters":                                     "order.number：不能含控制字符",
	"order.ordered_at: from the year 2000 to now":                             "order.ordered_at：须在 2000 年至今之间",
	"order.store_id: name a shop of yours":                                    "order.store_id：请填写您管理的门店",
	"order: a source, a number and 1 to 200 lines":                            "order：须有来源、订单号和 1 到 200 行商品",
	"proposal":             "客户信息",
	"proposal: %s already": "该客户信息已处理：%s",
	"proposal: its order has got more tickets meanwhile; decide again":   "该订单期间新增了工单，请重新决定",
	"proposal: somebody else decides on it":                              "该客户信息由其他人处理",
	"vip: an office that all of the customer's orders belong to decides": "vip：须由客户全部订单所属的公司部门决定",
	"wanted ends before it begins":                                       "期望时间的结束早于开始",
})
