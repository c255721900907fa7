package agreement

import "github.com/doorstep-dev/doorstep/sync/fault"

// What this package says, in Chinese; the keys are those of fault.Textf.
var _ = fault.Translate(map[string]string{
	"lines without content_hash":                "有收费项但缺少 content_hash",
	"a line comes twice":                        "收费项重复",
	"a line's sum is not quantity × unit_price": "收费项的金额不等于数量乘以单价",
	"totals are not the sums of the lines":      "合计与各项之和不符",
	"content_hash is not that of the lines":     "content_hash 与收费项不符",
	"a line's unit_price":                       "收费项的单价有误",
})
