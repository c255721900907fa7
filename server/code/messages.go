package code

import "github.com/doorstep-dev/doorstep/sync/fault"

// What this package says, in Chinese; the keys are those of fault.Textf.
var _ = fault.Translate(map[string]string{
	"host: a name such as id.example.com":                     "host：应为域名，例如 id.example.com",
	"no free short code was found":                            "没有可用的短码",
	"no org has this handle":                                  "没有公司使用该代号",
	"not a clerk of this shop at that time":                   "当时不是该门店的店员",
	"not a key id":                                            "不是密钥编号",
	"not a signed code":                                       "不是签名码",
	"serial: a spreadsheet has shortened it; give all digits": "serial：已被电子表格截短，请填写完整数字",
	"several products have a unit with serial number %s: give the unit's id": "有多个产品使用序列号 %s：请改用编号",
	"the code %s is revoked or has expired":                                  "码 %s 已撤销或过期",
	"this is not the code of a product":                                      "这不是商品码",
	"unit with serial number %s":                                             "序列号为 %s 的产品",
	"unit.order_number: a spreadsheet has shortened it; give all digits":     "unit.order_number：已被电子表格截短，请填写完整数字",
})
