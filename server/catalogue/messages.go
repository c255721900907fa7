package catalogue

import "github.com/doorstep-dev/doorstep/sync/fault"

// What this package says, in Chinese; the keys are those of fault.Textf.
var _ = fault.Translate(map[string]string{
	"%s is not known":         "%s 不存在",
	"%s.name: 1 to 200 bytes": "%s.name：1 到 200 字节",
	"%s: a spreadsheet has shortened it; give all digits": "%s：已被电子表格截短，请填写完整数字",
	"class.duration_minutes: at most a day":               "class.duration_minutes：不超过一天",
	"class.key: a-z, 0-9 and _, at most 64":               "class.key：只能用小写字母、数字和下划线，最多 64 个字符",
	"class.skills: at most 20 tags of 1 to 64 bytes": "class.skills：最多 20 个标签，每个 1 到 " +
		"64 字节",
	"effective_from: a price that holds already is not changed; now at the earliest": "effective_from：已生效的价格不可更改，最早从现在起",
	"item.class_ids: at most %s":                                    "item.class_ids：最多 %s 个",
	"item.class_ids[%s]: named twice":                               "item.class_ids[%s]：重复",
	"item.class_ids[%s]: no class has this id":                      "item.class_ids[%s]：没有该编号的品类",
	"item.kind: it stays what it is; make another item":             "item.kind：类型不可更改，请另建项目",
	"item.kind: part or surcharge":                                  "item.kind：须为配件或补价",
	"item.price.currency: the company's is %s":                      "item.price.currency：公司币种为 %s",
	"item.sku: 1 to 64 bytes":                                       "item.sku：1 到 64 字节",
	"product.gtin: 8, 12, 13 or 14 digits with a right check digit": "product.gtin：须为 8、12、13 或 14 位数字，且校验位正确",
	"product.sku: 1 to 64 bytes; model: at most 100":                "product.sku：1 到 64 字节；model：最多 100 字节",
	"product.warranty_months: at most 1200":                         "product.warranty_months：最多 1200",
})
